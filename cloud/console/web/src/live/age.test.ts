import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ages, levelOf } from './age.ts';

const at = (s: number) => ({ first: s, newest: s });

test('the age is that at receipt, and the time since, of the picture on screen', () => {
  const a = new Ages();
  assert.equal(a.of(0), undefined);
  a.received(at(10), 120, 1000, false);
  a.received(at(10.1), 90, 1100, false);
  assert.equal(a.of(1100), undefined); // nothing is on screen yet
  a.shown(10);
  assert.equal(a.of(1150), 120 + 150);
  a.shown(10.1);
  assert.equal(a.of(1150), 90 + 50);
  assert.equal(a.of(7100), 90 + 6000); // and it goes on ageing
});

test('a picture that lies long in the buffer is as old as it is', () => {
  const a = new Ages();
  for (let i = 0; i < 30; i++) a.received(at(i / 10), 100, i * 100, false);
  a.shown(0.5);
  assert.equal(a.of(2900), 100 + 2400);
});

test('in a fragment of several the earlier pictures are older than its newest', () => {
  const a = new Ages();
  a.received({ first: 4, newest: 4.4 }, 50, 0, false);
  a.shown(4.1);
  assert.ok(Math.abs((a.of(0) ?? 0) - 350) < 1e-6);
});

test('times beyond what is known do not make a picture younger', () => {
  const a = new Ages();
  a.received(at(1), 100, 0, false);
  a.shown(3);
  assert.equal(a.of(500), 600);
  a.shown(0.2); // belongs to nothing
  assert.equal(a.of(500), 600);
});

test('a rounding error does not show the picture before', () => {
  const a = new Ages();
  a.received(at(1), 5000, 0, false);
  a.received(at(1.1), 0, 0, true);
  a.shown(1.0999);
  assert.ok((a.of(0) ?? 9) < 1);
  assert.equal(a.tainted, true);
});

test('a new line of times: what is on screen stays and ages until a picture of it is shown', () => {
  const a = new Ages();
  a.received(at(100), 10, 0, false);
  a.shown(100);
  a.renew();
  a.received(at(0), 20, 5000, false);
  assert.equal(a.of(5000), 5010);
  a.shown(0);
  assert.equal(a.of(5000), 20);
});

test('pictures in another order than they came', () => {
  const a = new Ages();
  for (const [s, age] of [[0, 1], [0.3, 2], [0.1, 3], [0.2, 4]] as const) a.received(at(s), age, 0, false);
  for (const [s, age] of [[0, 1], [0.1, 3], [0.2, 4], [0.3, 2]] as const) {
    a.shown(s);
    assert.equal(a.of(0), age);
  }
});

test('a day of pictures, shown or not, takes bounded room', () => {
  const a = new Ages();
  for (let i = 0; i < 30_000; i++) {
    a.received(at(i / 15), 10, i, false);
    if (i % 3 === 0) a.shown(i / 15);
  }
  assert.ok(JSON.stringify(a).length < 1000);
  assert.equal(a.of(30_000), 10 + 30_000 - 29_997);
});

test('stills, and silence', () => {
  const a = new Ages();
  assert.equal(a.quiet(5), undefined);
  a.still(300, 1000, true);
  assert.equal(a.of(1500), 800);
  assert.equal(a.tainted, true);
  assert.equal(a.quiet(4000), 3000);
  a.clear();
  assert.equal(a.of(1500), undefined);
  assert.equal(a.quiet(1500), undefined);
});

test('levels', () => {
  assert.deepEqual([0, 2000, 2001, 5000, 5001, Infinity].map(levelOf), ['fresh', 'fresh', 'delayed', 'delayed', 'stale', 'stale']);
});
