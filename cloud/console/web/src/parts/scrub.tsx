import type { Event } from '../net/types.ts';
import { lang, t } from '../i18n/index.ts';
import { place, type Line } from '../model/parts.ts';
import { full, length } from '../model/time.ts';

export interface ScrubProps { line: Line; event: Event; at: number; playing: boolean; go(to: number): void; toggle(): void }

const pct = (v: number) => `${(v * 100).toFixed(2)}%`;

// Scrub is the line of the whole clip: what came before the event, the event, and now.
export function Scrub({ line, event, at, playing, go, toggle }: ScrubProps) {
  const from = place(line, Date.parse(event.start));
  const to = place(line, event.end === undefined ? (line.parts.at(-1)?.end ?? line.start) : Date.parse(event.end));
  const pick = (e: PointerEvent) => {
    const r = (e.currentTarget as HTMLElement).getBoundingClientRect();
    go(((e.clientX - r.left) / r.width) * line.seconds);
  };
  const press = (e: KeyboardEvent) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: line.seconds }[e.code];
    if (to === undefined || e.shiftKey) return;
    e.preventDefault();
    e.stopPropagation(); // the page's own keys would move it once more
    go(to);
  };
  return (
    <div class="scrub">
      <button type="button" class="button" aria-label={playing ? t('evi.pause') : t('evi.play')} data-testid="play" onClick={toggle}>
        <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><path fill="currentColor" d={playing ? 'M2 1h3v10H2zM7 1h3v10H7z' : 'M2 1l9 5-9 5z'} /></svg>
      </button>
      <div class={`bar p-${event.priority}`} data-testid="scrub" role="slider" tabIndex={0} aria-label={t('evi.position')} aria-valuemin={0}
        aria-valuemax={Math.round(line.seconds)} aria-valuenow={Math.round(at)} aria-valuetext={length(at)} title={full(event.start, lang.value)} onKeyDown={press}
        onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); pick(e); }} onPointerMove={(e) => e.buttons === 1 && pick(e)}>
        <div class="pre" style={{ width: pct(from) }} />
        {line.parts.slice(1).map((p) => <div key={p.url} class="cut" style={{ left: pct(p.offset / line.seconds) }} />)}
        <div class="span" style={{ left: pct(from), width: pct(Math.max(to - from, 0)) }} />
        <div class="now" style={{ left: pct(line.seconds === 0 ? 0 : at / line.seconds) }} />
      </div>
      <span class="figures">{length(at)} / {length(line.seconds)}</span>
    </div>
  );
}
