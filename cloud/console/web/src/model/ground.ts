// Where the ground is in a camera's picture: the same arithmetic as the edge's (ground.go), so that
// what is calibrated is seen at once. Lengths are metres; places of the picture are 0..1.

import type { Ground, Measured, Pair } from '../net/setup.ts';
import type { Key } from '../i18n/index.ts';

export interface Plane { h: number[]; aspect: number }
export type Metres = [number, number];

const farthest = 1000;
export const usualAspect = 16 / 9;

// limits of what can be typed, as the edge has them.
export const groundKeys = [
  { name: 'height_m', unit: 'm', min: 0.5, max: 200 },
  { name: 'tilt_deg', unit: 'deg', min: 0, max: 90 },
  { name: 'hfov_deg', unit: 'deg', min: 1, max: 150 },
  { name: 'roll_deg', unit: 'deg', min: -45, max: 45 },
] as const;

// fromCamera is the ground under a camera that hangs so high, looks down so far and sees so wide.
export function fromCamera(height: number, tilt: number, roll: number, hfov: number, aspect: number): Plane {
  const rad = Math.PI / 180;
  const [st, ct, sr, cr] = [Math.sin(tilt * rad), Math.cos(tilt * rad), Math.sin(roll * rad), Math.cos(roll * rad)];
  const f = 0.5 / Math.tan((hfov * rad) / 2);
  const right = [cr, sr / aspect, -cr / 2 - sr / (2 * aspect)];
  const down = [-sr, cr / aspect, sr / 2 - cr / (2 * aspect)];
  const h = [0, 1, 2].flatMap(() => [0, 0, 0]);
  for (let i = 0; i < 3; i++) {
    const one = i === 2 ? f : 0;
    h[i] = height * right[i]!;
    h[3 + i] = height * (ct * one - st * down[i]!);
    h[6 + i] = ct * down[i]! + st * one;
  }
  return { h, aspect };
}

// twice is twice the area of a triangle, positive when it turns from the first axis to the second.
const twice = (a: Pair, b: Pair, c: Pair): number => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

// quadFlaw says why four places span no plane.
function quadFlaw(q: readonly Pair[]): 'line' | 'crosses' | undefined {
  const longest = Math.max(...q.flatMap((a) => q.map((b) => Math.hypot(a[0] - b[0], a[1] - b[1]))));
  const turns = q.map((a, i) => twice(a, q[(i + 1) % 4]!, q[(i + 2) % 4]!));
  if (turns.some((v) => Math.abs(v) <= 0.01 * longest * longest)) return 'line';
  return turns.some((v) => v > 0) && turns.some((v) => v < 0) ? 'crosses' : undefined;
}

// fromPoints is the ground on which four places of the picture lie at four places in metres, or why
// there is none.
export function fromPoints(points: readonly Measured[], aspect: number): Plane | Key {
  const [seen, place] = [points.map((p) => p[0]), points.map((p) => p[1])];
  for (const q of [seen, place]) {
    const flaw = quadFlaw(q);
    if (flaw !== undefined) return flaw === 'line' ? 'ground.bad.line' : 'ground.bad.crosses';
  }
  if (twice(seen[0]!, seen[1]!, seen[2]!) > 0 === twice(place[0]!, place[1]!, place[2]!) > 0) return 'ground.bad.mirrored';
  const h = homography(seen, place);
  return h === undefined ? 'ground.bad.none' : { h, aspect };
}

