// One camera's live view: a WebSocket that is opened again however it ends, and what it brings
// shown as video, or as a still once a second where the browser cannot play the video.

import { Ages } from './age.ts';
import { Backoff } from './backoff.ts';
import { Moments, type Boxes, type LiveBox } from './boxes.ts';
import { timesOf, trackOf, type Track } from './fmp4.ts';
import { Lag } from './lag.ts';
import { mediaOf, textOf, type Format, type Media, type State } from './message.ts';
import { browserMaker, Reel, type Maker } from './reel.ts';

export type Mode = 'video' | 'still';

// Phase: resting is a hidden page that asks for nothing; over is an answer that asking again
// would not change.
export type Phase = 'connecting' | 'open' | 'lost' | 'resting' | 'over';

// Fallback is why stills are shown in place of video.
export type Fallback = 'h265' | 'codec' | 'playback';

export interface Look {
  phase: Phase; mode: Mode; fallback?: Fallback;
  state?: State; format?: Format;
  still?: string; // address of the picture in mode still
  firstMs?: number; // from asking to the first picture on screen
}

// World is what a player needs of the browser.
export interface World {
  socket(url: string): WebSocket;
  maker: Maker;
  now(): number;
  visible(): boolean;
  backoff(): Backoff;
  blobURL(jpeg: Uint8Array<ArrayBuffer>): string;
  revoke(url: string): void;
}

export const browserWorld: World = {
  socket: (path) => new WebSocket(location.origin.replace(/^http/, 'ws') + path),
  maker: browserMaker,
  now: () => performance.now(),
  visible: () => document.visibilityState === 'visible',
  backoff: () => new Backoff(),
  blobURL: (jpeg) => URL.createObjectURL(new Blob([jpeg], { type: 'image/jpeg' })),
  revoke: (u) => URL.revokeObjectURL(u),
};

export interface Times { beat: number; silence: number; opening: number; hidden: number; unseen: number; patience: number }

// silence is how long a stream that ran may bring nothing; opening how long a connection may
// take; hidden how long a hidden page goes on; unseen how long video may come without a
// picture; patience the least wait after the server ended a view for a reason of its own.
const usual: Times = { beat: 250, silence: 10_000, opening: 10_000, hidden: 8000, unseen: 6000, patience: 15_000 };

const finalCodes = ['refused', 'no-such-camera'];
const troublesMost = 3; // of the video within a minute, before stills take its place
const minuteMs = 60_000;

// Player runs from open to close. It tells each change of its look; ages change by themselves.
export class Player {
  readonly ages = new Ages();
  look: Look = { phase: 'connecting', mode: 'video' };
  painted: (() => void) | undefined; // called when another picture, or other boxes, are to be seen

  #socket: WebSocket | undefined;
  #video: HTMLVideoElement | undefined;
  #reel: Reel | undefined;
  #track: Track | undefined;
  #needKey = true;
  #seq = 0;
  #lag = new Lag(); // of this socket
  #late = 0; // by how much its last message with pictures was late
  #boxes = false; // they are wanted
  #byMedia = new Moments(); // of the video's time line, of this socket
  #byArrival = new Moments(); // of the page's clock
  #picture: number | undefined; // media time of the picture on screen, ms
  #opened = 0; // when the socket was asked for
  #heard = 0; // when it last said anything
  #fed = 0; // when the first fragment of this socket came; 0 before
  #running = false; // this socket has brought pictures
  #troubles: number[] = [];
  #hiddenSince: number | undefined;
  #pending: { url: string; media: Media; at: number } | undefined;
  #shownStill: string | undefined;
  #frames = 0; // handle of the video frame callback
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #backoff: Backoff;

  constructor(
    private readonly path: string, // of the route, without its query
    private readonly changed: (l: Look) => void,
    private readonly world: World = browserWorld,
    private readonly t: Times = usual,
  ) {
    this.#backoff = world.backoff();
  }

  // open begins, with the element that shows the video.
  open(video: HTMLVideoElement): void {
    this.#video = video;
    this.#beat = setInterval(() => this.#onBeat(), this.t.beat);
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#beat);
    this.#drop();
    this.#forgetStills();
    this.#video = undefined;
  }

