import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { lang, t, word } from '../i18n/index.ts';
import { actionOf, inText, type Action, type Mode } from '../model/keys.ts';
import { isOpen, type Filter } from '../model/queue.ts';
import {
  act, alerts, atTop, cameras, counts, detail, detailError, filter, held, letIn, listed, loaded, me, now, paused, select, selected, undo,
} from '../model/state.ts';
import { mute, mutedUntil, play, probe } from '../model/sound.ts';
import { full } from '../model/time.ts';
import { Acts, choices, choosing, decide, note } from '../parts/acts.tsx';
import { Card } from '../parts/card.tsx';
import { Player, type Transport } from '../parts/player.tsx';
import { Flame, Shape } from '../parts/shape.tsx';
import { Why } from '../parts/why.tsx';
import { KeySheet, mode } from '../parts/sheet.tsx';

const boxes = signal(true);
const zone = signal(true);
const shownEvent = signal<string | undefined>(undefined); // of a card that holds several
const sheet = signal(false);
const mounted = performance.now();

// Queue is the operator's page: the list, the evidence, and why it rang.
export function Queue() {
  const transport = useRef<Transport | null>(null);
  const noteRef = useRef<HTMLTextAreaElement>(null);
  useEffect(probe, []);
  useKeys(transport, () => noteRef.current?.focus());
  useEvidence();
  useRepeat();
  return (
    <main class="queue-page page">
      <section class="column" aria-label={t('queue.label')}>
        <Filters />
        <List />
      </section>
      <section class="column"><EvidencePane transport={transport} /></section>
      <section class="column"><WhyPane noteRef={noteRef} /></section>
      {sheet.value && <KeySheet close={() => (sheet.value = false)} />}
      <div class="hidden" role="status" aria-live="assertive">{critical()}</div>
    </main>
  );
}

// critical is read out by screen readers: unclaimed alerts of the highest priority only.
function critical(): string {
  const a = listed.value.find((x) => x.priority === 'critical' && x.work === 'unclaimed');
  return a === undefined ? '' : `${word('priority', a.priority)} ${word('kind', a.kind)} ${a.camera_name}`;
}

function Filters() {
  const n = counts.value;
  const chip = (f: Filter, count?: number) => (
    <button type="button" class="chip" aria-pressed={filter.value === f} onClick={() => choose(f)} data-testid={`filter-${f}`}>
      {t(`filter.${f}`)} {count !== undefined && <b>{count}</b>}
    </button>
  );
  return <div class="head">{chip('unclaimed', n.unclaimed)}{chip('mine', n.mine)}{chip('all', n.all)}{chip('closed')}</div>;
}

function choose(f: Filter): void {
  filter.value = f;
  letIn();
}

function List() {
  const ref = useRef<HTMLUListElement>(null);
  const list = listed.value;
  const waiting = held.value.size;
  const mine = me.value?.user.username;
  return (
    <>
      {waiting > 0 && (
        <button type="button" class="pill" data-testid="pill" onClick={() => { letIn(); ref.current?.scrollTo({ top: 0 }); }}>
          {t('queue.new', { n: waiting })}{paused.value && ` · ${t('queue.paused')}`}
        </button>
      )}
      {waiting === 0 && paused.value && <button type="button" class="pill" onClick={() => (paused.value = false)}>{t('queue.paused')}</button>}
      {!loaded.value ? <div class="calm">{t('queue.loading')}</div> : list.length === 0 ? <Empty /> : (
        <ul ref={ref} class="list scroll" role="listbox" aria-label={t('queue.label')}
          onScroll={(e) => { atTop.value = e.currentTarget.scrollTop < 8; if (atTop.value && !paused.value) letIn(); }}>
          {list.map((a) => (
            <Card key={a.id} alert={a} selected={selected.value === a.id} mine={a.owner !== undefined && a.owner === mine} now={now.value}
              arrived={Date.parse(a.raised) > performance.timeOrigin + mounted}
              onSelect={() => { select(a.id); openEvidence(); }} onOpen={openEvidence} />
          ))}
        </ul>
      )}
    </>
  );
}

