// The wall as pure functions: which camera stands in which tile, as the address says it.

import type { Alert, Camera } from '../net/types.ts';
import { byUrgency, isOpen } from './queue.ts';

export const sizes = [4, 9] as const;
export type Size = (typeof sizes)[number];

// Choice is the operator's: one place for each tile, "edge/camera" or "" for an empty one.
export interface Choice { size: Size; places: string[] }

export const keyOf = (edge: string, camera: string) => `${edge}/${camera}`;

// split is keyOf's reverse.
export function split(place: string): { edge: string; camera: string } {
  const at = place.indexOf('/');
  return { edge: place.slice(0, at), camera: place.slice(at + 1) };
}

const placeForm = /^[^/,]+\/[^/,]+$/;

// choiceOf reads an address's query; undefined when it names no wall. A camera stands in one
// tile only.
export function choiceOf(search: string): Choice | undefined {
  const q = new URLSearchParams(search);
  if (!q.has('n') && !q.has('c')) return undefined;
  const size = q.get('n') === '9' ? 9 : 4;
  return sized({ size, places: (q.get('c') ?? '').split(',') }, size);
}

export function queryOf(c: Choice): string {
  return `?n=${c.size}&c=${c.places.map((p) => p.split('/').map(encodeURIComponent).join('/')).join(',').replace(/,+$/, '')}`;
}

// sized gives a wall of another size; what it has no room for is left out.
export function sized(c: Choice, size: Size): Choice {
  const seen = new Set<string>();
  const places = Array.from({ length: size }, (_, i) => {
    const p = c.places[i] ?? '';
    if (!placeForm.test(p) || seen.has(p)) return '';
    seen.add(p);
    return p;
  });
  return { size, places };
}

// put gives a tile a camera; where that camera stood already, the two tiles change places.
export function put(c: Choice, tile: number, place: string): Choice {
  const places = [...c.places];
  const at = place === '' ? -1 : places.indexOf(place);
  if (at >= 0) places[at] = places[tile] ?? '';
  places[tile] = place;
  return { size: c.size, places };
}

// filled puts cameras into the empty tiles, those that give pictures first.
export function filled(c: Choice, cameras: readonly Camera[]): Choice {
  const free = [...cameras].sort((a, b) => Number(b.state === 'live') - Number(a.state === 'live') || a.name.localeCompare(b.name))
    .map((x) => keyOf(x.edge, x.id)).filter((p) => !c.places.includes(p));
  return { size: c.size, places: c.places.map((p) => (p === '' ? (free.shift() ?? '') : p)) };
}

// urgent gives the most urgent open alert of each camera.
export function urgent(alerts: Iterable<Alert>): Map<string, Alert> {
  const out = new Map<string, Alert>();
  for (const a of alerts) {
    if (!isOpen(a)) continue;
    const k = keyOf(a.edge, a.camera);
    const before = out.get(k);
    if (before === undefined || byUrgency(a, before) < 0) out.set(k, a);
  }
  return out;
}