// homography solves for the numbers that take four places to four others (Hartley and Zisserman,
// Multiple View Geometry, section 4.1).
function homography(from: readonly Pair[], to: readonly Metres[]): number[] | undefined {
  const m = from.flatMap(([x, y], i) => {
    const [u, v] = to[i]!;
    return [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]];
  });
  for (let col = 0; col < 8; col++) {
    let best = col;
    for (let row = col + 1; row < 8; row++) if (Math.abs(m[row]![col]!) > Math.abs(m[best]![col]!)) best = row;
    [m[col], m[best]] = [m[best]!, m[col]!];
    const pivot = m[col]!;
    if (Math.abs(pivot[col]!) < 1e-12) return undefined;
    for (let row = 0; row < 8; row++) {
      if (row === col) continue;
      const k = m[row]![col]! / pivot[col]!;
      for (let i = col; i < 9; i++) m[row]![i] = m[row]![i]! - k * pivot[i]!;
    }
  }
  const h = [...m.map((row, i) => row[8]! / row[i]!), 1];
  const [x, y] = from[0]!;
  return h[6]! * x + h[7]! * y + 1 < 0 ? h.map((v) => -v) : h;
}

// planeOf reads a camera's ground as it is being typed: the plane, why there is none, or nothing.
export function planeOf(g: Ground | undefined): Plane | Key | undefined {
  if (g === undefined) return undefined;
  const aspect = typeof g.aspect === 'number' ? g.aspect : usualAspect;
  let plane: Plane | Key;
  if (g.points !== undefined) {
    if (g.points.length !== 4 || !g.points.every((p) => [...p[0], ...p[1]].every((v) => Number.isFinite(v)))) return 'ground.bad.numbers';
    plane = fromPoints(g.points, aspect);
  } else {
    const of = (k: (typeof groundKeys)[number]): number => {
      const v = k.name === 'roll_deg' ? (g[k.name] ?? 0) : g[k.name];
      return typeof v === 'number' && v >= k.min && v <= k.max ? v : NaN;
    };
    const [height, tilt, hfov, roll] = groundKeys.map(of) as [number, number, number, number];
    if ([height, tilt, hfov, roll].some(Number.isNaN)) return 'ground.bad.numbers';
    plane = fromCamera(height, tilt, roll, hfov, aspect);
  }
  if (typeof plane === 'string') return plane;
  for (let i = 0; i < 5; i++) if (at(plane, [0.5, 1 - i / 8]) !== undefined) return plane;
  return 'ground.bad.sky';
}

// at is where on the ground a place of the picture lies; nothing at and above the horizon.
export function at({ h }: Plane, [x, y]: Pair): Metres | undefined {
  const w = h[6]! * x + h[7]! * y + h[8]!;
  if (!(w > 0)) return undefined;
  const m: Metres = [(h[0]! * x + h[1]! * y + h[2]!) / w, (h[3]! * x + h[4]! * y + h[5]!) / w];
  return Math.abs(m[0]) <= farthest && Math.abs(m[1]) <= farthest ? m : undefined;
}

// seen is where a place of the ground lies in the picture; nothing behind the camera.
export function seen({ h }: Plane, [x, y]: Metres): Pair | undefined {
  const [a, b, c, d, e, f, g, i, j] = h as [number, number, number, number, number, number, number, number, number];
  const m = [e * j - f * i, c * i - b * j, b * f - c * e, f * g - d * j, a * j - c * g, c * d - a * f, d * i - e * g, b * g - a * i, a * e - b * d];
  const det = a * m[0]! + b * m[3]! + c * m[6]!;
  const w = (m[6]! * x + m[7]! * y + m[8]!) / det;
  if (!(w > 0) || !Number.isFinite(w)) return undefined;
  return [(m[0]! * x + m[1]! * y + m[2]!) / det / w, (m[3]! * x + m[4]! * y + m[5]!) / det / w];
}

// perMetre is how much of the picture's height a metre across the line of sight takes at a place.
export function perMetre(p: Plane, [px, py]: Pair): number | undefined {
  const m = at(p, [px, py]);
  if (m === undefined) return undefined;
  const { h } = p;
  const w = h[6]! * px + h[7]! * py + h[8]!;
  const [xx, xy] = [(h[0]! - m[0] * h[6]!) / w / p.aspect, (h[1]! - m[0] * h[7]!) / w];
  const [yx, yy] = [(h[3]! - m[1] * h[6]!) / w / p.aspect, (h[4]! - m[1] * h[7]!) / w];
  const sum = xx * xx + xy * xy + yx * yx + yy * yy;
  const det = Math.abs(xx * yy - xy * yx);
  const large = sum / 2 + Math.sqrt(Math.max((sum * sum) / 4 - det * det, 0));
  return Math.sqrt(large) / det;
}

