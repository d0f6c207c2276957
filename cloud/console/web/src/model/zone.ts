// Zones and lines: what is wrong with one, and what one does to its points. The same is asked
// as the edge asks (geometry.go), so that what is drawn is told of at once.

import type { Pair } from '../net/setup.ts';

export const maxPoints = 64;
const minArea = 1e-4; // of the picture
const minLength = 0.01; // of the picture
const digits = 1e4; // coordinates are kept to a part in ten thousand

export type Flaw =
  | { what: 'few'; n: number } | { what: 'many'; n: number } | { what: 'outside'; at: number } | { what: 'same'; at: number; other: number }
  | { what: 'crosses'; at: number; other: number } | { what: 'small' } | { what: 'short' };

// zoneFlaw says what is wrong with the corners of a zone; at and other count points, or the
// edges that begin there, from 0.
export function zoneFlaw(zone: readonly Pair[]): Flaw | undefined {
  if (zone.length < 3) return { what: 'few', n: zone.length };
  if (zone.length > maxPoints) return { what: 'many', n: zone.length };
  const out = zone.findIndex((p) => !inside(p));
  if (out >= 0) return { what: 'outside', at: out };
  for (let i = 0; i < zone.length; i++) {
    for (let j = i + 1; j < zone.length; j++) if (zone[i]![0] === zone[j]![0] && zone[i]![1] === zone[j]![1]) return { what: 'same', at: i, other: j };
  }
  const cross = selfCrossing(zone);
  if (cross !== undefined) return { what: 'crosses', at: cross[0], other: cross[1] };
  return area(zone) < minArea ? { what: 'small' } : undefined;
}

// lineFlaw says what is wrong with a line.
export function lineFlaw(line: readonly Pair[]): Flaw | undefined {
  if (line.length < 2) return { what: 'few', n: line.length };
  if (line.length > 2) return { what: 'many', n: line.length };
  const out = line.findIndex((p) => !inside(p));
  if (out >= 0) return { what: 'outside', at: out };
  const [a, b] = line as [Pair, Pair];
  return Math.hypot(b[0] - a[0], b[1] - a[1]) < minLength ? { what: 'short' } : undefined;
}

const inside = (p: Pair): boolean => p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1;

// area is the shoelace formula, in parts of the picture's.
export function area(ps: readonly Pair[]): number {
  let sum = 0;
  ps.forEach((p, i) => {
    const q = ps[(i + 1) % ps.length]!;
    sum += p[0] * q[1] - q[0] * p[1];
  });
  return Math.abs(sum) / 2;
}

// selfCrossing finds two edges that meet anywhere but in a shared corner.
function selfCrossing(ps: readonly Pair[]): [number, number] | undefined {
  const n = ps.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const [a, b, c, d] = [ps[i]!, ps[(i + 1) % n]!, ps[j]!, ps[(j + 1) % n]!];
      const meets = j === i + 1 ? foldsBack(a, b, d) : i === 0 && j === n - 1 ? foldsBack(c, a, b) : segmentsMeet(a, b, c, d);
      if (meets) return [i, j];
    }
  }
  return undefined;
}

// foldsBack reports whether the way a, corner, b returns along itself.
function foldsBack(a: Pair, corner: Pair, b: Pair): boolean {
  const [ux, uy, vx, vy] = [a[0] - corner[0], a[1] - corner[1], b[0] - corner[0], b[1] - corner[1]];
  return ux * vy - uy * vx === 0 && ux * vx + uy * vy > 0;
}

function segmentsMeet(a: Pair, b: Pair, c: Pair, d: Pair): boolean {
  const [o1, o2, o3, o4] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (o1 * o2 < 0 && o3 * o4 < 0) return true;
  return (o1 === 0 && between(a, b, c)) || (o2 === 0 && between(a, b, d)) || (o3 === 0 && between(c, d, a)) || (o4 === 0 && between(c, d, b));
}

// turn is -1, 0 or 1: to which side of ab the point p lies.
const turn = (a: Pair, b: Pair, p: Pair): number => Math.sign((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]));

const between = (a: Pair, b: Pair, p: Pair): boolean =>
  Math.min(a[0], b[0]) <= p[0] && p[0] <= Math.max(a[0], b[0]) && Math.min(a[1], b[1]) <= p[1] && p[1] <= Math.max(a[1], b[1]);

// place makes a point that can be kept: within the picture, and not finer than anybody draws.
export function place(x: number, y: number): Pair {
  const fit = (v: number) => Math.round(Math.min(1, Math.max(0, v)) * digits) / digits;
  return [fit(x), fit(y)];
}

export const moved = (ps: readonly Pair[], at: number, to: Pair): Pair[] => ps.map((p, i) => (i === at ? place(to[0], to[1]) : p));
export const without = (ps: readonly Pair[], at: number): Pair[] => ps.filter((_, i) => i !== at);

// inserted puts a point onto the edge after at.
export function inserted(ps: readonly Pair[], at: number, p: Pair): Pair[] {
  return [...ps.slice(0, at + 1), place(p[0], p[1]), ...ps.slice(at + 1)];
}

// middle is the place in the middle of the edge after at.
export function middle(ps: readonly Pair[], at: number): Pair {
  const [a, b] = [ps[at]!, ps[(at + 1) % ps.length]!];
  return place((a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
}

// shifted moves all points, and stops where the first of them meets the picture's border.
export function shifted(ps: readonly Pair[], dx: number, dy: number): Pair[] {
  const bound = (d: number, k: 0 | 1) => Math.min(1 - Math.max(...ps.map((p) => p[k])), Math.max(-Math.min(...ps.map((p) => p[k])), d));
  const [bx, by] = [bound(dx, 0), bound(dy, 1)];
  return ps.map((p) => place(p[0] + bx, p[1] + by));
}

// centre is where a zone's name is written: its corners' mean.
export function centre(ps: readonly Pair[]): Pair {
  const n = Math.max(1, ps.length);
  return [ps.reduce((s, p) => s + p[0], 0) / n, ps.reduce((s, p) => s + p[1], 0) / n];
}
