import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alertOf, base, iso } from './fixture.ts';
import { causes, flood, forget, look, sounds, step, windowMs, type Flood } from './flood.ts';

test('in at more than ten, out after ten minutes below five', () => {
  let f: Flood = { on: false };
  const at = (count: number, minute: number) => (f = step(f, count, minute * 60_000)).on;
  assert.equal(at(10, 0), false);
  assert.equal(at(11, 1), true);
  assert.equal(at(4, 2), true);
  assert.equal(at(4, 11), true);
  assert.equal(at(5, 11.5), true); // not yet calm: begins anew
  assert.equal(at(0, 12), true);
  assert.equal(at(0, 21.9), true);
  assert.equal(at(0, 22), false);
  assert.equal(at(10, 23), false);
});

test('where they come from', () => {
  const list = [
    alertOf({ id: '1' }), alertOf({ id: '2' }), alertOf({ id: '3', kind: 'loitering' }), alertOf({ id: '4', camera: 'cam-2', camera_name: 'B', raised: iso(-700) }),
  ];
  assert.deepEqual(causes(list, base - windowMs).map((c) => [c.name, c.kind, c.count]), [['C', 'intrusion', 2], ['C', 'loitering', 1]]);
});

test('the signal changes every other second at most; only critical alerts sound in a flood', () => {
  forget();
  const many = Array.from({ length: 12 }, (_, i) => alertOf({ id: String(i) }));
  look(many.slice(0, 3), base);
  assert.equal(flood.value.on, false);
  assert.equal(sounds('low'), true);
  look(many, base + 1000);
  assert.equal(flood.value.on, false);
  look(many, base + 2000);
  assert.deepEqual([flood.value.on, flood.value.count, sounds('high'), sounds('critical')], [true, 12, false, true]);
  forget();
  assert.equal(flood.value.on, false);
});
