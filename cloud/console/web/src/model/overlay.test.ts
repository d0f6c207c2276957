import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base, eventOf, iso } from './fixture.ts';
import { boxAt, fitted, holdMs, pathUntil } from './overlay.ts';

const box = (x: number) => ({ x0: x, y0: 0.2, x1: x + 0.1, y1: 0.6 });
const e = eventOf({ trail: [{ at: iso(0), box: box(0) }, { at: iso(1), box: box(0.2) }, { at: iso(20), box: box(0.8) }] });

test('between two points the box moves in a straight line', () => {
  assert.deepEqual(boxAt(e, base), box(0));
  assert.ok(Math.abs((boxAt(e, base + 500)?.x0 ?? 0) - 0.1) < 1e-9);
});

test('where nothing was measured nothing is shown', () => {
  assert.equal(boxAt(e, base - holdMs - 1), undefined);
  assert.deepEqual(boxAt(e, base - 100), box(0));
  assert.deepEqual(boxAt(e, base + 1000 + holdMs), box(0.2)); // held a little
  assert.equal(boxAt(e, base + 10_000), undefined); // a gap of 19 s is no straight line
  assert.equal(boxAt(e, base + 20_000 + holdMs + 1), undefined);
});

test('without a trail the deciding box is shown around its instant', () => {
  const bare = eventOf({ fired: iso(2) });
  assert.deepEqual(boxAt(bare, base + 2000), bare.box);
  assert.equal(boxAt(bare, base + 9000), undefined);
});

test('the path is that of the feet, up to now', () => {
  assert.deepEqual(pathUntil(e, base + 1000), [{ x: 0.05, y: 0.6 }, { x: 0.25, y: 0.6 }]);
  assert.deepEqual(pathUntil(e, base - 1), []);
});

test('a picture is shown whole, in the middle', () => {
  assert.deepEqual(fitted(1920, 1080, 960, 540), { x: 0, y: 0, w: 960, h: 540 });
  assert.deepEqual(fitted(1920, 1080, 960, 640), { x: 0, y: 50, w: 960, h: 540 });
  assert.deepEqual(fitted(1080, 1920, 960, 960), { x: 210, y: 0, w: 540, h: 960 });
  assert.deepEqual(fitted(0, 0, 960, 960), { x: 0, y: 0, w: 0, h: 0 });
});
