import { useEffect, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';
import { t, word } from '../i18n/index.ts';
import { kindName } from '../model/kinds.ts';
import { flood } from '../model/flood.ts';
import { type Filter } from '../model/queue.ts';
import { choose, counts, detail, filter, listed, me, now, selected } from '../model/state.ts';
import { choosing } from '../model/work.ts';
import { Acts } from '../parts/acts.tsx';
import { chosen, current, Evidence } from '../parts/evidence.tsx';
import { List } from '../parts/list.tsx';
import type { Transport } from '../parts/player.tsx';
import { Why } from '../parts/why.tsx';
import { useKeys } from './keys.ts';

// Queue is the operator's page: the list, the evidence, and why it rang.
export function Queue() {
  const transport = useRef<Transport | null>(null);
  const noteRef = useRef<HTMLTextAreaElement>(null);
  const pane = useRef<HTMLElement>(null);
  useKeys(pane, transport, noteRef);
  useFocusKept();
  return (
    <main class="queue-page page" ref={pane}>
      <section class="column" aria-label={t('queue.label')}><Filters /><FloodBanner /><List /></section>
      <section class="column" aria-label={t('evi.label')}><Evidence transport={transport} /></section>
      <section class="column" aria-label={t('why.title')}><Side noteRef={noteRef} /></section>
      <div class="hidden" role="status" aria-live="assertive">{critical()}</div>
    </main>
  );
}

// critical is read out by screen readers: unclaimed alerts of the highest priority only.
function critical(): string {
  const a = listed.value.find((x) => x.priority === 'critical' && x.work === 'unclaimed');
  return a === undefined ? '' : `${word('priority', a.priority)} ${kindName(a.kind)} ${a.camera_name}`;
}

function Filters() {
  const n = counts.value;
  const chip = (f: Filter, count?: number) => (
    <button type="button" class="chip" aria-pressed={filter.value === f} onClick={() => choose(f)} data-testid={`filter-${f}`}>
      {t(`filter.${f}`)} {count !== undefined && <b>{count}</b>}
    </button>
  );
  return <div class="head" role="group" aria-label={t('queue.views')}>{chip('unclaimed', n.unclaimed)}{chip('mine', n.mine)}{chip('all', n.all)}{chip('closed')}</div>;
}

// FloodBanner says that alerts come faster than anybody can judge them, and from where.
function FloodBanner() {
  const f = flood.value;
  return (
    <div role="status">
      {f.on && (
        <div class="flood" data-testid="flood">
          <strong>{t('flood.title', { n: f.count })}</strong> <span>{t('flood.sound')}</span>
          <ul>{f.causes.map((c) => <li key={`${c.camera}/${c.kind}`}><span>{c.name} · {kindName(c.kind)}</span><b>{c.count}</b></li>)}</ul>
        </div>
      )}
    </div>
  );
}

function Side({ noteRef }: { noteRef: RefObject<HTMLTextAreaElement | null> }) {
  const d = detail.value;
  const event = current();
  const a = chosen();
  const user = me.value?.user;
  return (
    <>
      <div class="head"><h2>{t('why.title')}</h2><span class="grow" />{a !== undefined && <span class="chip still" data-testid="work">{word('work', a.work)} · {word('condition', a.condition)}</span>}</div>
      {d !== undefined && event !== undefined ? <Why alert={d} event={event} now={now.value} /> : <div class="why" />}
      {a !== undefined && <Acts alert={a} me={user?.username ?? ''} admin={user?.role === 'admin'} noteRef={noteRef} />}
    </>
  );
}

// useFocusKept gives the focus to the reasons while they are asked for, else to the list, when
// what had it has left the page.
function useFocusKept(): void {
  useEffect(() => {
    if (document.activeElement !== document.body && document.activeElement !== null) return;
    const to = choosing.value === undefined ? '[data-keeper]' : '[data-testid=choice-1]';
    document.querySelector<HTMLElement>(to)?.focus({ preventScroll: true });
  }, [selected.value, choosing.value, listed.value.length === 0, detail.value === undefined, chosen()?.work]);
}
