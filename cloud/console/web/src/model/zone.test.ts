import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pair } from '../net/setup.ts';
import { area, centre, inserted, lineFlaw, middle, moved, place, shifted, without, zoneFlaw } from './zone.ts';

const square: Pair[] = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]];

test('a zone is judged as the edge judges it', () => {
  const cases: [string, Pair[], unknown][] = [
    ['a square', square, undefined],
    ['turned the other way', [...square].reverse(), undefined],
    ['the whole picture', [[0, 0], [1, 0], [1, 1], [0, 1]], undefined],
    ['concave', [[0.1, 0.1], [0.9, 0.1], [0.5, 0.3], [0.9, 0.9], [0.1, 0.9]], undefined],
    ['two points', square.slice(0, 2), { what: 'few', n: 2 }],
    ['65 points', Array.from({ length: 65 }, (_, i): Pair => [i / 65, 0.5]), { what: 'many', n: 65 }],
    ['outside', [[0.1, 0.1], [1.2, 0.1], [0.5, 0.5]], { what: 'outside', at: 1 }],
    ['not a number', [[0.1, 0.1], [NaN, 0.1], [0.5, 0.5]], { what: 'outside', at: 1 }],
    ['a bow tie', [[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.5]], { what: 'crosses', at: 0, other: 2 }],
    ['a point twice', [[0.1, 0.1], [0.5, 0.1], [0.1, 0.1], [0.5, 0.5]], { what: 'same', at: 0, other: 2 }],
    ['closed by hand', [...square, [0.1, 0.1]], { what: 'same', at: 0, other: 4 }],
    ['folded back', [[0.1, 0.1], [0.5, 0.1], [0.3, 0.1]], { what: 'crosses', at: 0, other: 1 }],
    ['a corner on an edge', [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.1], [0.1, 0.9]], { what: 'crosses', at: 0, other: 2 }],
    ['tiny', [[0.1, 0.1], [0.105, 0.1], [0.1, 0.105]], { what: 'small' }],
  ];
  for (const [name, zone, want] of cases) assert.deepEqual(zoneFlaw(zone), want, name);
});

test('a line needs two points apart', () => {
  assert.equal(lineFlaw([[0, 0], [1, 1]]), undefined);
  assert.deepEqual(lineFlaw([[0, 0]]), { what: 'few', n: 1 });
  assert.deepEqual(lineFlaw(square), { what: 'many', n: 4 });
  assert.deepEqual(lineFlaw([[0.5, 0.5], [0.505, 0.505]]), { what: 'short' });
  assert.deepEqual(lineFlaw([[0.5, 0.5], [0.5, 1.5]]), { what: 'outside', at: 1 });
});

// The reference: two edges cross when a point common to both is found by walking along one.
function crossesSlowly(ps: Pair[]): boolean {
  const at = (i: number, k: number): Pair => {
    const [a, b] = [ps[i]!, ps[(i + 1) % ps.length]!];
    return [a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k];
  };
  const side = (i: number, p: Pair) => {
    const [a, b] = [ps[i]!, ps[(i + 1) % ps.length]!];
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
  };
  for (let i = 0; i < ps.length; i++) {
    for (let j = i + 2; j < ps.length; j++) {
      if (i === 0 && j === ps.length - 1) continue;
      if (side(i, at(j, 0)) * side(i, at(j, 1)) < 0 && side(j, at(i, 0)) * side(j, at(i, 1)) < 0) return true;
    }
  }
  return false;
}

test('crossings are found in random polygons', () => {
  const seed = Date.now() % 2 ** 31;
  let s = seed;
  const next = () => (s = (s * 48271) % 2147483647) / 2147483647;
  let crossing = 0;
  for (let n = 0; n < 2000; n++) {
    const ps = Array.from({ length: 4 + Math.floor(next() * 4) }, (): Pair => [next(), next()]);
    const flaw = zoneFlaw(ps);
    const slow = crossesSlowly(ps);
    if (slow) crossing++;
    if (flaw?.what !== 'small') assert.equal(flaw?.what === 'crosses', slow, `seed ${seed}: ${JSON.stringify(ps)}`);
  }
  assert.ok(crossing > 100, `seed ${seed}`);
});

test('points are moved, put in, taken out, and stay in the picture', () => {
  assert.deepEqual(place(-1, 2), [0, 1]);
  assert.deepEqual(place(0.123456, 0.5), [0.1235, 0.5]);
  assert.deepEqual(moved(square, 1, [1.4, 0.2])[1], [1, 0.2]);
  assert.deepEqual(middle(square, 3), [0.1, 0.3]);
  assert.deepEqual(inserted(square, 3, [0.1, 0.3]).at(-1), [0.1, 0.3]);
  assert.deepEqual(inserted(square, 0, [0.3, 0.1])[1], [0.3, 0.1]);
  assert.deepEqual(without(square, 0), square.slice(1));
  assert.deepEqual(shifted(square, 0.9, -0.05), [[0.6, 0.05], [1, 0.05], [1, 0.45], [0.6, 0.45]]);
  assert.deepEqual(centre(square).map((v) => Math.round(v * 100)), [30, 30]);
  assert.ok(Math.abs(area(square) - 0.16) < 1e-9);
});