function Empty() {
  const live = cameras.value.filter((c) => c.state === 'live').length;
  return (
    <div class="calm" data-testid="calm">
      <Flame size={40} />
      <strong>{filter.value === 'unclaimed' ? t('queue.empty.unclaimed') : t('queue.empty.other')}</strong>
      {filter.value === 'unclaimed' && <span>{t('queue.empty.calm', { live })}</span>}
    </div>
  );
}

// current is the event of the selected card whose evidence is shown.
function current() {
  const d = detail.value;
  return d?.event_list.find((e) => e.id === shownEvent.value) ?? d?.event_list[0];
}

function EvidencePane({ transport }: { transport: { current: Transport | null } }) {
  const d = detail.value;
  const event = current();
  if (selected.value === undefined) return <><div class="head" /><div class="calm">{t('queue.select')}</div></>;
  if (d === undefined || event === undefined) return <><div class="head" /><div class="calm">{detailError.value ?? t('queue.loading')}</div></>;
  return (
    <>
      <div class="head">
        <Shape priority={d.priority} size={16} />
        <h2>{d.camera_name} · {d.camera}</h2>
        <span class="chip">{full(event.start, lang.value)}</span>
        <span class="grow" />
        <button type="button" class="chip" aria-pressed={boxes.value} onClick={() => (boxes.value = !boxes.value)}>{t('evi.boxes')} <kbd>B</kbd></button>
        <button type="button" class="chip" aria-pressed={zone.value} onClick={() => (zone.value = !zone.value)}>{t('evi.zone')} <kbd>Z</kbd></button>
      </div>
      <div class="evidence">
        <Player event={event} viewer={me.value?.user.name ?? ''} now={now.value} boxes={boxes.value} zone={zone.value} transport={transport} />
        {d.event_list.length > 1 && (
          <div class="strip" role="group" aria-label={t('evi.count', { n: d.event_list.length })}>
            {d.event_list.map((e, i) => (
              <button key={e.id} type="button" aria-pressed={e.id === event.id} onClick={() => (shownEvent.value = e.id)}>
                {e.snapshot_url !== undefined ? <img src={e.snapshot_url} alt="" loading="lazy" /> : <img alt="" />}
                <span><b>{t('evi.event', { n: i + 1 })}</b>{full(e.start, lang.value).slice(-8)}</span>
              </button>
            ))}
          </div>
        )}
      </div>
    </>
  );
}

function WhyPane({ noteRef }: { noteRef: { current: HTMLTextAreaElement | null } }) {
  const d = detail.value;
  const event = current();
  const a = selected.value === undefined ? undefined : alerts.value.get(selected.value) ?? d;
  return (
    <>
      <div class="head"><h2>{t('why.title')}</h2><span class="grow" />{a !== undefined && <span class="chip">{word('work', a.work)} · {word('condition', a.condition)}</span>}</div>
      {d !== undefined && event !== undefined ? <Why alert={d} event={event} now={now.value} /> : <div class="why" />}
      {a !== undefined && <Acts alert={a} me={me.value?.user.username ?? ''} noteRef={noteRef} />}
    </>
  );
}

// openEvidence tells the server that this user has the evidence before the eyes: a verdict
// needs that.
function openEvidence(): void {
  const id = selected.value;
  const a = id === undefined ? undefined : alerts.value.get(id);
  if (a !== undefined && isOpen(a)) void act('evidence', a.id);
}

// useEvidence closes lists and counts evidence as opened once it is on screen for a card.
function useEvidence(): void {
  const id = selected.value;
  const shown = detail.value?.id === id && detail.value !== undefined;
  const told = useRef<string | undefined>(undefined);
  useEffect(() => {
    choosing.value = undefined;
    shownEvent.value = undefined;
  }, [id]);
  useEffect(() => {
    const a = id === undefined ? undefined : alerts.value.get(id);
    if (!shown || id === undefined || told.current === id || a === undefined || !isOpen(a)) return;
    told.current = id;
    void act('evidence', id);
  }, [id, shown]);
}

