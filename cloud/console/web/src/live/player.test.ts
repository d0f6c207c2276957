import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from './backoff.ts';
import { fragment, initSegment, message } from './fixture.ts';
import { Player, type Look, type World } from './player.ts';

// Socket stands for WebSocket: the test plays the server.
class Socket {
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((m: { data: unknown }) => void) | null = null;
  closed = false;
  binaryType = '';
  constructor(readonly url: string) {}
  close() { this.closed = true; }
}

// Source and Buffer stand for Media Source Extensions: all that is appended is buffered at once.
class Source extends EventTarget {
  readyState = 'closed';
  duration = 0;
  buffers: Buffered[] = [];
  addSourceBuffer(mime: string) {
    const b = new Buffered(mime);
    this.buffers.push(b);
    return b;
  }
  open() {
    this.readyState = 'open';
    this.dispatchEvent(new Event('sourceopen'));
  }
}

class Buffered extends EventTarget {
  updating = false;
  appended: Uint8Array[] = [];
  fail: Error | undefined;
  constructor(public mime: string) { super(); }
  changeType(mime: string) { this.mime = mime; }
  appendBuffer(data: Uint8Array) {
    if (this.fail !== undefined) throw this.fail;
    this.appended.push(data);
    this.#update();
  }
  remove() { this.#update(); }
  #update() {
    this.updating = true;
    queueMicrotask(() => {
      this.updating = false;
      this.dispatchEvent(new Event('updateend'));
    });
  }
}

class Video extends EventTarget {
  src = '';
  currentTime = 0;
  playbackRate = 1;
  readyState = 4;
  seeking = false;
  paused = true;
  error = null;
  buffered = { length: 0, start: () => 0, end: () => 0 };
  callbacks = new Map<number, (now: number, f: { mediaTime: number }) => void>();
  #next = 0;
  async play() { this.paused = false; }
  load() {}
  removeAttribute() { this.src = ''; }
  requestVideoFrameCallback(f: (now: number, m: { mediaTime: number }) => void) {
    this.callbacks.set(++this.#next, f);
    return this.#next;
  }
  cancelVideoFrameCallback(h: number) { this.callbacks.delete(h); }
  paint(mediaTime: number) {
    const all = [...this.callbacks.values()];
    this.callbacks.clear();
    for (const f of all) f(0, { mediaTime });
  }
}

const format = (mime = 'video/mp4; codecs="avc1.64001f"') => JSON.stringify({ type: 'format', mime, codec: '', width_px: 2, height_px: 2, fps: 10 });
const state = (s: string, code = '') => JSON.stringify({ type: 'state', state: s, code });
const times = { beat: 1, silence: 1000, opening: 1000, hidden: 500, unseen: 600, patience: 5 };

function stage(o: { supports?: (mime: string) => boolean; retry?: number } = {}) {
  const s = {
    sockets: [] as Socket[], sources: [] as Source[], looks: [] as Look[], urls: new Set<string>(), now: 1000, visible: true, video: new Video(),
    get socket() { return s.sockets.at(-1) as Socket; },
    get source() { return s.sources.at(-1) as Source; },
    say(data: unknown) { s.socket.onmessage?.({ data }); },
    seq: 0,
    init() { s.say(format()); s.say(message('init', initSegment(), { sent: s.now % 65_536, seq: ++s.seq })); },
    frame(at: number, key: boolean, ageMs = 100, skip = 0) { s.seq += 1 + skip; s.say(message('fragment', fragment({ time: at * 90_000 }), { flags: key ? 1 : 0, sent: s.now % 65_536, ageMs, seq: s.seq })); },
  };
  let made = 0;
  const world: World = {
    socket: (url) => { const w = new Socket(url); s.sockets.push(w); return w as unknown as WebSocket; },
    maker: {
      source: () => { const m = new Source(); s.sources.push(m); return m as unknown as MediaSource; },
      url: () => 'blob:source', revoke: () => undefined, supports: o.supports ?? (() => true),
    },
    now: () => s.now, visible: () => s.visible, backoff: () => new Backoff([o.retry ?? 1], () => 0.5),
    blobURL: () => { const u = `blob:${++made}`; s.urls.add(u); return u; }, revoke: (u) => void s.urls.delete(u),
  };
  const player = new Player('/api/v1/cameras/e/c/live', (l) => s.looks.push(l), world, times);
  player.open(s.video as unknown as HTMLVideoElement);
  return Object.assign(s, { player });
}

async function until(what: string, ok: () => boolean): Promise<void> {
  const end = Date.now() + 3000;
  while (!ok()) {
    assert.ok(Date.now() < end, what);
    await new Promise((r) => setTimeout(r, 1));
  }
}

test('from asking to the first picture', async () => {
  const s = stage();
  assert.equal(s.socket.url, '/api/v1/cameras/e/c/live?mode=video');
  assert.equal(s.socket.binaryType, 'arraybuffer');
  s.socket.onopen?.();
  assert.equal(s.player.look.phase, 'open');
  s.say(state('waiting', 'starting'));
  assert.equal(s.player.look.state?.code, 'starting');
  s.init();
  s.source.open();
  s.frame(50, true);
  await until('appended', () => s.source.buffers[0]?.appended.length === 2);
  assert.equal(s.source.buffers[0]?.mime, 'video/mp4; codecs="avc1.64001f"');
  assert.equal(s.source.duration, Infinity);
  assert.equal(s.player.ages.of(s.now), undefined);
  s.now += 300;
  s.video.paint(50);
  assert.equal(s.player.ages.of(s.now), 400);
  assert.equal(s.player.look.firstMs, 300);
  s.player.close();
});

test('nothing is shown before a key frame, nor after a gap until the next', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.source.open();
  s.frame(1, false);
  s.frame(2, true);
  s.frame(3, false);
  s.frame(5, false, 100, 1); // one is missing before it
  s.frame(6, false);
  s.frame(7, true);
  s.frame(8, false);
  s.frame(20, true, 100, 9); // skipped to a key frame
  await until('appended', () => s.source.buffers[0]?.appended.length === 1 + 5);
  s.video.paint(6);
  assert.equal(s.player.ages.of(s.now), 100);
  s.player.close();
});

