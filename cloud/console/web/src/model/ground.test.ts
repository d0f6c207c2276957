import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Measured, Pair } from '../net/setup.ts';
import { areaOf, at, beginning, fromCamera, fromPoints, grid, perMetre, planeOf, scaleOf, seen, usualAspect, type Plane } from './ground.ts';

const near = (a: number | undefined, b: number, of = '') => assert.ok(a !== undefined && Math.abs(a - b) <= 1e-3 * Math.max(1, Math.abs(b)), `${of} ${a}, want ${b}`);
const camera = fromCamera(5, 30, 0, 60, usualAspect);

test('known geometry: what the edge finds (ground_test.go), this page finds', () => {
  near(at(camera, [0.5, 0.5])?.[1], 5 / Math.tan(Math.PI / 6));
  near(at(camera, [1, 0.5])?.[0], 10 * Math.tan(Math.PI / 6));
  near(at(camera, [0, 0.5])?.[0], -10 * Math.tan(Math.PI / 6));
  const down = fromCamera(10, 90, 0, 90, usualAspect);
  for (const p of [[0.5, 0.5], [0, 0], [0.9, 0.7]] as Pair[]) near(perMetre(down, p), usualAspect / 20);
  near(areaOf(down, [[0, 0], [1, 0], [1, 1], [0, 1]]), (20 * 20) / usualAspect);
  for (const roll of [0, 12, -30]) near(perMetre(fromCamera(5, 30, roll, 60, usualAspect), [0.5, 0.5]), ((0.5 / Math.tan(Math.PI / 6)) * usualAspect) / 10, `roll ${roll}`);
  assert.equal(at(fromCamera(6, 10, 0, 90, usualAspect), [0.5, 0.3]), undefined);
  assert.equal(areaOf(fromCamera(6, 10, 0, 90, usualAspect), [[0.4, 0.1], [0.6, 0.9], [0.4, 0.9]]), undefined);
});

test('four points give the ground of the camera that they were seen by', () => {
  const picture: Pair[] = [[0.2, 0.9], [0.85, 0.95], [0.8, 0.55], [0.25, 0.6]];
  const p = fromPoints(picture.map((q): Measured => [q, at(camera, q)!]), usualAspect) as Plane;
  for (const q of [[0.1, 0.7], [0.9, 0.8], [0.5, 0.5]] as Pair[]) {
    const [a, b] = [at(p, q)!, at(camera, q)!];
    near(a[0], b[0]);
    near(a[1], b[1]);
    near(perMetre(p, q), perMetre(camera, q)!);
    const back = seen(p, a)!;
    near(back[0], q[0]);
    near(back[1], q[1]);
  }
});

test('what is no plane is said so', () => {
  const of = (seen: Pair[], place: Pair[]) => planeOf({ points: seen.map((s, i): Measured => [s, place[i]!]) });
  const [quad, metres]: [Pair[], Pair[]] = [[[0.2, 0.9], [0.8, 0.9], [0.7, 0.4], [0.3, 0.4]], [[0, 0], [4, 0], [4, 8], [0, 8]]];
  assert.equal(typeof of(quad, metres), 'object');
  assert.equal(of([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9], [0.1, 0.9]], metres), 'ground.bad.line');
  assert.equal(of([[0.2, 0.9], [0.8, 0.9], [0.3, 0.4], [0.7, 0.4]], metres), 'ground.bad.crosses');
  assert.equal(of(quad, [[0, 0], [4, 0], [0, 8], [4, 8]]), 'ground.bad.crosses');
  assert.equal(of(quad, [[4, 0], [0, 0], [0, 8], [4, 8]]), 'ground.bad.mirrored');
  assert.equal(of(quad, [[NaN, 0], [4, 0], [4, 8], [0, 8]]), 'ground.bad.numbers');
  assert.equal(planeOf({ height_m: 5 }), 'ground.bad.numbers');
  assert.equal(planeOf({ height_m: 5, tilt_deg: 95, hfov_deg: 60 }), 'ground.bad.numbers');
  assert.equal(planeOf({ height_m: 200, tilt_deg: 0, hfov_deg: 1 }), 'ground.bad.sky');
  assert.equal(planeOf(undefined), undefined);
  assert.equal(typeof planeOf({ points: [...beginning] }), 'object');
});

test('the grid lies on the ground, and says how far away it is', () => {
  const g = grid(camera);
  assert.ok(g.lines.length > 6 && g.lines.length < 40);
  for (const l of g.lines.filter((x) => x.away !== undefined)) {
    for (const q of l.points) near(at(camera, q)?.[1], l.away!);
  }
  assert.ok(g.lines.some((l) => l.away !== undefined && l.away % g.step < 1e-6));
});

test('a zone has its least and its most pixels a metre', () => {
  const zone: Pair[] = [[0.3, 0.5], [0.7, 0.5], [0.7, 0.9], [0.3, 0.9]];
  const s = scaleOf(camera, zone, 1080)!;
  near(s.least, perMetre(camera, [0.5, 0.5])! * 1080, 'least'); // farther off at the sides, but seen wider there
  assert.ok(s.most > s.least!);
  assert.equal(scaleOf(fromCamera(6, 10, 0, 90, usualAspect), [[0.4, 0.1], [0.6, 0.9], [0.4, 0.9]], 1080)?.least, undefined);
  assert.equal(scaleOf(fromCamera(6, 10, 0, 90, usualAspect), [[0.4, 0.1], [0.6, 0.1], [0.5, 0.05]], 1080), undefined);
});
