import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxesOf, gapMs, Moments, nearMs, type LiveBox } from './boxes.ts';

const box = (id: string, x: number): LiveBox => ({ id, class: 'person', score: 0.8, box: [x, 0.2, x + 0.1, 0.6], rules: [] });
const ids = (list: LiveBox[]) => list.map((b) => b.id);

test('a message is read, and what makes no sense in it is left out', () => {
  const m = boxesOf({
    type: 'boxes', seq: 4, age_ms: 80, media_us: 5_040_000, w: 640, h: 360, boxes: [
      { id: 't1', class: 'person', score: 0.83, box: [0.1, -0.01, 0.3, 1.2], rules: ['yard', 7] },
      { id: 't2', class: 'car', score: 'x', box: [0.1, 0.1, 0.2, 0.2] },
      { id: 't3', box: [0.3, 0.1, 0.2, 0.2] }, { id: 't4', box: [0, 0, 640, 360] }, { id: 't5', box: [0, 0, 1] }, null, 'x',
    ],
  });
  assert.deepEqual(m, {
    type: 'boxes', age_ms: 80, media_ms: 5040, w: 640, h: 360, boxes: [
      { id: 't1', class: 'person', score: 0.83, box: [0.1, 0, 0.3, 1], rules: ['yard'] },
      { id: 't2', class: 'car', score: 0, box: [0.1, 0.1, 0.2, 0.2], rules: [] },
    ],
  });
  for (const bad of [{ type: 'boxes' }, { type: 'boxes', boxes: [] }, { type: 'boxes', boxes: [], age_ms: -1 }, { type: 'boxes', boxes: {}, age_ms: 1 }, { type: 'state', boxes: [], age_ms: 1 }]) {
    assert.equal(boxesOf(bad), undefined, JSON.stringify(bad));
  }
});

test('boxes are those of the picture, between two that were looked at on the straight line', () => {
  const m = new Moments();
  m.note(1000, [box('a', 0.1), box('gone', 0.5)]);
  m.note(1400, [box('a', 0.3), box('new', 0.7)]);
  assert.deepEqual(m.of(1000), [box('a', 0.1), box('gone', 0.5)]);
  const mid = m.of(1100);
  assert.deepEqual(ids(mid), ['a', 'gone']);
  assert.ok(Math.abs((mid[0]?.box[0] ?? 0) - 0.15) < 1e-9);
  assert.deepEqual(ids(m.of(1300)), ['a', 'new']);
  assert.deepEqual(m.of(1400), [box('a', 0.3), box('new', 0.7)]);
});

test('boxes of another moment are not shown', () => {
  const m = new Moments();
  assert.deepEqual(m.of(0), []);
  m.note(1000, [box('a', 0.1)]);
  assert.deepEqual(ids(m.of(1000 + nearMs)), ['a']);
  assert.deepEqual(m.of(1001 + nearMs), []);
  assert.deepEqual(ids(m.of(1000 - nearMs)), ['a']);
  assert.deepEqual(m.of(999 - nearMs), []);
  m.note(1001 + gapMs, [box('a', 0.9)]); // too long for a straight line
  assert.deepEqual(m.of(1000 + gapMs / 2), []);
  assert.equal(m.of(1000 + gapMs)[0]?.box[0], 0.9);
});

test('a picture in which nothing was seen ends the boxes', () => {
  const m = new Moments();
  m.note(1000, [box('a', 0.1)]);
  m.note(1200, []);
  assert.deepEqual(ids(m.of(1050)), ['a']);
  assert.deepEqual(m.of(1150), []);
  assert.deepEqual(m.of(1250), []);
});

test('they may come out of order, and old ones are forgotten', () => {
  const m = new Moments();
  m.note(1200, [box('b', 0.2)]);
  m.note(1000, [box('a', 0.1)]);
  assert.deepEqual(ids(m.of(1000)), ['a']);
  assert.deepEqual(ids(m.of(1200)), ['b']);
  m.note(30_000, []);
  assert.deepEqual(m.of(1000), []);
  m.note(30_100, [box('c', 0)]);
  m.clear();
  assert.deepEqual(m.of(30_100), []);
});
