import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begin, redo, rest, step, undo } from './history.ts';

test('steps are taken back and done again', () => {
  let h = step(step(begin('a'), 'b'), 'c');
  h = undo(h);
  assert.equal(h.now, 'b');
  h = undo(undo(h)); // once more than there is
  assert.equal(h.now, 'a');
  h = redo(redo(redo(h)));
  assert.equal(h.now, 'c');
  h = step(undo(h), 'd');
  assert.equal(redo(h).now, 'd'); // another way was taken
});

test('steps of one drag are one step', () => {
  let h = begin(0);
  for (const n of [1, 2, 3]) h = step(h, n, 'drag 1');
  h = step(rest(h), 4, 'drag 1');
  assert.equal(undo(h).now, 3);
  assert.equal(undo(undo(h)).now, 0);
  h = step(undo(h), 9, 'drag 1'); // after taking back nothing joins
  assert.equal(undo(h).now, 3);
  assert.equal(step(h, h.now), h);
});

test('it does not grow without end', () => {
  let h = begin(0);
  for (let n = 1; n < 1000; n++) h = step(h, n);
  assert.equal(h.past.length, 200);
});
