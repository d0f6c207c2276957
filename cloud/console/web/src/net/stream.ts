// The live stream: server-sent events whose id is a change sequence. However it ends, it is
// opened again after the last id seen, so that no change is missed and none comes twice.

import { SSEReader, type Message } from './sse.ts';
import type { Alert, Camera, ClipChange, Event, Hello } from './types.ts';

export interface StreamHandlers {
  hello(h: Hello): void;
  alert(a: Alert): void;
  event(e: Event): void;
  clip(c: ClipChange): void;
  cameras(c: Camera[]): void;
  reset(): void; // the server no longer keeps what was missed: load everything anew
  alive(): void; // bytes came, a ping perhaps
  lost(): void;
  refused(): void; // the session has ended; the stream does not try again
}

export interface StreamTimes {
  silence: number; // without a byte for so long a stream counts as dead; the server pings every 5 s
  retry: number[]; // waits before opening again; the last repeats
}

const times: StreamTimes = { silence: 9000, retry: [250, 700, 1500, 2500] };

export class LiveStream {
  #last: number;
  #failures = 0;
  #closed = false;
  #abort = new AbortController();
  #hurry: (() => void) | undefined;

  constructor(
    after: number,
    private readonly on: StreamHandlers,
    private readonly get: typeof fetch = (...a) => fetch(...a),
    private readonly t: StreamTimes = times,
  ) {
    this.#last = after;
  }

  // run follows the server until close.
  async run(): Promise<void> {
    while (!this.#closed) {
      await this.#follow().catch(() => undefined); // why it ended does not matter: it is opened again
      if (this.#closed) return;
      this.on.lost();
      await this.#wait(this.t.retry[Math.min(this.#failures++, this.t.retry.length - 1)] ?? 1000);
    }
  }

  close(): void {
    this.#closed = true;
    this.#abort.abort();
    this.#hurry?.();
  }

  // again opens the stream at once: the network is said to be back.
  again(): void {
    this.#failures = 0;
    this.#abort.abort();
    this.#hurry?.();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  async #follow(): Promise<void> {
    const abort = (this.#abort = new AbortController());
    let dog = setTimeout(() => abort.abort(), this.t.silence);
    try {
      const resp = await this.get(`/api/v1/stream?after=${this.#last}`, {
        credentials: 'same-origin', cache: 'no-store', headers: { Accept: 'text/event-stream' }, signal: abort.signal,
      });
      if (resp.status === 401) {
        this.close();
        this.on.refused();
        return;
      }
      if (!resp.ok || resp.body === null) return;
      const reader = new SSEReader();
      const bytes = resp.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await bytes.read();
        if (done || this.#closed) return;
        clearTimeout(dog);
        dog = setTimeout(() => abort.abort(), this.t.silence);
        this.#failures = 0;
        this.on.alive();
        for (const m of reader.push(value)) this.#take(m);
      }
    } finally {
      clearTimeout(dog);
      abort.abort();
    }
  }

  #take(m: Message): void {
    if (this.#closed) return;
    const id = Number(m.id);
    if (m.id !== '' && Number.isSafeInteger(id)) this.#last = Math.max(this.#last, id);
    const data: unknown = JSON.parse(m.data);
    switch (m.event) {
      case 'hello': return this.on.hello(data as Hello);
      case 'alert': return this.on.alert(data as Alert);
      case 'event': return this.on.event(data as Event);
      case 'clip': return this.on.clip(data as ClipChange);
      case 'cameras': return this.on.cameras((data as { cameras: Camera[] }).cameras);
      case 'reset': return this.on.reset();
    }
  }
}
