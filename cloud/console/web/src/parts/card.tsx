import { useLayoutEffect } from 'preact/hooks';
import type { Alert } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import { kindName } from '../model/kinds.ts';
import { painted } from '../model/paint.ts';
import { clock, length } from '../model/time.ts';
import { Shape, SLARing } from './shape.tsx';

export interface CardProps {
  alert: Alert; top: number; place: number; of: number; selected: boolean; mine: boolean; now: number; arrived: boolean;
  onSelect(): void;
}

// Card is one row of the queue. Its picture is there at once: it came with the event.
export function Card({ alert: a, top, place, of, selected, mine, now, arrived, onSelect }: CardProps) {
  useLayoutEffect(() => painted(a.id, a.event), [a.id]);
  return (
    <li id={`card-${a.id}`} role="option" aria-selected={selected} aria-posinset={place} aria-setsize={of} style={{ top: `${top}px` }}
      class={`card${mine ? ' mine' : ''}${arrived ? ' arrived' : ''}`}
      data-testid="queue-card" data-alert={a.id} data-priority={a.priority} data-kind={a.kind} data-work={a.work} onClick={onSelect}>
      <Shape priority={a.priority} />
      <span class="thumb">
        {a.snapshot_url !== undefined && <img src={a.snapshot_url} alt="" decoding="async" />}
        <i>{length(lasted(a, now))}</i>
      </span>
      <span class="said">
        <span class="what">{kindName(a.kind)} <em class={`p-${a.priority}`}>{word('priority', a.priority)}</em></span>
        <span class="where" title={a.camera_name || a.camera}>{a.camera_name || a.camera}</span>
        <span class="who">{status(a)}</span>
      </span>
      <SLARing alert={a} now={now} />
    </li>
  );
}

function lasted(a: Alert, now: number): number {
  const end = a.condition === 'active' ? now : Date.parse(a.last_seen);
  return (end - Date.parse(a.raised)) / 1000;
}

// status says who and when in one line.
function status(a: Alert): string {
  const parts: string[] = [];
  if (a.work === 'closed' || a.work === 'confirmed') parts.push(a.verdict === undefined ? word('work', a.work) : word('verdict', a.verdict));
  else if (a.work === 'unclaimed') parts.push(t('queue.unclaimed'));
  if (a.work !== 'unclaimed' && a.owner) parts.push(t('queue.by', { name: a.owner_name ?? a.owner }));
  parts.push(clock(a.raised));
  if (a.count > 1) parts.push(t('queue.bundle', { n: a.count }));
  return parts.join(' · ');
}