test('however it ends it is opened again; the picture stays and ages', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.source.open();
  s.frame(1, true);
  s.video.paint(1);
  s.socket.onclose?.();
  assert.equal(s.player.look.phase, 'lost');
  await until('again', () => s.sockets.length === 2);
  s.now += 4000;
  assert.equal(s.player.ages.of(s.now), 4100);
  s.socket.onopen?.();
  assert.equal(s.player.look.state, undefined);
  s.init();
  s.frame(1, true, 70);
  s.video.paint(1);
  assert.equal(s.player.ages.of(s.now), 70);
  assert.equal(s.sources.length, 1); // the same reel goes on: nothing goes black
  s.player.close();
});

test('what the network held back counts as age', () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.frame(1, true, 100);
  const sent = s.now % 65_536;
  s.now += 3000;
  s.say(message('fragment', fragment({ time: 2 * 90_000 }), { sent, ageMs: 100, seq: s.seq + 1 })); // sent together, and three seconds on the way
  s.video.paint(2);
  assert.equal(s.player.ages.of(s.now), 3100);
  s.player.close();
});

test('a stream that ran and fell silent is opened again; one that waits is not', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.say(state('waiting', 'camera-offline'));
  s.now += 60_000;
  await new Promise((r) => setTimeout(r, 15));
  assert.equal(s.sockets.length, 1);
  s.init();
  s.frame(1, true);
  s.video.paint(1);
  s.now += 1001;
  await until('again', () => s.sockets.length === 2);
  assert.equal(s.sockets[0]?.closed, true);
  s.player.close();
});

test('a connection that takes too long is given up and made anew', async () => {
  const s = stage();
  s.now += 1001;
  await until('again', () => s.sockets.length >= 2);
  s.player.close();
});

test('a refusal is final until somebody wants it again; other ends are not', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.say(state('ended', 'refused'));
  assert.equal(s.player.look.phase, 'over');
  await new Promise((r) => setTimeout(r, 15));
  assert.equal(s.sockets.length, 1);
  s.player.again();
  assert.equal(s.sockets.length, 2);
  s.socket.onopen?.();
  s.say(state('ended', 'too-slow'));
  await until('again', () => s.sockets.length === 3);
  s.player.close();
});

