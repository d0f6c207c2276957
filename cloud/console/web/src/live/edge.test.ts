import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from './backoff.ts';
import { around, course, Cushion, trims } from './edge.ts';

const where = (behind: number, target = 0.2) => course({ at: 100 - behind, from: 90, edge: 100, target });

test('at the target playback runs at its own speed, behind it a little faster', () => {
  assert.deepEqual(where(0.2), { rate: 1 });
  assert.deepEqual(where(0.3), { rate: 1 });
  assert.deepEqual(where(0.05), { rate: 0.95 });
  let last = 1;
  for (const b of [0.4, 0.8, 1.2, 1.9]) {
    const { rate, jump } = where(b);
    assert.equal(jump, undefined);
    assert.ok(rate >= last && rate > 1 && rate <= 1.2, `${b}: ${rate}`);
    last = rate;
  }
});

test('more than two seconds behind it jumps to the edge', () => {
  assert.deepEqual(where(2.01), { rate: 1, jump: 99.8 });
  assert.deepEqual(where(2), { rate: 1.2 });
});

test('at the beginning, and in another line of times, it jumps', () => {
  assert.deepEqual(course({ at: 0, from: 5000, edge: 5000.1, target: 0.2 }), { rate: 1, jump: 5000 });
  assert.deepEqual(course({ at: 5000, from: 0, edge: 1, target: 0.2 }), { rate: 1, jump: 0.8 });
});

test('played by the clock, any start comes to the target and stays', () => {
  for (const start of [0.05, 0.2, 0.7, 1.4, 1.99]) {
    let at = 100 - start;
    let edge = 100;
    for (; edge < 130; edge += 0.1) {
      const c = course({ at, from: 0, edge, target: 0.3 });
      assert.equal(c.jump, undefined, `${start}`);
      at += 0.1 * c.rate;
    }
    const behind = edge - at;
    assert.ok(behind > 0.1 && behind < 0.55, `from ${start} to ${behind}`);
  }
});

test('the cushion grows with stalls, within bounds, and shrinks in calm', () => {
  const c = new Cushion();
  const first = c.target;
  c.stalled(1000);
  c.stalled(1100); // the same stall
  assert.ok(Math.abs(c.target - first * 1.5) < 1e-9);
  for (let i = 2; i < 50; i++) c.stalled(i * 1000);
  assert.equal(c.target, 1);
  c.calm(50_000);
  assert.equal(c.target, 1);
  for (let i = 60_000; i < 900_000; i += 1000) c.calm(i);
  assert.equal(c.target, first);
});

test('what lies behind goes, by whole groups', () => {
  const b = [{ start: 80, end: 100 }];
  const keys = [80, 84, 88, 92, 96];
  assert.deepEqual(trims(b, keys, 99, 99.9), [{ start: 80, end: 95.999 }]);
  assert.deepEqual(trims(b, keys, 84.5, 99.9), []); // so little is left alone
  assert.deepEqual(trims(b, [80], 99, 99.9), []); // one long group: all that is shown stands on its key frame
  assert.deepEqual(trims(b, [], 99, 99.9), []);
});

test('a full buffer gives up all but the group on screen', () => {
  assert.deepEqual(trims([{ start: 92, end: 100 }], [92, 93, 94], 94.2, 99.9, true), [{ start: 92, end: 93.999 }]);
  assert.deepEqual(trims([{ start: 92, end: 100 }], [92], 94.2, 99.9, true), []);
});

test('pieces of an earlier line of times go whole', () => {
  assert.deepEqual(trims([{ start: 0, end: 3 }, { start: 50, end: 60 }], [0, 50], 1, 2.9), [{ start: 50, end: 60 }]);
  assert.deepEqual(trims([{ start: 0, end: 3 }], [0], 55, 99), [{ start: 0, end: 3 }]);
  assert.equal(around([{ start: 0, end: 3 }], 3.2), undefined);
  assert.deepEqual(around([{ start: 0, end: 3 }], 3.04), { start: 0, end: 3 });
});

test('waits grow, are never in step, and begin anew', () => {
  const low = new Backoff([100, 200], () => 0);
  assert.deepEqual([low.next(), low.next(), low.next()], [50, 100, 100]);
  low.reset();
  assert.equal(low.next(), 50);
  const usual = new Backoff();
  const all = Array.from({ length: 20 }, () => usual.next());
  assert.ok(all.every((v) => v >= 150 && v <= 15_000));
  assert.ok(new Set(all.slice(6)).size > 1);
});
