// The live stream: server-sent events with a change sequence as id. EventSource resumes by
// Last-Event-ID by itself while it retries; when it gives up, or the server is silent for
// longer than its pings allow, a new one is opened after the last id seen.

import type { Alert, Camera, ClipChange, Event, Hello } from './types.ts';

export interface StreamHandlers {
  hello(h: Hello): void;
  alert(a: Alert): void;
  event(e: Event): void;
  clip(c: ClipChange): void;
  cameras(c: Camera[]): void;
  reset(): void; // the server no longer keeps what was missed: load everything anew
  alive(at: number): void; // something came, a ping perhaps; milliseconds of performance.now()
  lost(): void;
}

// silenceMs is after how long without anything, pings included, the stream counts as dead.
export const silenceMs = 12_000;
const retryMs = [500, 1000, 2000, 3000];

export class LiveStream {
  #source: EventSource | undefined;
  #last: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #closed = false;

  constructor(after: number, private readonly on: StreamHandlers) {
    this.#last = after;
  }

  open(): void {
    const s = new EventSource(`/api/v1/stream?after=${this.#last}`);
    this.#source = s;
    this.#watch();
    const listen = (type: string, f: (data: never) => void) =>
      s.addEventListener(type, (e) => {
        this.#heard(e as MessageEvent);
        f(JSON.parse((e as MessageEvent).data) as never);
      });
    listen('hello', (h: Hello) => this.on.hello(h));
    listen('alert', (a: Alert) => this.on.alert(a));
    listen('event', (e: Event) => this.on.event(e));
    listen('clip', (c: ClipChange) => this.on.clip(c));
    listen('cameras', (c: { cameras: Camera[] }) => this.on.cameras(c.cameras));
    listen('ping', () => undefined);
    s.addEventListener('reset', () => this.on.reset());
    s.onerror = () => {
      this.on.lost();
      if (s.readyState === EventSource.CLOSED) this.#again();
    };
  }

  #heard(e: MessageEvent): void {
    this.#failures = 0;
    const id = Number(e.lastEventId);
    if (e.lastEventId !== '' && Number.isSafeInteger(id)) this.#last = Math.max(this.#last, id);
    this.on.alive(performance.now());
    this.#watch();
  }

  // watch opens a new stream when nothing is heard for too long: a half-open connection tells nothing.
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.on.lost();
      this.#again();
    }, silenceMs);
  }

  #again(): void {
    this.#source?.close();
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const wait = retryMs[Math.min(this.#failures++, retryMs.length - 1)] ?? 3000;
    this.#timer = setTimeout(() => this.open(), wait);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }
}
