// What the page knows, as signals; everything that changes it goes through here.

import { batch, computed, signal } from '@preact/signals';
import { api, ApiError } from '../net/api.ts';
import { LiveStream } from '../net/stream.ts';
import type { Alert, AlertDetail, Camera, ClipChange, Event, Me, Verdict } from '../net/types.ts';
import { isOpen, merge, visible, type Filter } from './queue.ts';
import { play } from './sound.ts';

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
export const toast = signal<{ text: string; undo?: string; until: number } | undefined>(undefined);

// skew is what must be added to this machine's clock to have the server's, in milliseconds.
let skew = 0;

// held are cards that came while the list stood still: counted, not inserted.
export const held = signal<Set<string>>(new Set());
export const atTop = signal(true);

export const listed = computed(() => {
  const all = visible(alerts.value.values(), filter.value, me.value?.user.username ?? '');
  const hidden = held.value;
  return hidden.size === 0 ? all : all.filter((a) => !hidden.has(a.id));
});

export const counts = computed(() => {
  const mine = me.value?.user.username ?? '';
  const of = (f: Filter) => visible(alerts.value.values(), f, mine).length;
  return { unclaimed: of('unclaimed'), mine: of('mine'), all: of('all') };
});

export function fail(err: unknown): void {
  if (err instanceof ApiError && err.status === 401) {
    sessionLost.value = true;
    return;
  }
  say(err instanceof Error ? err.message : String(err));
}

export function say(text: string, undo?: string): void {
  toast.value = { text, until: performance.now() + (undo === undefined ? 4000 : 5000), ...(undo === undefined ? {} : { undo }) };
}

let stream: LiveStream | undefined;

// connect loads the queue and follows it from there on.
export async function connect(): Promise<void> {
  stream?.close();
  const [open, closed, cams] = await Promise.all([
    api.alerts({ state: 'open', limit: 500 }),
    api.alerts({ state: 'closed', limit: 100 }),
    api.cameras(),
  ]);
  batch(() => {
    const map = new Map<string, Alert>();
    for (const a of [...closed.alerts, ...open.alerts]) merge(map, a);
    alerts.value = map;
    cameras.value = cams.cameras;
    held.value = new Set();
    loaded.value = true;
  });
  stream = new LiveStream(Math.min(open.seq, closed.seq), handlers);
  stream.open();
}

export function disconnect(): void {
  stream?.close();
  stream = undefined;
  loaded.value = false;
  connected.value = false;
}

const handlers = {
  hello(h: { now: string }) {
    skew = Date.parse(h.now) - Date.now();
    connected.value = true;
  },
  alert: onAlert,
  event(e: Event) {
    if (detail.value?.events.includes(e.id) === true) void refreshDetail();
  },
  clip(c: ClipChange) {
    if (detail.value?.events.includes(c.event) === true) void refreshDetail();
  },
  cameras(c: Camera[]) {
    cameras.value = c;
  },
  reset() {
    void connect().catch(fail);
  },
  alive(at: number) {
    lastHeard.value = at;
    connected.value = true;
  },
  lost() {
    connected.value = false;
  },
};

function onAlert(a: Alert): void {
  const map = new Map(alerts.value);
  const what = merge(map, a);
  if (what === 'old') return;
  batch(() => {
    if (what === 'new' && (paused.value || !atTop.value)) held.value = new Set(held.value).add(a.id);
    alerts.value = map;
  });
  if (what === 'new' || what === 'louder') play(a.priority);
  else if (what === 'joined' && isOpen(a)) play(a.priority, true);
  if (a.id === selected.value) void refreshDetail();
}

// release lets the held cards into the list.
export function letIn(): void {
  held.value = new Set();
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

let asked = 0;

// refreshDetail loads the selected alert with its events; of several at once the last counts.
export async function refreshDetail(): Promise<void> {
  const id = selected.value;
  if (id === undefined) return;
  const mine = ++asked;
  try {
    const d = await api.alert(id);
    if (mine === asked && selected.value === id) detail.value = d;
  } catch (err) {
    if (mine === asked && selected.value === id) detailError.value = err instanceof Error ? err.message : String(err);
  }
}

function apply(a: Alert): void {
  const map = new Map(alerts.value);
  if (merge(map, a) !== 'old') alerts.value = map;
}

// next is the card that gets the focus when id leaves the list.
function next(id: string): string | undefined {
  const list = listed.value;
  const i = list.findIndex((a) => a.id === id);
  return (list[i + 1] ?? list[i - 1])?.id;
}

export async function act(what: 'claim' | 'release' | 'evidence', id: string): Promise<boolean> {
  try {
    apply(await api[what](id));
    void refreshDetail();
    return true;
  } catch (err) {
    if (err instanceof ApiError && err.status === 409 && what === 'claim' && err.ownerName !== undefined) {
      say(`${err.ownerName}`);
      toast.value = { text: err.message, until: performance.now() + 4000 };
      return false;
    }
    fail(err);
    return false;
  }
}

export async function judge(id: string, v: Verdict, note: string, words: string): Promise<void> {
  const follow = next(id);
  try {
    const a = await api.verdict(id, v, note);
    batch(() => {
      apply(a);
      if (!isOpen(a) && selected.value === id) select(follow);
    });
    say(words, id);
  } catch (err) {
    fail(err);
  }
}

export async function undo(words: string): Promise<void> {
  const id = toast.value?.undo;
  if (id === undefined) return;
  toast.value = undefined;
  try {
    apply(await api.undo(id));
    select(id);
    say(words);
  } catch (err) {
    fail(err);
  }
}

export function beat(): void {
  batch(() => {
    tick.value = performance.now();
    now.value = Date.now() + skew;
    if (toast.value !== undefined && toast.value.until < performance.now()) toast.value = undefined;
  });
}

// Painted is one card's first appearance, for measuring the way from the camera to the screen.
export interface Painted { alert: string; event: string; painted_us: number }
declare global {
  interface Window { __bongsu?: { painted: Painted[] } }
}

// painted records when a card was first on screen: after the frame that drew it.
export function painted(a: Alert): void {
  const board = (window.__bongsu ??= { painted: [] });
  if (board.painted.some((p) => p.alert === a.id)) return;
  requestAnimationFrame(() => {
    const channel = new MessageChannel(); // a task after the frame's own painting
    channel.port1.onmessage = () => {
      board.painted.push({ alert: a.id, event: a.event, painted_us: Math.round((performance.timeOrigin + performance.now()) * 1000) });
      if (board.painted.length > 500) board.painted.shift();
    };
    channel.port2.postMessage(0);
  });
}
