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
  if (!isOpen(a) || a.work === 'confirmed') return Infinity;
  const by = a.work === 'unclaimed' ? a.claim_by : a.verdict_by;
  return by === undefined ? Infinity : Date.parse(by);
}

// byUrgency orders by priority, then by the time left, then the oldest first.
export function byUrgency(a: Alert, b: Alert): number {
  return rank(a.priority) - rank(b.priority) || cmp(due(a), due(b)) || cmp(a.raised, b.raised) || cmp(a.id, b.id);
}

function cmp<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// newestFirst orders what is closed.
export function newestFirst(a: Alert, b: Alert): number {
  return cmp(b.closed_at ?? b.raised, a.closed_at ?? a.raised) || cmp(b.id, a.id);
}

// shown says whether a card is in a view. What still waits for a judgement that this user may
// give is "unclaimed": free cards, and the cards this user holds and has not judged.
export function shown(a: Alert, f: Filter, me: string): boolean {
  switch (f) {
    case 'unclaimed':
      return a.work === 'unclaimed' || (a.owner === me && (a.work === 'claimed' || a.work === 'reviewing'));
    case 'mine':
      return isOpen(a) && a.owner === me;
    case 'closed':
      return !isOpen(a);
    case 'all':
      return isOpen(a);
  }
}

// visible gives a view in order. The card with the ID keep stays in it whatever became of it,
// so that nothing vanishes under the operator's eyes.
export function visible(alerts: Iterable<Alert>, f: Filter, me: string, keep?: string): Alert[] {
  const out: Alert[] = [];
  for (const a of alerts) if (a.id === keep || shown(a, f, me)) out.push(a);
  return out.sort(f === 'closed' ? newestFirst : byUrgency);
}

export function count(alerts: Iterable<Alert>, f: Filter, me: string): number {
  let n = 0;
  for (const a of alerts) if (shown(a, f, me)) n++;
  return n;
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

// Closed cards kept in memory: a shift is long.
const closedMost = 600;
const closedKept = 300;

// forget drops the oldest closed cards when there are many, but never keep.
export function forget(alerts: Map<string, Alert>, keep?: string): void {
  const closed = [...alerts.values()].filter((a) => !isOpen(a) && a.id !== keep);
  if (closed.length <= closedMost) return;
  for (const a of closed.sort(newestFirst).slice(closedKept)) alerts.delete(a.id);
}

// follower is the card that gets the focus when id leaves the list.
export function follower(list: readonly Alert[], id: string): string | undefined {
  const i = list.findIndex((a) => a.id === id);
  return i < 0 ? undefined : (list[i + 1] ?? list[i - 1])?.id;
}

// Ring is the service level as a card shows it.
export interface Ring {
  left: number; // of the whole time, 0..1
  seconds: number; // left; negative when late
  level: 'fresh' | 'amber' | 'red' | 'late';
}

// ring is undefined when nothing is due. Half the time gone is amber, four fifths red.
export function ring(a: Alert, now: number): Ring | undefined {
  const end = due(a);
  if (end === Infinity) return undefined;
  const whole = Math.max(end - Date.parse(a.raised), 1);
  const left = Math.min(Math.max((end - now) / whole, 0), 1);
  const level = now >= end ? 'late' : left <= 0.2 ? 'red' : left <= 0.5 ? 'amber' : 'fresh';
  return { left, seconds: Math.ceil((end - now) / 1000), level };
}