test('again leaves alone what is being made or was just heard, and wakes what is not', async () => {
  const s = stage({ retry: 60_000 });
  s.player.again();
  assert.equal(s.sockets.length, 1);
  s.socket.onopen?.();
  s.player.again();
  assert.equal(s.sockets.length, 1);
  s.now += 501; // half of the silence: nobody knows whether the other side is there
  s.player.again();
  assert.equal(s.sockets.length, 2);
  s.socket.onclose?.();
  s.player.again();
  assert.equal(s.sockets.length, 3);
  s.player.close();
});

test('what cannot be played is shown as stills, and the reason is kept', async () => {
  const s = stage({ supports: (m) => !m.includes('hvc1') });
  s.socket.onopen?.();
  s.say(format('video/mp4; codecs="hvc1.1.6.L93.B0"'));
  assert.deepEqual([s.player.look.mode, s.player.look.fallback], ['still', 'h265']);
  assert.equal(s.socket.url, '/api/v1/cameras/e/c/live?mode=still');
  assert.equal(s.sockets[0]?.closed, true);
  s.socket.onopen?.();
  s.say(message('jpeg', new Uint8Array([1]), { ageMs: 40 }));
  const first = s.player.look.still ?? '';
  assert.equal(s.player.ages.of(s.now), undefined); // it has come, and is not on screen yet
  s.player.stillLoaded(first);
  assert.equal(s.player.ages.of(s.now), 40);
  s.say(message('jpeg', new Uint8Array([2]), { ageMs: 50 }));
  s.say(message('jpeg', new Uint8Array([3]), { ageMs: 60 }));
  s.player.stillLoaded('blob:2'); // overtaken
  assert.equal(s.player.ages.of(s.now), 40);
  s.player.stillLoaded(s.player.look.still ?? '');
  assert.equal(s.player.ages.of(s.now), 60);
  assert.equal(s.urls.size, 1);
  s.player.close();
  assert.equal(s.urls.size, 0);
});

test('video that comes and is never seen becomes stills', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.source.open();
  s.frame(1, true);
  s.now += 601;
  await until('stills', () => s.player.look.mode === 'still');
  assert.equal(s.player.look.fallback, 'playback');
  s.player.close();
});

test('a decoder that fails is begun anew, and given up at the third time', async () => {
  const s = stage();
  for (let i = 1; i <= 3; i++) {
    await until('connected', () => s.sockets.length === i);
    s.socket.onopen?.();
    s.init();
    assert.equal(s.sources.length, i);
    s.video.dispatchEvent(new Event('error'));
  }
  assert.equal(s.player.look.mode, 'still');
  assert.equal(s.player.look.fallback, 'playback');
  s.player.close();
});

test('a full buffer that nothing can be taken from begins anew', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.source.open();
  await until('init', () => s.source.buffers[0]?.appended.length === 1 && !s.source.buffers[0].updating);
  (s.source.buffers[0] as Buffered).fail = new DOMException('full', 'QuotaExceededError');
  s.frame(1, true);
  await until('again', () => s.sockets.length === 2);
  s.player.close();
});

test('a hidden page stops pulling after a while, and begins anew when seen', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.visible = false;
  await new Promise((r) => setTimeout(r, 10));
  s.now += 400;
  await new Promise((r) => setTimeout(r, 10));
  assert.equal(s.player.look.phase, 'open');
  s.now += 200;
  await until('rest', () => s.player.look.phase === 'resting');
  assert.equal(s.socket.closed, true);
  s.player.again();
  assert.equal(s.sockets.length, 1);
  s.visible = true;
  await until('again', () => s.sockets.length === 2);
  s.player.close();
});

test('a hidden page does not wait for a picture that nobody paints', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.frame(1, true);
  s.visible = false;
  await new Promise((r) => setTimeout(r, 10));
  s.now += 450;
  await new Promise((r) => setTimeout(r, 10));
  s.visible = true;
  s.now += 300;
  await new Promise((r) => setTimeout(r, 10));
  assert.equal(s.player.look.mode, 'video');
  s.player.close();
});

