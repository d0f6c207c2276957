// A video element fed through Media Source Extensions (W3C): init segments and fragments are
// appended one after the other, and playback is held at the live edge.

import { around, course, Cushion, trims, type Span } from './edge.ts';
import type { Times } from './fmp4.ts';

export interface ReelEvents {
  trouble(what: string): void; // nothing more will be shown; the reel is to be closed
}

// Maker makes media sources: the browser's, or a test's.
export interface Maker {
  source(): MediaSource;
  url(s: MediaSource): string;
  revoke(url: string): void;
  supports(mime: string): boolean;
}

const constructorOf = (): typeof MediaSource | undefined => {
  const g = globalThis as { ManagedMediaSource?: typeof MediaSource; MediaSource?: typeof MediaSource };
  return g.ManagedMediaSource ?? g.MediaSource;
};

export const browserMaker: Maker = {
  source: () => {
    const C = constructorOf();
    if (C === undefined) throw new Error('this browser has no MediaSource');
    return new C();
  },
  url: (s) => URL.createObjectURL(s),
  revoke: (u) => URL.revokeObjectURL(u),
  supports: (mime) => constructorOf()?.isTypeSupported(mime) === true,
};

type Piece = { mime: string; data: Uint8Array<ArrayBuffer> } | { mime?: undefined; data: Uint8Array<ArrayBuffer>; times: Times; key: boolean };

const backlogMost = 16 << 20;
const jumpRestMs = 1500; // between jumps: a slow machine must get to show something
const keysKept = 200;

// Reel belongs to one video element from its making to close.
export class Reel {
  #source: MediaSource;
  #buffer: SourceBuffer | undefined;
  #mime = '';
  #url: string;
  #pieces: Piece[] = [];
  #backlog = 0;
  #removals: Span[] = [];
  #appending: Piece | undefined;
  #keys: number[] = [];
  #newest: number | undefined;
  #cushion = new Cushion();
  #jumped = -Infinity;
  #end = new AbortController();

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly on: ReelEvents,
    private readonly make: Maker = browserMaker,
    private readonly now: () => number = () => performance.now(),
  ) {
    const { signal } = this.#end;
    this.#source = make.source();
    this.#source.addEventListener('sourceopen', () => this.#opened(), { signal });
    this.#source.addEventListener('sourceclose', () => this.#fail('the media source was closed'), { signal });
    video.addEventListener('error', () => this.#fail(video.error?.message || 'the picture cannot be decoded'), { signal });
    video.addEventListener('waiting', () => video.seeking || this.#cushion.stalled(this.now()), { signal });
    video.disableRemotePlayback = true;
    this.#url = make.url(this.#source);
    video.src = this.#url;
  }

  // init begins a line of times, perhaps of another codec or size.
  init(mime: string, data: Uint8Array<ArrayBuffer>): void {
    this.#put({ mime, data });
  }

  fragment(data: Uint8Array<ArrayBuffer>, times: Times, key: boolean): void {
    this.#put({ data, times, key });
  }

  // steer is called now and then, and does what each append does besides: it keeps playback at
  // the live edge.
  steer(): void {
    const v = this.video;
    this.#cushion.calm(this.now());
    if (this.#newest === undefined || this.#buffer === undefined || v.readyState === 0) return;
    const mine = around(spans(v.buffered), this.#newest);
    if (mine === undefined) return;
    const c = course({ at: v.currentTime, from: mine.start, edge: mine.end, target: this.#cushion.target });
    if (c.jump !== undefined) this.#jump(c.jump, v.currentTime >= mine.start && v.currentTime <= mine.end);
    else if (v.playbackRate !== c.rate) v.playbackRate = c.rate;
    if (v.paused) void v.play().catch(() => undefined); // tried again with the next fragment
  }

  // close gives the element back empty.
  close(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#pieces = [];
    this.#removals = [];
    this.#buffer = undefined;
    this.make.revoke(this.#url);
    this.video.removeAttribute('src');
    this.video.load();
  }

  #opened(): void {
    this.make.revoke(this.#url);
    this.#pump();
  }

  #fail(what: string): void {
    if (!this.#end.signal.aborted) this.on.trouble(what);
  }

  #put(p: Piece): void {
    if (this.#end.signal.aborted) return;
    this.#pieces.push(p);
    this.#backlog += p.data.byteLength;
    if (this.#backlog > backlogMost) this.#fail('the browser takes no more video');
    else this.#pump();
  }

  #pump(): void {
    if (this.#end.signal.aborted || this.#source.readyState !== 'open' || this.#buffer?.updating === true) return;
    try {
      const gone = this.#removals.shift();
      if (gone !== undefined && this.#buffer !== undefined) this.#buffer.remove(gone.start, gone.end);
      else if (this.#pieces[0] !== undefined) this.#append(this.#pieces[0]);
    } catch (err) {
      this.#fail(String(err));
    }
  }

  #append(p: Piece): void {
    const b = (this.#buffer ??= this.#add(p));
    if (p.mime !== undefined && p.mime !== this.#mime) {
      b.changeType(p.mime);
      this.#mime = p.mime;
    }
    try {
      b.appendBuffer(p.data);
    } catch (err) {
      if (!(err instanceof DOMException) || err.name !== 'QuotaExceededError') throw err;
      this.#makeRoom();
      return;
    }
    this.#pieces.shift();
    this.#backlog -= p.data.byteLength;
    this.#appending = p;
  }

  #add(p: Piece): SourceBuffer {
    const { signal } = this.#end;
    this.#mime = p.mime ?? this.#mime;
    const b = this.#source.addSourceBuffer(this.#mime);
    this.#source.duration = Infinity; // live: no end is known
    b.addEventListener('updateend', () => this.#settled(), { signal });
    b.addEventListener('error', () => this.#fail('the video cannot be read'), { signal });
    return b;
  }

  // makeRoom throws away what can be spared; where nothing can, the reel has failed.
  #makeRoom(): void {
    this.#removals = this.#newest === undefined ? [] : trims(spans(this.video.buffered), this.#keys, this.video.currentTime, this.#newest, true);
    if (this.#removals.length === 0) this.#fail('the buffer of the browser is full');
    else this.#pump();
  }

  #settled(): void {
    const p = this.#appending;
    this.#appending = undefined;
    if (p !== undefined && p.mime === undefined) {
      this.#newest = p.times.newest;
      if (p.key) this.#keyed(p.times.first, p.times.newest);
      this.steer();
    }
    this.#pump();
  }

  #keyed(key: number, newest: number): void {
    this.#keys.push(key);
    if (this.#keys.length > keysKept) this.#keys.shift();
    this.#removals = trims(spans(this.video.buffered), this.#keys, this.video.currentTime, newest);
  }

  #jump(to: number, buffered: boolean): void {
    const t = this.now();
    if (this.video.seeking || (buffered && t - this.#jumped < jumpRestMs)) return;
    this.#jumped = t;
    this.video.playbackRate = 1;
    this.video.currentTime = to;
  }
}

function spans(r: TimeRanges): Span[] {
  return Array.from({ length: r.length }, (_, i) => ({ start: r.start(i), end: r.end(i) }));
}
