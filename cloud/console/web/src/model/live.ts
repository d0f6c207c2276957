// Keeps what the page knows in step with the server.

import { batch } from '@preact/signals';
import { api } from '../net/api.ts';
import { LiveStream } from '../net/stream.ts';
import type { Alert, Priority } from '../net/types.ts';
import { forget as forgetFlood, sounds } from './flood.ts';
import { forget, isOpen, merge, rank } from './queue.ts';
import { play } from './sound.ts';
import {
  alerts, atTop, cameras, connected, detail, fail, forgetAll, held, lastHeard, letIn, loaded, paused, refreshDetail, selected, sessionLost, shownAs, skew,
} from './state.ts';

const pageSize = 1000; // the most that the server gives at once
const closedShown = 100;

let stream: LiveStream | undefined;
let session = 0; // counts connections, so that what belongs to an older one is dropped

// connect loads the queue and follows it from there on. The first page is shown at once; the
// others, in a flood, follow while changes come in already.
export async function connect(): Promise<void> {
  stream?.close();
  const mine = ++session;
  const [open, closed, cams] = await Promise.all([
    api.alerts({ state: 'open', limit: pageSize }),
    api.alerts({ state: 'closed', limit: closedShown }),
    api.cameras(),
  ]);
  if (mine !== session) return;
  const known = alerts.value;
  const again = loaded.value;
  const map = new Map<string, Alert>();
  for (const a of [...closed.alerts, ...open.alerts]) merge(map, a);
  for (const a of map.values()) map.set(a.id, shownAs(a));
  batch(() => {
    alerts.value = map;
    cameras.value = cams.cameras;
    held.value = new Set();
    loaded.value = true;
  });
  if (again) ringFor([...map.values()].filter((a) => a.work === 'unclaimed' && !known.has(a.id)));
  stream = new LiveStream(Math.min(open.seq, closed.seq), handlers);
  void stream.run();
  void refreshDetail();
  await theRest(open.next, mine);
}

async function theRest(next: string | undefined, mine: number): Promise<void> {
  while (next !== undefined) {
    const page: Awaited<ReturnType<typeof api.alerts>> = await api.alerts({ state: 'open', limit: pageSize, after: next });
    if (mine !== session) return;
    const map = new Map(alerts.value);
    for (const a of page.alerts) merge(map, a);
    alerts.value = map;
    next = page.next;
  }
}

// ringFor sounds once for the most urgent of several cards.
function ringFor(list: Alert[]): void {
  const first = list.reduce<Priority | undefined>((p, a) => (p === undefined || rank(a.priority) < rank(p) ? a.priority : p), undefined);
  if (first !== undefined && sounds(first)) play(first);
}

export function disconnect(): void {
  session++;
  stream?.close();
  stream = undefined;
  forgetAll();
  forgetFlood();
}

// hurry opens the stream at once when the network is said to be back.
export function hurry(): void {
  if (!connected.value) stream?.again();
}

const handlers = {
  hello(h: { now: string }) {
    skew.value = Date.parse(h.now) - Date.now();
    connected.value = true;
  },
  alert: onAlert,
  event(e: { id: string }) {
    if (detail.value?.events.includes(e.id) === true) void refreshDetail();
  },
  clip(c: { event: string }) {
    if (detail.value?.events.includes(c.event) === true) void refreshDetail();
  },
  cameras(c: typeof cameras.value) {
    cameras.value = c;
  },
  reset() {
    void connect().catch(fail);
  },
  alive() {
    lastHeard.value = performance.now();
  },
  lost() {
    connected.value = false;
  },
  refused() {
    sessionLost.value = true;
  },
};

// In a flood the list changes once a second at most; a few cards a second go in at once, and
// critical ones always.
const burst = 4;
const settleMs = 1000;
let arrivals: number[] = [];
let settling: ReturnType<typeof setTimeout> | undefined;

function onAlert(a: Alert): void {
  const map = new Map(alerts.value);
  const what = merge(map, a);
  if (what === 'old') return;
  map.set(a.id, shownAs(a));
  forget(map, selected.value);
  batch(() => {
    if (what === 'new' && mustWait(a)) held.value = new Set(held.value).add(a.id);
    alerts.value = map;
  });
  if (sounds(a.priority)) {
    if (what === 'new' || what === 'louder') play(a.priority);
    else if (what === 'joined' && isOpen(a)) play(a.priority, true);
  }
  if (a.id === selected.value) void refreshDetail();
}

function mustWait(a: Alert): boolean {
  if (paused.value || !atTop.value) return true;
  const at = performance.now();
  arrivals = arrivals.filter((t) => at - t < settleMs);
  arrivals.push(at);
  if (arrivals.length <= burst || a.priority === 'critical') return false;
  settling ??= setTimeout(() => {
    settling = undefined;
    if (!paused.value && atTop.value) letIn();
  }, settleMs);
  return true;
}
