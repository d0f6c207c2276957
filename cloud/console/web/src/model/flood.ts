// A flood of alerts, as alarm management has it (ISA-18.2, EEMUA 191): more than ten in ten
// minutes. While it lasts only critical alerts sound, and the page says where they come from.

import { signal } from '@preact/signals';
import type { Alert, Priority } from '../net/types.ts';

export const windowMs = 600_000;
const enterAbove = 10;
const leaveBelow = 5;

export interface Flood { on: boolean; calmSince?: number }

// step gives the next state from the number of alerts in the last ten minutes. A flood is over
// when fewer than five came in ten minutes, for ten minutes.
export function step(f: Flood, count: number, now: number): Flood {
  if (!f.on) return { on: count > enterAbove };
  if (count >= leaveBelow) return { on: true };
  const since = f.calmSince ?? now;
  return now - since >= windowMs ? { on: false } : { on: true, calmSince: since };
}

export interface Cause { camera: string; name: string; kind: string; count: number }

// causes counts what was raised since an instant by camera and kind, the most frequent first.
export function causes(alerts: Iterable<Alert>, since: number): Cause[] {
  const from = new Date(since).toISOString();
  const by = new Map<string, Cause>();
  for (const a of alerts) {
    if (a.raised < from) continue;
    const key = `${a.edge}/${a.camera}/${a.kind}`;
    const c = by.get(key);
    if (c === undefined) by.set(key, { camera: a.camera, name: a.camera_name || a.camera, kind: a.kind, count: 1 });
    else c.count++;
  }
  return [...by.values()].sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
}

export interface FloodView extends Flood { count: number; causes: Cause[] }

export const flood = signal<FloodView>({ on: false, count: 0, causes: [] });

const everyMs = 2000;
let looked = -Infinity;

// look is called often, and reckons anew every other second.
export function look(alerts: Iterable<Alert>, now: number): void {
  if (Math.abs(now - looked) < everyMs) return;
  looked = now;
  const list = causes(alerts, now - windowMs);
  const count = list.reduce((n, c) => n + c.count, 0);
  const next = step(flood.value, count, now);
  if (next.on || flood.value.on) flood.value = { ...next, count, causes: list.slice(0, 3) };
}

// forget begins anew, for another user.
export function forget(): void {
  looked = -Infinity;
  flood.value = { on: false, count: 0, causes: [] };
}

// sounds says whether an alert of a priority may sound now.
export function sounds(p: Priority): boolean {
  return !flood.value.on || p === 'critical';
}
