// The mock's live view: the protocol of the real server over a made-up picture. Tests turn its
// knobs to play what goes wrong.

import { WebSocketServer } from 'ws';
import { boxAt } from './media.mjs';

const kinds = { init: 1, fragment: 2, jpeg: 3 };
const tickMs = 50;
const stillMs = 1000;

// Film is a fragmented MP4 cut into its init segment and fragments; played as a loop whose times go on.
export class Film {
  constructor(file) {
    const boxes = [...boxesOf(file, 0, file.length)];
    const at = boxes.findIndex((b) => b.type === 'moof');
    this.init = file.subarray(0, boxes[at].start);
    this.fragments = [];
    for (let i = at; i + 1 < boxes.length; i++) {
      if (boxes[i].type === 'moof' && boxes[i + 1].type === 'mdat') this.fragments.push(file.subarray(boxes[i].start, boxes[i + 1].end));
    }
    const avcC = this.init.indexOf('avcC') + 4;
    this.mime = `video/mp4; codecs="avc1.${this.init.subarray(avcC + 1, avcC + 4).toString('hex')}"`;
    this.tick = timeOf(this.fragments[1]) - timeOf(this.fragments[0]);
    this.scale = this.init.readUInt32BE(this.init.indexOf('mdhd') + 4 + 12);
    this.frameMs = (this.tick / this.scale) * 1000;
  }

  key(n) { return n % this.group === 0; }

  // fragment gives picture n of the endless loop.
  fragment(n) {
    const out = Buffer.from(this.fragments[n % this.fragments.length]);
    const at = out.indexOf('tfdt') + 4;
    const time = n * this.tick;
    if (out[at] === 1) out.writeBigUInt64BE(BigInt(time), at + 4);
    else out.writeUInt32BE(time, at + 4);
    return out;
  }

  secondOf(n) { return ((n % this.fragments.length) * this.frameMs) / 1000; }

  group = 10; // pictures from one key frame to the next, as media.mjs has them made
}

function timeOf(fragment) {
  const at = fragment.indexOf('tfdt') + 4;
  return fragment[at] === 1 ? Number(fragment.readBigUInt64BE(at + 4)) : fragment.readUInt32BE(at + 4);
}

function* boxesOf(file, at, end) {
  while (at + 8 <= end) {
    const size = file.readUInt32BE(at);
    yield { type: file.toString('latin1', at + 4, at + 8), start: at, end: at + size };
    at += size;
  }
}

// LiveRoom serves all viewers of one mock.
export class LiveRoom {
  viewers = new Set();
  opened = []; // "edge/camera?mode" of every view that was opened
  knobs = new Map(); // "edge/camera" → { frozen, ageMs, h265, state, refuse, tainted, unseen, mute }
  frozen = false; // all of them

  constructor(media, world) {
    this.film = new Film(media['live.mp4']);
    this.stills = ['still-0.jpg', 'still-1.jpg', 'still-2.jpg'].map((n) => media[n]);
    this.world = world;
    this.server = new WebSocketServer({ noServer: true });
    this.began = Date.now();
    this.timer = setInterval(() => this.pump(), tickMs);
  }

  knob(camera) { return this.knobs.get(camera) ?? {}; }

  // turn changes what happens to a camera from now on.
  turn(camera, more) {
    this.knobs.set(camera, { ...this.knob(camera), ...more });
    for (const v of this.viewers) if (v.camera === camera && more.state !== undefined) this.say(v, more.state);
  }

  upgrade(req, socket, head, user) {
    const url = new URL(req.url, 'http://mock');
    const m = /^\/api\/v1\/cameras\/([^/]+)\/([^/]+)\/live$/.exec(url.pathname);
    const origin = req.headers.origin;
    const status = m === null ? '404 Not Found' : user === undefined ? '401 Unauthorized' : origin !== `http://${req.headers.host}` ? '403 Forbidden' : undefined;
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    this.server.handleUpgrade(req, socket, head, (ws) => this.join(ws, `${m[1]}/${m[2]}`, url.searchParams.get('mode') ?? 'video', url.searchParams.get('boxes') === '1'));
  }

