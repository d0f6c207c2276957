import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lag } from './lag.ts';

test('what is on the way for longer than the fastest is late by the difference', () => {
  const l = new Lag();
  assert.equal(l.late(65_500, 1000), 0);
  assert.equal(l.late(64, 1100), 0); // the clock went around
  assert.equal(l.late(164, 1500), 300);
  assert.equal(l.late(264, 1560), 260);
  assert.equal(l.late(364, 1390), 0); // the fastest so far: but never less than nothing
  assert.equal(l.late(464, 1500), 10);
});

test('a long silence is not a delay', () => {
  for (const minutes of [1, 2, 5, 60]) {
    const l = new Lag();
    l.late(0, 0);
    const ms = minutes * 60_000;
    assert.equal(l.late(ms % 65_536, ms), 0, `${minutes} minutes`);
  }
});

test('over a way whose delay changes, with clocks that differ and drift', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  console.log(`# seed ${seed}`);
  let state = seed;
  const random = (n: number) => ((state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff) * n;
  const l = new Lag();
  let [here, there, arrival] = [5000, random(1e9), 0];
  for (let i = 0; i < 20_000; i++) {
    const step = i % 5000 === 4999 ? 100_000 : random(80);
    here += step;
    there += step * (1 + 1 / 50_000);
    const delay = 30 + random(5) + (i % 1000 > 800 ? (i % 1000 - 800) * 100 : 0);
    arrival = Math.max(arrival, here + delay);
    const late = l.late(Math.floor(there) % 65_536, arrival);
    const want = arrival - here - 30;
    assert.ok(Math.abs(late - want) < 20, `message ${i} was ${want} ms late, told is ${late}`);
  }
});
