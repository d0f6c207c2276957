import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { LiveStream, type StreamHandlers } from './stream.ts';

// Server stands for fetch: each opening of the stream is one connection that the test feeds.
class Server {
  asked: string[] = [];
  status = 200;
  down = false;
  #lines: ReadableStreamDefaultController<Uint8Array>[] = [];

  fetch = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    this.asked.push(String(url));
    if (this.down) throw new TypeError('network');
    if (this.status !== 200) return new Response('', { status: this.status });
    const body = new ReadableStream<Uint8Array>({ start: (c) => void this.#lines.push(c) });
    init?.signal?.addEventListener('abort', () => {
      try {
        this.#lines.at(-1)?.error(new Error('aborted'));
      } catch {
        // it has ended already
      }
    });
    return new Response(body);
  };

  send(text: string): void {
    this.#lines.at(-1)?.enqueue(new TextEncoder().encode(text));
  }

  cut(): void {
    this.#lines.at(-1)?.error(new Error('cut'));
  }
}

// open are the streams of a test: one that fails leaves none behind, which would never end.
const open: LiveStream[] = [];
afterEach(() => {
  for (const s of open.splice(0)) s.close();
});

function stage(after: number, times = { silence: 5000, retry: [1] }) {
  const server = new Server();
  const said: string[] = [];
  const tell = (what: string) => (v?: unknown) => void said.push(v === undefined ? what : `${what} ${JSON.stringify(v)}`);
  const on = {
    hello: tell('hello'), alert: tell('alert'), event: tell('event'), clip: tell('clip'), cameras: tell('cameras'),
    reset: tell('reset'), alive: () => undefined, lost: tell('lost'), refused: tell('refused'),
  } as unknown as StreamHandlers;
  const stream = new LiveStream(after, on, server.fetch as typeof fetch, times);
  open.push(stream);
  return { server, said, stream, done: stream.run() };
}

async function until(what: string, ok: () => boolean): Promise<void> {
  const end = Date.now() + 3000;
  while (!ok()) {
    assert.ok(Date.now() < end, what);
    await new Promise((r) => setTimeout(r, 2));
  }
}

const alert = (seq: number) => `id: ${seq}\nevent: alert\ndata: ${JSON.stringify({ seq })}\n\n`;

test('it resumes after the last id seen, however often it is cut', async () => {
  const { server, said, stream, done } = stage(40);
  await until('opened', () => server.asked.length === 1);
  assert.equal(server.asked[0], '/api/v1/stream?after=40');
  server.send('event: cameras\ndata: {"cameras":[]}\n\n' + alert(41) + alert(42));
  await until('heard', () => said.length === 3);
  server.send(alert(43).slice(0, 20)); // half a message is no message
  server.cut();
  await until('again', () => server.asked.length === 2);
  assert.equal(server.asked[1], '/api/v1/stream?after=42');
  server.send(alert(43));
  await until('heard', () => said.at(-1) === 'alert {"seq":43}');
  server.cut();
  await until('again', () => server.asked.length === 3);
  assert.equal(server.asked[2], '/api/v1/stream?after=43');
  assert.deepEqual(said, ['cameras []', 'alert {"seq":41}', 'alert {"seq":42}', 'lost', 'alert {"seq":43}', 'lost']);
  stream.close();
  await done;
});

test('it goes on trying while the server is away', async () => {
  const { server, said, stream, done } = stage(1);
  await until('opened', () => server.asked.length === 1);
  server.down = true;
  server.cut();
  await until('tries', () => server.asked.length > 5);
  server.down = false;
  server.status = 503;
  const n = server.asked.length;
  await until('tries', () => server.asked.length > n + 2);
  server.status = 200;
  await until('back', () => {
    try {
      server.send(alert(2));
    } catch {
      // not open yet
    }
    return said.includes('alert {"seq":2}');
  });
  stream.close();
  await done;
});

test('an ended session is told once, and not asked again', async () => {
  const { server, said, stream, done } = stage(1);
  await until('opened', () => server.asked.length === 1);
  server.status = 401;
  server.cut();
  await done;
  assert.deepEqual(said, ['lost', 'refused']);
  assert.equal(server.asked.length, 2);
  stream.close();
});

test('silence counts as death; pings do not', async () => {
  const { server, said, stream, done } = stage(1, { silence: 800, retry: [1] }); // far above what a busy machine lets a timer wait
  await until('opened', () => server.asked.length === 1);
  const pings = setInterval(() => server.send(': ping\n\n'), 10);
  await new Promise((r) => setTimeout(r, 1500));
  assert.equal(server.asked.length, 1);
  clearInterval(pings);
  await until('opened again', () => server.asked.length === 2);
  assert.deepEqual(said, ['lost']);
  stream.close();
  await done;
});

test('word that the network is back ends the waiting', async () => {
  const { server, stream, done } = stage(1, { silence: 5000, retry: [60_000] });
  await until('opened', () => server.asked.length === 1);
  server.cut();
  await new Promise((r) => setTimeout(r, 20));
  assert.equal(server.asked.length, 1);
  stream.again();
  await until('opened again', () => server.asked.length === 2);
  stream.close();
  await done;
});

test('a closed stream says nothing more', async () => {
  const { server, said, stream, done } = stage(1);
  await until('opened', () => server.asked.length === 1);
  server.send('event: reset\ndata: {}\n\n' + alert(9));
  await until('reset', () => said.includes('reset {}') || said.includes('reset'));
  stream.close();
  await done;
  assert.equal(server.asked.length, 1);
});
