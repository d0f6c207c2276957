import { useState } from 'preact/hooks';
import { t, word } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { readSpan, weekdays, writeSpan, type Span } from '../model/schedule.ts';
import { idOf, marks, Why } from './field.tsx';

const shown = [1, 2, 3, 4, 5, 6, 0]; // a week begins on Monday
const fresh: Span = { days: weekdays.map(() => true), from: '22:00', to: '06:00' };

// Times are when a rule watches; closed: when its area is closed, which must be said.
export function Times({ desk, path, value, off, set, closed }: { desk: Desk; path: string; value: string[] | undefined; off: boolean; set(v: string[] | undefined): void; closed: boolean }) {
  const all = value ?? [];
  const put = (i: number, s: Span) => set(all.map((o, j) => (j === i ? writeSpan(s) : o)));
  const drop = (i: number) => {
    const rest = all.filter((_, j) => j !== i);
    set(rest.length === 0 ? undefined : rest);
  };
  const label = t(closed ? 'schedule.closed' : 'schedule.when');
  return (
    <div class="field" role="group" aria-label={label}>{label}
      {all.length === 0 && !closed && <small>{t('schedule.always')}</small>}
      <div id={idOf(path)} tabIndex={-1} class="spans">{all.map((text, i) => <One key={i} text={text} off={off} put={(s) => put(i, s)} drop={() => drop(i)} />)}</div>
      <Why desk={desk} path={path} />
      {!off && <button type="button" class="chip" data-testid="schedule-add" onClick={() => set([...all, writeSpan(fresh)])}>{t('schedule.add')}</button>}
    </div>
  );
}

// One is a time of the week; what this page cannot show stays as it is written.
function One({ text, off, put, drop }: { text: string; off: boolean; put(s: Span): void; drop(): void }) {
  const s = readSpan(text);
  const remove = !off && <button type="button" class="chip" aria-label={t('schedule.remove')} onClick={drop}>×</button>;
  if (s === undefined) return <span class="inline tight"><code>{text}</code>{remove}</span>;
  const hour = (k: 'from' | 'to') => (
    <input class="hour" type="text" inputMode="numeric" data-testid={`schedule-${k}`} aria-label={t(k === 'from' ? 'schedule.from' : 'schedule.to')} value={s[k]} disabled={off} size={5}
      onChange={(e) => { const to = { ...s, [k]: e.currentTarget.value.trim() }; if (readSpan(`${to.from}-${to.to}`) !== undefined) put(to); else e.currentTarget.value = s[k]; }} />
  );
  const flip = (d: number) => {
    const days = s.days.map((on, i) => (i === d ? !on : on));
    if (days.some((on) => on)) put({ ...s, days });
  };
  return (
    <span class="span" data-testid="schedule-span">
      <span class="days">{shown.map((d) => <button key={d} type="button" class="chip day" disabled={off} aria-pressed={s.days[d] === true} onClick={() => flip(d)}>{word('day', weekdays[d]!)}</button>)}</span>
      <span class="inline tight">{hour('from')} – {hour('to')} {s.to <= s.from && <small>{t('schedule.next')}</small>}{remove}</span>
    </span>
  );
}

// Levels are the rising densities of a crowd.
export function Levels({ desk, path, value, off, set }: { desk: Desk; path: string; value: unknown; off: boolean; set(v: unknown): void }) {
  const [text, setText] = useState('');
  const read = (s: string): unknown => {
    const parts = s.split(/[\s;]+|,(?=\s|$)/).map((x) => x.replace(',', '.').trim()).filter((x) => x !== '');
    if (parts.length === 0) return undefined;
    return parts.map(Number).some((n) => !Number.isFinite(n)) ? s : parts.map(Number);
  };
  const said = Array.isArray(value) ? value.join('  ') : value === undefined ? '' : String(value);
  const grounded = desk.fields.value.ground !== undefined;
  return (
    <label class="field">{t('crowd.levels')}
      <span class="with">
        <input {...marks(desk, path)} data-testid="rule-per_m2" autocomplete="off" disabled={off || (!grounded && value === undefined)} value={JSON.stringify(read(text)) === JSON.stringify(value) ? text : said}
          placeholder="2  3  5" onInput={(e) => { setText(e.currentTarget.value); set(read(e.currentTarget.value)); }} />
        <span class="unit">{word('unit', '1/m²')}</span>
      </span>
      <Why desk={desk} path={path} help={t(grounded ? 'crowd.levels.help' : 'cam.number.ground')} />
    </label>
  );
}
