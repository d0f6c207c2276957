import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsShown, scrolledTo } from './rows.ts';

test('rows on screen and a few around them', () => {
  assert.deepEqual(rowsShown(0, 84, 0, 800), { first: 0, last: 0 });
  assert.deepEqual(rowsShown(3, 84, 0, 800), { first: 0, last: 3 });
  assert.deepEqual(rowsShown(10_000, 84, 0, 840), { first: 0, last: 14 });
  assert.deepEqual(rowsShown(10_000, 84, 8400, 840), { first: 96, last: 114 });
  assert.deepEqual(rowsShown(10, 84, 99_999, 840), { first: 9, last: 10 }); // the list has just become short
});

test('whatever the scroll, every row in view is drawn', () => {
  for (let top = 0; top < 84 * 100 - 500; top += 37) {
    const { first, last } = rowsShown(100, 84, top, 500);
    assert.ok(first * 84 <= top && last * 84 >= Math.min(top + 500, 8400), String(top));
    assert.ok(last - first < 20);
  }
});

test('a selected row is brought into view, and no further', () => {
  assert.equal(scrolledTo(0, 84, 300, 500), 0);
  assert.equal(scrolledTo(5, 84, 300, 500), 300);
  assert.equal(scrolledTo(20, 84, 300, 500), 21 * 84 - 500);
});