test('closed, it holds nothing and says nothing more', async () => {
  const s = stage();
  s.socket.onopen?.();
  s.init();
  s.source.open();
  s.frame(1, true);
  s.video.paint(1);
  const socket = s.socket;
  s.player.close();
  const said = s.looks.length;
  assert.equal(socket.closed, true);
  assert.deepEqual([socket.onmessage, socket.onclose, socket.onopen], [null, null, null]);
  assert.equal(s.video.callbacks.size, 0);
  assert.equal(s.video.src, '');
  s.source.dispatchEvent(new Event('sourceclose'));
  s.video.dispatchEvent(new Event('error'));
  s.now += 1e6;
  await new Promise((r) => setTimeout(r, 15));
  s.player.again();
  assert.equal(s.looks.length, said);
  assert.equal(s.sockets.length, 1);
});

test('messages that make no sense change nothing', () => {
  const s = stage();
  s.socket.onopen?.();
  for (const d of ['', '{}', '{"type":"x"}', new ArrayBuffer(3), message(9, new Uint8Array([1])), message('fragment', new Uint8Array([1]), { flags: 1 }), message('init', new Uint8Array([1, 2, 3]))]) s.say(d);
  s.init();
  s.say(message('fragment', new Uint8Array([0, 0, 0, 9, 9]), { flags: 1, seq: 99 }));
  assert.equal(s.player.look.phase, 'open');
  assert.equal(s.player.look.mode, 'video');
  s.player.close();
});

const boxes = (ageMs: number, x: number) => JSON.stringify({ type: 'boxes', seq: 1, age_ms: ageMs, w: 2, h: 2, boxes: [{ id: 't1', class: 'person', score: 0.9, box: [x, 0, x + 0.1, 1], rules: [] }] });

test('boxes are asked for when they are wanted, and shown with their own picture only', () => {
  const s = stage();
  let painted = 0;
  s.player.painted = () => painted++;
  s.socket.onopen?.();
  s.player.want(true);
  assert.equal(s.sockets.length, 2);
  assert.equal(s.socket.url, '/api/v1/cameras/e/c/live?mode=video&boxes=1');
  s.socket.onopen?.();
  s.init();
  s.frame(10, true, 100); // came to the edge at 900
  s.now += 400;
  s.frame(10.4, false, 100); // at 1300
  s.say(boxes(500, 0.1)); // of the first one
  assert.deepEqual(s.player.boxes(), []); // nothing is on screen
  s.video.paint(10);
  assert.equal(s.player.boxes()[0]?.box[0], 0.1);
  s.now += 5000; // however long it stands there
  assert.equal(s.player.boxes()[0]?.box[0], 0.1);
  s.video.paint(10.4);
  assert.deepEqual(s.player.boxes(), []); // 400 ms from what was looked at
  s.say(boxes(5100, 0.5));
  assert.equal(s.player.boxes()[0]?.box[0], 0.5);
  assert.equal(painted, 4);
  s.player.want(false);
  assert.deepEqual(s.player.boxes(), []);
  assert.equal(s.socket.url, '/api/v1/cameras/e/c/live?mode=video');
  s.player.want(false);
  assert.equal(s.sockets.length, 3);
  s.player.close();
});

test('boxes that name their picture are shown with that picture, whatever the clocks say', () => {
  const s = stage();
  s.player.want(true);
  s.socket.onopen?.();
  s.init();
  for (const at of [10, 10.5, 11, 11.5]) s.frame(at, at === 10, 100);
  const named = (at: number, x: number) => JSON.stringify({ ...(JSON.parse(boxes(9000, x)) as object), media_us: at * 1e6 });
  s.say(named(10, 0.1));
  s.say(named(10.5, 0.3));
  s.video.paint(10.25);
  assert.ok(Math.abs((s.player.boxes()[0]?.box[0] ?? 0) - 0.2) < 1e-9);
  s.video.paint(10.5);
  assert.equal(s.player.boxes()[0]?.box[0], 0.3);
  s.video.paint(11);
  assert.deepEqual(s.player.boxes(), []);
  s.player.close();
});
