import { useEffect, useRef } from 'preact/hooks';
import type { Alert } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import { clock, length } from '../model/time.ts';
import { painted } from '../model/state.ts';
import { Shape, SLARing } from './shape.tsx';

export interface CardProps {
  alert: Alert; selected: boolean; mine: boolean; now: number; arrived: boolean;
  onSelect(): void; onOpen(): void;
}

// Card is one row of the queue. Its picture is there at once: it came with the event.
export function Card({ alert: a, selected, mine, now, arrived, onSelect, onOpen }: CardProps) {
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => painted(a), [a.id]);
  useEffect(() => {
    if (selected) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  return (
    <li role="presentation">
      <button ref={ref} type="button" role="option" aria-selected={selected} tabIndex={selected ? 0 : -1}
        class={`card${mine ? ' mine' : ''}${arrived ? ' arrived' : ''}`}
        data-testid="queue-card" data-alert={a.id} data-priority={a.priority} data-kind={a.kind} data-work={a.work}
        onClick={onSelect} onDblClick={onOpen}>
        <Shape priority={a.priority} />
        <span class="thumb">
          {a.snapshot_url !== undefined && <img src={a.snapshot_url} alt="" decoding="async" />}
          <i>{length(lasted(a, now))}</i>
        </span>
        <span>
          <span class="what">{word('kind', a.kind)} <em class={`p-${a.priority}`}>{word('priority', a.priority)}</em></span>
          <span class="where" style={{ display: 'block' }}>{a.camera_name || a.camera}</span>
          <span class="who" style={{ display: 'block' }}>{status(a)}</span>
        </span>
        <SLARing alert={a} now={now} />
      </button>
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
  if (a.work === 'closed') parts.push(a.verdict === undefined ? word('work', a.work) : word('verdict', a.verdict));
  else if (a.owner !== undefined) parts.push(t('queue.by', { name: a.owner_name ?? a.owner }));
  else parts.push(t('queue.unclaimed'));
  parts.push(clock(a.raised));
  if (a.count > 1) parts.push(t('queue.bundle', { n: a.count }));
  return parts.join(' · ');
}
