// Where boxes, zone and track lie at an instant of the clip.

import type { Box, Event, TrailPoint } from '../net/types.ts';

// holdMs is how long a box is shown after the last picture in which it was measured.
export const holdMs = 1200;

// boxAt gives the box at an instant (Unix milliseconds), between two points of the trail by a
// straight line; undefined where nothing was measured near it.
export function boxAt(e: Event, at: number): Box | undefined {
  const trail = trailOf(e);
  let before: TrailPoint | undefined;
  for (const p of trail) {
    const t = Date.parse(p.at);
    if (t > at) return before === undefined ? near(p, at) : between(before, p, at);
    before = p;
  }
  return before === undefined ? undefined : near(before, at);
}

function trailOf(e: Event): TrailPoint[] {
  if (e.trail !== undefined && e.trail.length > 0) return e.trail;
  return [{ at: e.fired, box: e.box }];
}

function near(p: TrailPoint, at: number): Box | undefined {
  return Math.abs(Date.parse(p.at) - at) <= holdMs ? p.box : undefined;
}

function between(a: TrailPoint, b: TrailPoint, at: number): Box | undefined {
  const ta = Date.parse(a.at);
  const tb = Date.parse(b.at);
  if (tb - ta > 4 * holdMs) return near(a, at) ?? near(b, at);
  const k = tb === ta ? 0 : (at - ta) / (tb - ta);
  const mix = (x: number, y: number) => x + (y - x) * k;
  return { x0: mix(a.box.x0, b.box.x0), y0: mix(a.box.y0, b.box.y0), x1: mix(a.box.x1, b.box.x1), y1: mix(a.box.y1, b.box.y1) };
}

// pathUntil gives the foot points of the track up to an instant.
export function pathUntil(e: Event, at: number): { x: number; y: number }[] {
  return trailOf(e)
    .filter((p) => Date.parse(p.at) <= at)
    .map((p) => ({ x: (p.box.x0 + p.box.x1) / 2, y: p.box.y1 }));
}

// Area is a place on screen, in CSS pixels.
export interface Area { x: number; y: number; w: number; h: number }

// fitted gives where a picture of w × h lies in a box of bw × bh when it is shown whole.
export function fitted(w: number, h: number, bw: number, bh: number): Area {
  if (w <= 0 || h <= 0 || bw <= 0 || bh <= 0) return { x: 0, y: 0, w: 0, h: 0 };
  const k = Math.min(bw / w, bh / h);
  return { x: (bw - w * k) / 2, y: (bh - h * k) / 2, w: w * k, h: h * k };
}
