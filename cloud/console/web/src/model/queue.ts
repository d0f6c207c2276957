// The queue as pure functions: what is shown, in which order, and what a change does to it.

import type { Alert, Priority } from '../net/types.ts';

export type Filter = 'unclaimed' | 'mine' | 'closed' | 'all';

const ranks: Record<Priority, number> = { critical: 0, high: 1, medium: 2, low: 3 };

export function rank(p: Priority): number {
  return ranks[p] ?? 4;
}

export function isOpen(a: Alert): boolean {
  return a.work !== 'closed';
}

// due is when the operator's next step is late, in Unix milliseconds; Infinity without a limit.
export function due(a: Alert): number {
  if (!isOpen(a)) return Infinity;
  const by = a.work === 'unclaimed' ? a.claim_by : a.verdict_by;
  return by === undefined ? Infinity : Date.parse(by);
}

// byUrgency orders by priority, then by the time left, then the oldest first.
export function byUrgency(a: Alert, b: Alert): number {
  return rank(a.priority) - rank(b.priority) || sub(due(a), due(b)) || Date.parse(a.raised) - Date.parse(b.raised) || cmp(a.id, b.id);
}

function sub(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function cmp(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// newestFirst orders what is closed.
export function newestFirst(a: Alert, b: Alert): number {
  return Date.parse(b.closed_at ?? b.raised) - Date.parse(a.closed_at ?? a.raised) || cmp(b.id, a.id);
}

export function shown(a: Alert, f: Filter, me: string): boolean {
  switch (f) {
    case 'unclaimed':
      return a.work === 'unclaimed';
    case 'mine':
      return isOpen(a) && a.owner === me;
    case 'closed':
      return !isOpen(a);
    case 'all':
      return isOpen(a);
  }
}

export function visible(alerts: Iterable<Alert>, f: Filter, me: string): Alert[] {
  const out = [...alerts].filter((a) => shown(a, f, me));
  return out.sort(f === 'closed' ? newestFirst : byUrgency);
}

// merge puts a change into the map unless a later one is there already, and says what it was.
export function merge(alerts: Map<string, Alert>, a: Alert): 'new' | 'louder' | 'joined' | 'changed' | 'old' {
  const before = alerts.get(a.id);
  if (before !== undefined && before.seq >= a.seq) return 'old';
  alerts.set(a.id, a);
  if (before === undefined) return isOpen(a) ? 'new' : 'changed';
  if (rank(a.priority) < rank(before.priority)) return 'louder';
  return a.count > before.count ? 'joined' : 'changed';
}

// Ring is the service level as a card shows it.
export interface Ring {
  left: number; // of the whole time, 0..1
  seconds: number; // left; negative when late
  level: 'calm' | 'amber' | 'red' | 'late';
}

// ring is undefined when nothing is due. Half the time gone is amber, four fifths red.
export function ring(a: Alert, now: number): Ring | undefined {
  const end = due(a);
  if (end === Infinity) return undefined;
  const whole = Math.max(end - Date.parse(a.raised), 1);
  const left = Math.min(Math.max((end - now) / whole, 0), 1);
  const level = now >= end ? 'late' : left <= 0.2 ? 'red' : left <= 0.5 ? 'amber' : 'calm';
  return { left, seconds: Math.ceil((end - now) / 1000), level };
}
