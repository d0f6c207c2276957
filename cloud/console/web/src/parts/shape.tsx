import type { Priority } from '../net/types.ts';
import { ring, type Ring } from '../model/queue.ts';
import type { Alert } from '../net/types.ts';
import { word, t } from '../i18n/index.ts';

const paths: Record<Priority, string> = {
  critical: 'M11 2.5 20.5 19.5h-19z',
  high: 'M11 1.5 20.5 11 11 20.5 1.5 11z',
  medium: 'M11 2.5a8.5 8.5 0 1 0 .01 0z',
  low: 'M3 3h16v16H3z',
};

// Shape tells a priority without colour: triangle, diamond, disc, square.
export function Shape({ priority, size = 20 }: { priority: Priority; size?: number }) {
  return (
    <svg class={`shape p-${priority}`} width={size} height={size} viewBox="0 0 22 22" role="img" aria-label={word('priority', priority)}>
      <path d={paths[priority] ?? paths.low} fill="currentColor" />
    </svg>
  );
}

// SLARing shows the time left for the operator's next step.
export function SLARing({ alert, now }: { alert: Alert; now: number }) {
  const r = ring(alert, now);
  if (r === undefined) return <span />;
  const { text, unit } = figure(r);
  const round = 2 * Math.PI * 14.5;
  return (
    <div class={`ring ${r.level}`}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle class="track" cx="18" cy="18" r="14.5" fill="none" stroke-width="3" />
        <circle class="left" cx="18" cy="18" r="14.5" fill="none" stroke-width={r.level === 'red' ? 4.5 : 3}
          stroke-dasharray={`${r.left * round} ${round}`} transform="rotate(-90 18 18)" stroke-linecap="butt" />
        <text x="18" y="22" text-anchor="middle">{text}</text>
      </svg>
      {unit}
    </div>
  );
}

function figure(r: Ring): { text: string; unit: string } {
  if (r.level === 'late') {
    const s = -r.seconds;
    return { text: s < 60 ? `+${s}` : s < 3600 ? `+${Math.floor(s / 60)}′` : '+1h', unit: t('queue.late') };
  }
  return r.seconds < 100
    ? { text: String(r.seconds), unit: t('queue.seconds') }
    : { text: String(Math.ceil(r.seconds / 60)), unit: t('queue.minutes') };
}

export function Flame({ size = 18 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 18 18" aria-hidden="true">
      <path d="M5 17h8l-1.2-7H6.2z" fill="none" stroke="currentColor" stroke-width="1.4" />
      <path class="p-critical" d="M9 1.2c2.1 2.3 2.7 3.5 2.7 4.8A2.7 2.7 0 0 1 9 8.8a2.7 2.7 0 0 1-2.7-2.8c0-1.3.6-2.5 2.7-4.8z" fill="currentColor" />
    </svg>
  );
}