  // again asks anew at once: the network, or the camera, is said to be back, or somebody wants
  // it. A connection that is being made, or has just been heard, is left alone.
  again(): void {
    const { phase } = this.look;
    if (this.#closed || phase === 'connecting' || phase === 'resting') return;
    if (phase === 'open' && this.world.now() - this.#heard < this.t.silence / 2) return;
    this.#backoff.reset();
    this.#connect();
  }

  // want asks for boxes from now on, or for none. The pictures go on.
  want(boxes: boolean): void {
    if (this.#boxes === boxes) return;
    this.#boxes = boxes;
    this.#byArrival.clear();
    if (this.#socket !== undefined) this.#connect();
  }

  // boxes gives what was seen in the picture that is on screen.
  boxes(): LiveBox[] {
    const now = this.world.now();
    const age = this.ages.of(now);
    if (age === undefined || !this.#boxes) return [];
    const exact = this.look.mode === 'video' && this.#picture !== undefined && !this.#byMedia.empty;
    return exact ? this.#byMedia.of(this.#picture ?? 0) : this.#byArrival.of(now - age);
  }

  // stillLoaded is told that the picture at an address is on screen.
  stillLoaded(url: string): void {
    const p = this.#pending;
    if (p === undefined || p.url !== url) return;
    this.ages.still(p.media.ageMs, p.at, p.media.tainted);
    if (this.#shownStill !== undefined) this.world.revoke(this.#shownStill);
    this.#shownStill = url;
    this.#pending = undefined;
    this.#first();
    this.painted?.();
  }

  #set(more: Partial<Look>): void {
    this.look = { ...this.look, ...more };
    if (!this.#closed) this.changed(this.look);
  }

  #connect(): void {
    this.#drop();
    if (this.#closed) return;
    const { state: _, ...rest } = this.look;
    this.look = { ...rest, phase: 'connecting' };
    this.#set({});
    const s = this.world.socket(`${this.path}?mode=${this.look.mode}${this.#boxes ? '&boxes=1' : ''}`);
    s.binaryType = 'arraybuffer';
    this.#socket = s;
    this.#lag = new Lag();
    this.#late = 0;
    this.#byMedia.clear();
    this.#opened = this.#heard = this.world.now();
    s.onopen = () => {
      this.#heard = this.world.now();
      this.#set({ phase: 'open' });
    };
    s.onmessage = (m: MessageEvent<string | ArrayBuffer>) => {
      this.#heard = this.world.now();
      if (typeof m.data === 'string') this.#onText(m.data);
      else this.#onMedia(m.data);
    };
    s.onclose = () => this.#lost();
  }

  // drop ends the connection, and what stands on it.
  #drop(): void {
    clearTimeout(this.#retry);
    const s = this.#socket;
    this.#socket = undefined;
    if (s !== undefined) {
      s.onopen = s.onmessage = s.onclose = null;
      s.close();
    }
    this.#fed = 0;
    this.#running = false;
    this.#needKey = true;
    this.#track = undefined;
  }

  #lost(): void {
    this.#drop();
    if (this.#closed) return;
    const ended = this.look.state?.state === 'ended' ? this.look.state.code : '';
    if (finalCodes.includes(ended)) {
      this.#set({ phase: 'over' });
      return;
    }
    this.#set({ phase: 'lost' });
    this.#retry = setTimeout(() => this.#connect(), Math.max(this.#backoff.next(), ended === '' ? 0 : this.t.patience));
  }

  #onText(text: string): void {
    const m = textOf(text);
    if (m === undefined) return;
    if (m.type === 'boxes') {
      this.#onBoxes(m);
      return;
    }
    if (m.type === 'state') {
      this.#set({ state: m });
      if (m.state === 'ended') this.#lost();
      return;
    }
    this.#set({ format: m });
    if (this.look.mode === 'video' && !this.world.maker.supports(m.mime)) this.#fall(/hvc1|hev1/.test(m.mime) ? 'h265' : 'codec');
  }

  // onBoxes files boxes under their picture's place on the video's time line, and under the instant
  // at which it came to the edge, on the clock by which ages are reckoned: they were held back as
  // long as the pictures beside them.
  #onBoxes(m: Boxes): void {
    if (m.media_ms !== undefined) this.#byMedia.note(m.media_ms, m.boxes);
    this.#byArrival.note(this.world.now() - m.age_ms - this.#late, m.boxes);
    this.painted?.();
  }

  // fall shows stills from now on, and says why.
  #fall(why: Fallback): void {
    this.#reel?.close();
    this.#reel = undefined;
    this.ages.clear();
    this.look = { ...this.look, mode: 'still', fallback: why };
    this.#connect();
  }

  #onMedia(message: ArrayBuffer): void {
    const m = mediaOf(message);
    if (m === undefined) return;
    this.#late = this.#lag.late(m.sent, this.world.now());
    m.ageMs += this.#late; // what the network held back counts as age
    if (m.kind === 'jpeg') this.#onStill(m);
    else if (this.look.mode === 'video') this.#onVideo(m);
  }

  #onStill(m: Media): void {
    if (this.#pending !== undefined) this.world.revoke(this.#pending.url);
    this.#pending = { url: this.world.blobURL(m.data), media: m, at: this.world.now() };
    this.#set({ still: this.#pending.url });
  }

  #onVideo(m: Media): void {
    const gap = m.seq > this.#seq + 1;
    this.#seq = m.seq;
    if (m.kind === 'init') {
      this.#onInit(m);
      return;
    }
    if (this.#track === undefined || this.#reel === undefined) return;
    if (gap && !m.key) this.#needKey = true; // what it stands on is missing
    if (this.#needKey && !m.key) return;
    const times = timesOf(m.data, this.#track);
    if (times === undefined) return;
    this.#needKey = false;
    if (this.#fed === 0) this.#fed = this.world.now();
    this.ages.received(times, m.ageMs, this.world.now(), m.tainted);
    this.#reel.fragment(m.data, times, m.key);
  }

  #onInit(m: Media): void {
    const mime = this.look.format?.mime;
    this.#track = trackOf(m.data);
    this.#needKey = true;
    if (mime === undefined || this.#track === undefined || this.#video === undefined) return;
    this.ages.renew();
    this.#reel ??= this.#newReel(this.#video);
    this.#reel.init(mime, m.data);
  }

  #newReel(video: HTMLVideoElement): Reel {
    this.#watch(video);
    return new Reel(video, { trouble: (what) => this.#trouble(what) }, this.world.maker, () => this.world.now());
  }

  // trouble: the video failed; it is begun anew, and given up when that happens again and again.
  #trouble(what: string): void {
    const now = this.world.now();
    console.info('live view:', what);
    this.#reel?.close();
    this.#reel = undefined;
    this.#troubles = [...this.#troubles.filter((at) => now - at < minuteMs), now];
    if (this.#troubles.length >= troublesMost) this.#fall('playback');
    else this.#lost();
  }

  // watch learns which picture is on screen, where the browser tells it.
  #watch(video: HTMLVideoElement): void {
    if (!tellsFrames(video) || this.#frames !== 0) return;
    const next = (_: number, frame: VideoFrameCallbackMetadata) => {
      if (this.#closed || this.#video === undefined) return;
      this.#onPicture(frame.mediaTime);
      this.#frames = video.requestVideoFrameCallback(next);
    };
    this.#frames = video.requestVideoFrameCallback(next);
  }

  #onPicture(mediaTime: number): void {
    if (this.look.mode !== 'video') return;
    this.ages.shown(mediaTime);
    this.#picture = mediaTime * 1000;
    if (this.ages.of(this.world.now()) !== undefined) this.#first();
    this.painted?.();
  }

  #first(): void {
    if (!this.#running) {
      this.#running = true;
      this.#backoff.reset();
      this.#set(this.look.firstMs === undefined ? { firstMs: this.world.now() - this.#opened } : {});
    }
  }

  #onBeat(): void {
    const now = this.world.now();
    if (this.#rested(now)) return;
    if (this.#reel !== undefined && this.#video !== undefined && !tellsFrames(this.#video) && onScreen(this.#video)) this.#onPicture(this.#video.currentTime);
    this.#reel?.steer();
    if (this.#socket === undefined) return;
    const opening = this.look.phase === 'connecting' && now - this.#opened > this.t.opening;
    const silent = this.#running && now - this.#heard > this.t.silence;
    if (opening || silent) this.#lost();
    else if (this.#fed !== 0 && !this.#running && now - this.#fed > this.t.unseen) this.#fall('playback');
  }

  // rested ends the pull of a page that nobody sees, and begins anew when somebody does.
  #rested(now: number): boolean {
    if (this.world.visible()) {
      this.#hiddenSince = undefined;
      if (this.look.phase === 'resting') this.#connect();
      return false;
    }
    this.#hiddenSince ??= now;
    this.#fed = this.#fed === 0 ? 0 : now; // nothing is painted on a hidden page
    if (this.look.phase !== 'resting' && this.look.phase !== 'over' && now - this.#hiddenSince > this.t.hidden) {
      this.#drop();
      this.#set({ phase: 'resting' });
    }
    return this.look.phase === 'resting';
  }

  #forgetStills(): void {
    this.#reel?.close();
    this.#reel = undefined;
    if (this.#frames !== 0) this.#video?.cancelVideoFrameCallback(this.#frames);
    this.#frames = 0;
    for (const url of [this.#pending?.url, this.#shownStill]) if (url !== undefined) this.world.revoke(url);
    this.#pending = undefined;
    this.#shownStill = undefined;
  }
}

const tellsFrames = (v: HTMLVideoElement): boolean => 'requestVideoFrameCallback' in v;
const onScreen = (v: HTMLVideoElement): boolean => v.readyState >= 2 && !v.seeking;