// useRepeat rings for unclaimed critical alerts until somebody claims them.
function useRepeat(): void {
  const ringing = [...alerts.value.values()].some((a) => a.priority === 'critical' && a.work === 'unclaimed');
  useEffect(() => {
    if (!ringing) return undefined;
    const timer = setInterval(() => play('critical'), 4000);
    return () => clearInterval(timer);
  }, [ringing]);
}

function useKeys(transport: { current: Transport | null }, focusNote: () => void): void {
  const handlers = useMemo(() => handlersOf(transport, focusNote), []);
  useEffect(() => {
    const down = (e: KeyboardEvent) => {
      const target = e.target as HTMLElement | null;
      const action = actionOf({
        code: e.code, key: e.key, keyCode: e.keyCode, isComposing: e.isComposing, altKey: e.altKey, ctrlKey: e.ctrlKey,
        metaKey: e.metaKey, shiftKey: e.shiftKey, inText: inText(target),
      }, mode.value as Mode, choosing.value !== undefined);
      if (action === undefined) return;
      // Enter and Space belong to the button that has the focus, unless that is a card.
      if ((action === 'open' || action === 'play') && target instanceof HTMLButtonElement && target.getAttribute('role') !== 'option') return;
      const handle = handlers(action);
      if (handle === undefined) return;
      e.preventDefault();
      handle();
    };
    document.addEventListener('keydown', down);
    return () => document.removeEventListener('keydown', down);
  }, []);
}

function move(by: number): void {
  const list = listed.value;
  if (list.length === 0) return;
  const at = list.findIndex((a) => a.id === selected.value);
  const to = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
  select(list[to]?.id);
  queueMicrotask(() => document.querySelector<HTMLElement>('[role=option][aria-selected=true]')?.focus({ preventScroll: true }));
}

function back(): void {
  if (sheet.value) sheet.value = false;
  else if (choosing.value !== undefined) choosing.value = undefined;
  else if (document.activeElement instanceof HTMLTextAreaElement) document.activeElement.blur();
  else select(undefined);
}

function handlersOf(transport: { current: Transport | null }, focusNote: () => void): (a: Action) => (() => void) | undefined {
  const chosen = () => (selected.value === undefined ? undefined : alerts.value.get(selected.value));
  const on = (f: (id: string) => void) => () => {
    const a = chosen();
    if (a !== undefined) f(a.id);
  };
  const judged = (v: 'duplicate' | 'technical') => () => {
    const a = chosen();
    if (a !== undefined && isOpen(a)) decide(a, v);
  };
  const ask = (c: 'real' | 'false') => () => {
    const a = chosen();
    if (a !== undefined && isOpen(a)) choosing.value = c;
  };
  const table: Partial<Record<Action, () => void>> = {
    up: () => move(-1), down: () => move(1), open: openEvidence, back,
    claim: on((id) => void act('claim', id)), release: on((id) => void act('release', id)),
    real: ask('real'), false: ask('false'), duplicate: judged('duplicate'), technical: judged('technical'),
    undo: () => void undo(t('toast.undone')),
    play: () => transport.current?.toggle(),
    'seek-': () => transport.current?.seek(-1), 'seek+': () => transport.current?.seek(1),
    'jump-': () => transport.current?.seek(-10), 'jump+': () => transport.current?.seek(10),
    'frame-': () => transport.current?.frame(-1), 'frame+': () => transport.current?.frame(1),
    boxes: () => (boxes.value = !boxes.value), zone: () => (zone.value = !zone.value),
    pause: () => { paused.value = !paused.value; if (!paused.value) letIn(); },
    mute: () => mute(mutedUntil.value > performance.now() ? 0 : 60),
    note: focusNote, sheet: () => (sheet.value = !sheet.value),
  };
  return (a) => {
    const digit = /^digit(\d)$/.exec(a)?.[1];
    if (digit === undefined) return table[a];
    const v = choosing.value === undefined ? undefined : choices[choosing.value][Number(digit) - 1];
    const card = chosen();
    return v === undefined || card === undefined ? undefined : () => decide(card, v);
  };
}

export { note, sheet };