  join(ws, camera, mode, boxes) {
    const v = { ws, camera, mode, boxes, next: undefined, seq: 0, stillAt: 0, joined: Date.now() };
    this.viewers.add(v);
    this.opened.push(`${camera}?${mode}${boxes ? '+boxes' : ''}`);
    ws.on('close', () => this.viewers.delete(v));
    ws.on('error', () => this.viewers.delete(v));
    const { state, refuse } = this.knob(camera);
    if (refuse !== undefined) {
      this.say(v, { state: 'ended', code: refuse });
      return ws.close(1008, refuse);
    }
    this.say(v, state ?? { state: 'waiting', code: 'starting' });
  }

  say(v, { state, code = '', message = '' }) {
    v.ws.send(JSON.stringify({ type: 'state', state, code, message }));
  }

  media(v, kind, flags, payload) {
    const head = Buffer.alloc(16);
    const { ageMs = 120, tainted = false } = this.knob(v.camera);
    head[0] = kinds[kind];
    head[1] = flags | (tainted ? 2 : 0);
    head.writeUInt16BE((Date.now() - v.joined) % 65_536, 2);
    head.writeUInt32BE(ageMs, 4);
    head.writeBigUInt64BE(BigInt(++v.seq), 8);
    v.ws.send(Buffer.concat([head, payload]));
  }

  gives(camera) {
    const k = this.knob(camera);
    if (this.frozen || k.frozen || (k.state !== undefined && k.state.state !== 'live')) return false;
    return this.world().cameras.some((c) => `${c.edge}/${c.id}` === camera && c.state === 'live');
  }

  pump() {
    const now = Date.now();
    const n = Math.floor((now - this.began) / this.film.frameMs);
    for (const v of this.viewers) {
      if (!this.gives(v.camera)) v.next = undefined;
      else if (v.mode === 'still') this.still(v, now);
      else this.video(v, n);
    }
  }

  still(v, now) {
    if (now - v.stillAt < stillMs) return;
    if (v.stillAt === 0) this.say(v, { state: 'live' });
    v.stillAt = now;
    this.media(v, 'jpeg', 1, this.stills[Math.floor(now / stillMs) % this.stills.length]);
    this.boxes(v, undefined, 1);
  }

  video(v, n) {
    if (v.next === undefined) {
      const mime = this.knob(v.camera).h265 ? 'video/mp4; codecs="hvc1.1.6.L93.B0"' : this.film.mime;
      this.say(v, { state: 'live' });
      v.ws.send(JSON.stringify({ type: 'format', mime, codec: this.knob(v.camera).h265 ? 'h265' : 'h264', width_px: 480, height_px: 270, fps: 1000 / this.film.frameMs }));
      this.media(v, 'init', 0, this.film.init);
      v.next = n - (n % this.film.group);
    }
    for (; v.next <= n; v.next++) {
      this.media(v, 'fragment', this.film.key(v.next) ? 1 : 0, this.film.fragment(v.next));
      if (v.next % 2 === 0) this.boxes(v, (v.next * this.film.tick * 1e6) / this.film.scale, this.film.secondOf(v.next));
    }
  }

  // boxes says what a model sees in the picture of a second of the film: its figure, and a thing
  // that stands still. Knobs: unseen is a model that finds nothing, mute one that says nothing.
  boxes(v, media_us, second) {
    const { unseen = false, mute = false, ageMs = 120 } = this.knob(v.camera);
    if (!v.boxes || mute) return;
    const b = boxAt(second);
    const seen = [{ id: 't7', class: 'person', score: 0.83, box: [b.x0, b.y0, b.x1, b.y1], rules: ['fence'] }, { id: 't9', class: 'car', score: 0.61, box: [0.02, 0.32, 0.27, 0.52], rules: [] }];
    v.ws.send(JSON.stringify({ type: 'boxes', seq: v.seq, pts_us: 0, wall_us: Date.now() * 1000, media_us, age_ms: ageMs, w: 480, h: 270, boxes: unseen ? [] : seen }));
  }

  // cut ends all views as a lost network does.
  cut() {
    for (const v of this.viewers) v.ws.terminate();
  }

  stop() {
    clearInterval(this.timer);
    this.cut();
    this.server.close();
  }
}
