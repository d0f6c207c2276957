// What each key does on the operator's page.

import { useEffect } from 'preact/hooks';
import type { RefObject } from 'preact';
import { actionOf, inText, type Action } from '../model/keys.ts';
import { isOpen } from '../model/queue.ts';
import { mute, mutedUntil } from '../model/sound.ts';
import { letIn, listed, paused, select, selected } from '../model/state.ts';
import { choices, choosing, claim, judge, openEvidence, release, undo, type Choice } from '../model/work.ts';
import { boxes, chosen, live, zone } from '../parts/evidence.tsx';
import { mode, table } from '../parts/kbd.tsx';
import type { Transport } from '../parts/player.tsx';
import { sheet } from '../parts/sheet.tsx';

type Handler = (() => void) | undefined;

// useKeys acts on keys while the focus is in the page's panes, or nowhere. In the bars above
// and below only what is no character acts: they are somebody's way elsewhere.
export function useKeys(pane: RefObject<HTMLElement | null>, transport: RefObject<Transport | null>, note: RefObject<HTMLTextAreaElement | null>): void {
  useEffect(() => {
    const handlers = handlersOf(transport, note);
    const down = (e: KeyboardEvent) => {
      const target = e.target instanceof HTMLElement ? e.target : null;
      if (document.querySelector('dialog[open]') !== null) return;
      const action = actionOf({
        code: e.code, key: e.key, isComposing: e.isComposing, altKey: e.altKey, ctrlKey: e.ctrlKey,
        metaKey: e.metaKey, shiftKey: e.shiftKey, inText: inText(target),
      }, mode.value, choosing.value !== undefined, table.value);
      if (action === undefined || keepsKey(target, action)) return;
      const inside = target === null || target === document.body || pane.current?.contains(target) === true;
      if (!inside && !['mute', 'undo', 'sheet', 'back'].includes(action)) return;
      const handle = handlers(action);
      if (handle === undefined) return;
      e.preventDefault();
      handle();
    };
    document.addEventListener('keydown', down);
    return () => document.removeEventListener('keydown', down);
  }, []);
}

// keepsKey says whether a key belongs to the control that has the focus: Enter and Space press
// buttons and follow links.
function keepsKey(target: HTMLElement | null, action: Action): boolean {
  return (action === 'open' || action === 'play') && target !== null && (target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement);
}

function move(by: number): void {
  const list = listed.value;
  if (list.length === 0) return;
  const at = list.findIndex((a) => a.id === selected.value);
  const to = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
  select(list[to]?.id);
  document.querySelector<HTMLElement>('[data-keeper]')?.focus({ preventScroll: true });
}

function back(): void {
  if (choosing.value !== undefined) choosing.value = undefined;
  else if (inText(document.activeElement)) document.querySelector<HTMLElement>('[data-keeper]')?.focus({ preventScroll: true });
  else select(undefined);
}

function open(): void {
  if (selected.value === undefined) move(1);
  const a = chosen();
  if (a !== undefined && isOpen(a)) openEvidence(a.id).catch(() => undefined);
}

function pause(): void {
  paused.value = !paused.value;
  if (!paused.value) letIn();
}

function handlersOf(transport: RefObject<Transport | null>, note: RefObject<HTMLTextAreaElement | null>): (a: Action) => Handler {
  const withOpen = (f: (id: string) => void) => () => {
    const a = chosen();
    if (a !== undefined && isOpen(a)) f(a.id);
  };
  const ask = (c: Choice) => withOpen(() => (choosing.value = c));
  const seek = (s: number) => () => transport.current?.seek(s);
  const frame = (n: number) => () => transport.current?.frame(n);
  const table: Partial<Record<Action, () => void>> = {
    up: () => move(-1), down: () => move(1), open, back,
    claim: withOpen((id) => void claim(id)), release: withOpen((id) => void release(id)),
    real: ask('real'), false: ask('false'),
    duplicate: withOpen((id) => void judge(id, 'duplicate')), technical: withOpen((id) => void judge(id, 'technical')),
    undo: () => void undo(),
    play: () => transport.current?.toggle(),
    'seek-': seek(-1), 'seek+': seek(1), 'jump-': seek(-10), 'jump+': seek(10), 'frame-': frame(-1), 'frame+': frame(1),
    boxes: () => (boxes.value = !boxes.value), zone: () => (zone.value = !zone.value),
    live: () => selected.value !== undefined && (live.value = !live.value),
    pause, mute: () => mute(mutedUntil.value > performance.now() ? 0 : 60),
    note: () => note.current?.focus(), sheet: () => (sheet.value = true),
  };
  return (a) => {
    const digit = /^digit(\d)$/.exec(a)?.[1];
    if (digit === undefined) return table[a];
    const v = choosing.value === undefined ? undefined : choices[choosing.value][Number(digit) - 1];
    return v === undefined ? undefined : withOpen((id) => void judge(id, v));
  };
}
