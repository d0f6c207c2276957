// What the page knows, as signals. live.ts keeps them in step with the server; work.ts is what
// the operator does to them.

import { batch, computed, signal } from '@preact/signals';
import { api, ApiError } from '../net/api.ts';
import type { Alert, AlertDetail, Camera, Event, Me } from '../net/types.ts';
import { explain } from './explain.ts';
import { look } from './flood.ts';
import { count, visible, type Filter } from './queue.ts';

export interface Toast { text: string; until: number; undo?: string; bad?: boolean }

export const me = signal<Me | undefined>(undefined);
export const sessionLost = signal(false);
export const alerts = signal<Map<string, Alert>>(new Map());
export const cameras = signal<Camera[]>([]);
export const filter = signal<Filter>('unclaimed');
export const selected = signal<string | undefined>(undefined);
export const detail = signal<AlertDetail | undefined>(undefined);
export const detailError = signal<string | undefined>(undefined);
export const loaded = signal(false);
export const lastHeard = signal(0); // performance.now(); 0 before the first word
export const connected = signal(false);
export const paused = signal(false);
export const now = signal(Date.now()); // of the server, as well as it is known
export const tick = signal(0); // performance.now(), renewed twice a second
export const toast = signal<Toast | undefined>(undefined);
export const skew = signal(0); // what this machine's clock lacks to the server's, in milliseconds

// held are cards that came while the list stood still: counted, not inserted.
export const held = signal<ReadonlySet<string>>(new Set());
export const atTop = signal(true);

const user = computed(() => me.value?.user.username ?? '');

export const listed = computed(() => {
  const all = visible(alerts.value.values(), filter.value, user.value, selected.value);
  const hidden = held.value;
  return hidden.size === 0 ? all : all.filter((a) => !hidden.has(a.id));
});

export const counts = computed(() => {
  const of = (f: Filter) => count(alerts.value.values(), f, user.value);
  return { unclaimed: of('unclaimed'), mine: of('mine'), all: of('all') };
});

export const ringing = computed(() => {
  for (const a of alerts.value.values()) if (a.priority === 'critical' && a.work === 'unclaimed') return true;
  return false;
});

export function fail(err: unknown): void {
  if (err instanceof ApiError && err.status === 401) {
    sessionLost.value = true;
    return;
  }
  toast.value = { text: explain(err), until: performance.now() + 6000, bad: true };
}

// say shows words for a while; undo is the alert whose verdict they offer to take back.
export function say(text: string, undo?: string): void {
  toast.value = { text, until: performance.now() + 5000, ...(undo === undefined ? {} : { undo }) };
}

// letIn lets the held cards into the list.
export function letIn(): void {
  if (held.value.size > 0) held.value = new Set();
}

export function choose(f: Filter): void {
  batch(() => {
    filter.value = f;
    letIn();
    const id = selected.value;
    if (id !== undefined && !visible(alerts.value.values(), f, user.value).some((a) => a.id === id)) select(undefined);
  });
}

export function select(id: string | undefined): void {
  if (selected.value === id) return;
  batch(() => {
    selected.value = id;
    detail.value = undefined;
    detailError.value = undefined;
  });
  if (id !== undefined) void refreshDetail();
}

// Guess is a change that is shown before the server has agreed; truth is the card as the server
// last gave it.
export interface Guess { change: Partial<Alert>; truth: Alert }

// guesses are applied to whatever the server says meanwhile: news of an older step must not
// bring back a card that the operator has just judged.
export const guesses = new Map<string, Guess>();

// shownAs is a card as it is shown.
export function shownAs(a: Alert): Alert {
  const g = guesses.get(a.id);
  if (g === undefined) return a;
  if (a.seq >= g.truth.seq) g.truth = a;
  return { ...a, ...g.change };
}

// put replaces one card, unless a later state of it is there.
export function put(a: Alert): void {
  if ((alerts.value.get(a.id)?.seq ?? 0) > a.seq) return;
  alerts.value = new Map(alerts.value).set(a.id, shownAs(a));
}

let asking: string | undefined;
let again = false;

// refreshDetail loads the selected alert with its events. While one answer is awaited, further
// wishes for the same alert become one more request after it.
export async function refreshDetail(): Promise<void> {
  const id = selected.value;
  if (id === undefined) return;
  if (asking === id) {
    again = true;
    return;
  }
  asking = id;
  again = false;
  try {
    const d = await api.alert(id);
    if (selected.value === id) detail.value = settled(detail.value, d);
  } catch (err) {
    if (selected.value === id) failDetail(id, err);
  } finally {
    if (asking === id) asking = undefined;
  }
  if (again && selected.value === id) await refreshDetail();
}

// settled keeps the objects of events that did not change, so that what is drawn from them,
// the running video above all, stays as it is.
export function settled(before: AlertDetail | undefined, d: AlertDetail): AlertDetail {
  const old = new Map(before?.event_list.map((e): [string, Event] => [e.id, e]));
  const event_list = d.event_list.map((e) => {
    const o = old.get(e.id);
    return o !== undefined && JSON.stringify(o) === JSON.stringify(e) ? o : e;
  });
  return { ...d, event_list };
}

function failDetail(id: string, err: unknown): void {
  if (err instanceof ApiError && err.status === 404) {
    const map = new Map(alerts.value);
    map.delete(id);
    alerts.value = map;
  }
  if (err instanceof ApiError && err.status === 401) sessionLost.value = true;
  if (detail.value === undefined) detailError.value = explain(err);
}

// forgetAll empties the page when its user leaves.
export function forgetAll(): void {
  guesses.clear();
  batch(() => {
    me.value = undefined;
    alerts.value = new Map();
    cameras.value = [];
    held.value = new Set();
    toast.value = undefined;
    loaded.value = false;
    connected.value = false;
    paused.value = false;
    lastHeard.value = 0;
    filter.value = 'unclaimed';
    select(undefined);
  });
}

export function beat(): void {
  batch(() => {
    tick.value = performance.now();
    now.value = Date.now() + skew.value;
    look(alerts.value.values(), now.value);
    if (toast.value !== undefined && toast.value.until < performance.now()) toast.value = undefined;
  });
}
