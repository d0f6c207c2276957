// How old the picture on screen is: what its message said when it came, and the time since.

import type { Times } from './fmp4.ts';

// delayedMs and staleMs are the ages beyond which a picture is called delayed, and beyond which
// it is dimmed and never called live.
export const delayedMs = 2000;
export const staleMs = 5000;

export type Level = 'fresh' | 'delayed' | 'stale';

export function levelOf(ageMs: number): Level {
  return ageMs > staleMs ? 'stale' : ageMs > delayedMs ? 'delayed' : 'fresh';
}

interface Received { times: Times; ageMs: number; at: number; tainted: boolean }

// kept bounds the pictures that were received and not yet shown: 40 s at 30 a second.
const kept = 1200;
const behindS = 1;
const roundingS = 0.002; // media times reach us through the browser's own clock

// Ages knows which pictures came when, and which of them is on screen.
export class Ages {
  #list: Received[] = [];
  #shown: (Received & { picture: number }) | undefined;
  #last: number | undefined; // when anything came

  // received notes a fragment that came at an instant (milliseconds of the page's clock).
  received(times: Times, ageMs: number, at: number, tainted: boolean): void {
    this.#last = at;
    this.#list.push({ times, ageMs, at, tainted });
    if (this.#list.length > kept) this.#list.shift();
  }

  // shown is told the media time of the picture that is on screen now. A time that belongs to
  // no fragment changes nothing: the picture before goes on ageing.
  shown(picture: number): void {
    let best: Received | undefined;
    for (const r of this.#list) {
      if (r.times.first <= picture + roundingS && (best === undefined || r.times.first >= best.times.first)) best = r;
    }
    if (best === undefined) return;
    this.#shown = { ...best, picture: Math.min(picture, best.times.newest) };
    const gone = picture - behindS;
    while (this.#list.length > 1 && (this.#list[0]?.times.newest ?? Infinity) < gone) this.#list.shift();
  }

  // still notes a picture that is on screen as soon as it has come.
  still(ageMs: number, at: number, tainted: boolean): void {
    this.#last = at;
    this.#shown = { times: { first: 0, newest: 0 }, ageMs, at, tainted, picture: 0 };
  }

  // renew forgets what is to come: a new init segment begins a new line of times. What is on
  // screen stays, and ages.
  renew(): void {
    this.#list = [];
  }

  clear(): void {
    this.#list = [];
    this.#shown = this.#last = undefined;
  }

  // of gives the age in milliseconds of what is on screen; undefined while nothing is.
  of(now: number): number | undefined {
    const s = this.#shown;
    return s === undefined ? undefined : Math.max(0, s.ageMs + (now - s.at) + (s.times.newest - s.picture) * 1000);
  }

  // quiet gives the milliseconds since anything came; undefined while nothing has.
  quiet(now: number): number | undefined {
    return this.#last === undefined ? undefined : now - this.#last;
  }

  get tainted(): boolean {
    return this.#shown?.tainted === true;
  }
}