// areaOf is a zone's area on the ground, square metres; nothing when it reaches the horizon.
export function areaOf(p: Plane, zone: readonly Pair[]): number | undefined {
  const all = zone.map((q) => at(p, q));
  let sum = 0;
  for (let i = 0; i < all.length; i++) {
    const [a, b] = [all[i], all[(i + 1) % all.length]];
    if (a === undefined || b === undefined) return undefined;
    sum += a[0] * b[1] - b[0] * a[1];
  }
  return Math.abs(sum) / 2;
}

// scaleOf is how many pixels a metre has at the least and at the most in a zone or on a line; the
// least is nothing when it reaches the horizon. It is found at the corners and between them.
export function scaleOf(p: Plane, points: readonly Pair[], rows: number): { least: number | undefined; most: number } | undefined {
  const all = points.flatMap((a, i) => {
    const b = points[(i + 1) % points.length]!;
    return [0, 0.25, 0.5, 0.75].map((k): Pair => [a[0] + k * (b[0] - a[0]), a[1] + k * (b[1] - a[1])]);
  }).map((q) => perMetre(p, q));
  const known = all.filter((v): v is number => v !== undefined);
  if (known.length === 0) return undefined;
  return { least: known.length < all.length ? undefined : Math.min(...known) * rows, most: Math.max(...known) * rows };
}

export interface GridLine { points: Pair[]; away?: number }

// grid gives lines of metres to draw over the picture: across, with how far away they are, and along.
export function grid(p: Plane): { step: number; lines: GridLine[] } {
  const near = at(p, [0.5, 1])?.[1] ?? 0;
  const rows = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].map((y) => at(p, [0.5, y])?.[1]).filter((v): v is number => v !== undefined);
  const far = Math.min(Math.max(...rows, near + 1), near + 60);
  const step = [0.5, 1, 2, 5, 10].find((s) => (far - near) / s <= 12) ?? 20;
  const sides = [at(p, [0, 1]), at(p, [1, 1]), at(p, [0, 0.6]), at(p, [1, 0.6])].filter((v): v is Metres => v !== undefined).map((m) => m[0]);
  const [left, right] = [Math.max(Math.min(...sides, 0), -40), Math.min(Math.max(...sides, 0), 40)];
  const first = (v: number) => Math.ceil(v / step - 1e-9) * step;
  const lines: GridLine[] = [];
  for (let y = first(near); y <= far + 1e-9; y += step) lines.push({ points: drawn(p, [left, y], [right, y]), away: y });
  for (let x = first(left); x <= right + 1e-9; x += step) lines.push({ points: drawn(p, [x, near], [x, far]) });
  return { step, lines: lines.filter((l) => l.points.length > 1) };
}

// drawn is the part of a line on the ground that is in the picture, or just beside it.
function drawn(p: Plane, a: Metres, b: Metres): Pair[] {
  const n = 40;
  const out: Pair[] = [];
  for (let i = 0; i <= n; i++) {
    const q = seen(p, [a[0] + ((b[0] - a[0]) * i) / n, a[1] + ((b[1] - a[1]) * i) / n]);
    if (q !== undefined && q[0] > -0.2 && q[0] < 1.2 && q[1] > -0.2 && q[1] < 1.2) out.push(q);
  }
  return out;
}

// beginning is what four measured points are before anybody has moved them.
export const beginning: readonly Measured[] = [[[0.3, 0.9], [0, 0]], [[0.7, 0.9], [4, 0]], [[0.62, 0.6], [4, 8]], [[0.38, 0.6], [0, 8]]];
