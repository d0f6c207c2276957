import { useState } from 'preact/hooks';
import type { Ground, Measured, Pair, Rule } from '../net/setup.ts';
import { t, word } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { numberOf, pointsOf } from '../model/draft.ts';
import { areaOf, beginning, grid, groundKeys, perMetre, planeOf, scaleOf, usualAspect, type GridLine, type Plane } from '../model/ground.ts';
import type { Area } from '../model/overlay.ts';
import { idOf, wrongAt } from './field.tsx';

const planeNow = (desk: Desk): Plane | undefined => {
  const p = planeOf(desk.fields.value.ground);
  return typeof p === 'object' ? p : undefined;
};

// rowsOf is how many rows of pixels the camera's picture has.
const rowsOf = (desk: Desk): number | undefined => {
  const h = desk.picture.value?.h ?? 0;
  return h >= 64 ? h : undefined;
};

// aspectOf is the shape of the camera's picture, to be kept with what was calibrated on it.
const aspectOf = (desk: Desk): number => {
  const p = desk.picture.value;
  return p === undefined || p.h === 0 ? usualAspect : Math.round((p.w / p.h) * 1e4) / 1e4;
};

// typical is how most cameras of a street hang.
const typical = { height_m: 5, tilt_deg: 25, hfov_deg: 70 };

// GroundPanel calibrates the camera: how it hangs, or four measured points.
export function GroundPanel({ desk }: { desk: Desk }) {
  const g = desk.fields.value.ground;
  const off = desk.readOnly.value;
  if (off && g === undefined) return null;
  const way = g === undefined ? 'none' : g.points !== undefined ? 'points' : 'camera';
  const choose = (to: 'none' | 'camera' | 'points') => {
    if (to === way) return;
    const ground: Ground | undefined = to === 'none' ? undefined : to === 'camera' ? { ...typical, aspect: aspectOf(desk) } : { points: [...beginning], aspect: aspectOf(desk) };
    desk.put({ ground } as { ground: Ground });
    desk.part.value = to === 'points' ? { is: 'ground' } : { is: 'rule' };
    desk.gridded.value = to !== 'none';
  };
  const plane = planeOf(g);
  const w = wrongAt(desk, 'ground');
  const bad = typeof plane === 'string' ? t(plane) : w?.words;
  return (
    <section class="sub" aria-label={t('ground.title')} data-testid="ground" data-way={way}>
      <h3>{t('ground.title')}</h3>
      <p class="small dim">{t('ground.help')}</p>
      <span class="inline tight" role="group" aria-label={t('ground.title')} id={idOf('ground')} tabIndex={-1}>
        {(['none', 'camera', 'points'] as const).map((x) => <button key={x} type="button" class="chip" data-testid={`ground-${x}`} disabled={off} aria-pressed={way === x} onClick={() => choose(x)}>{word('ground.way', x)}</button>)}
      </span>
      {way === 'camera' && g !== undefined && <Hangs desk={desk} g={g} off={off} />}
      {way === 'points' && g !== undefined && <Points desk={desk} g={g} off={off} />}
      {bad !== undefined && <p class="wrong small" data-testid="ground-wrong" lang={typeof plane !== 'string' && w?.foreign === true ? 'en' : undefined}>{bad}</p>}
      {typeof plane === 'object' && <button type="button" class="chip" data-testid="ground-grid" aria-pressed={desk.gridded.value} onClick={() => (desk.gridded.value = !desk.gridded.value)}>{t('ground.grid')}</button>}
      {typeof plane === 'object' && <Found desk={desk} plane={plane} />}
    </section>
  );
}

// Hangs asks how the camera hangs.
function Hangs({ desk, g, off }: { desk: Desk; g: Ground; off: boolean }) {
  return <div class="two">{groundKeys.map((k) => <Typed key={k.name} label={word('ground', k.name)} test={`ground-${k.name}`} unit={word('unit', k.unit)} value={g[k.name]} off={off} set={(v) => desk.put({ ground: { ...g, [k.name]: v } as Ground })} />)}</div>;
}

// Points asks where four places of the picture lie.
function Points({ desk, g, off }: { desk: Desk; g: Ground; off: boolean }) {
  const points = g.points ?? [];
  const put = (i: number, k: 0 | 1, v: number | string | undefined) => {
    const next = points.map((m, j): Measured => (j === i ? [m[0], [k === 0 ? Number(v) : m[1][0], k === 1 ? Number(v) : m[1][1]]] : m));
    desk.put({ ground: { ...g, points: next } });
  };
  return (
    <>
      <p class="small dim">{t('ground.points.help')}</p>
      {!off && <button type="button" class="chip" data-testid="ground-draw" aria-pressed={desk.part.value.is === 'ground'} onClick={() => (desk.part.value = { is: 'ground' })}>{t('ground.draw')}</button>}
      <div class="quad">
        {points.map((m, i) => (
          <span key={i} class="pin"><b>{i + 1}</b>
            <Typed label={t('ground.right', { n: i + 1 })} test={`pin-${i}-x`} unit={word('unit', 'm')} value={m[1][0]} off={off} set={(v) => put(i, 0, v)} />
            <Typed label={t('ground.away', { n: i + 1 })} test={`pin-${i}-y`} unit={word('unit', 'm')} value={m[1][1]} off={off} set={(v) => put(i, 1, v)} />
          </span>
        ))}
      </div>
    </>
  );
}

// Typed is a number that stays as it is typed.
function Typed({ label, test, unit, value, off, set }: { label: string; test: string; unit: string; value: number | string | undefined; off: boolean; set(v: number | string | undefined): void }) {
  const [text, setText] = useState('');
  const shown = numberOf(text) === value || Number.isNaN(value) ? text : value === undefined ? '' : String(value);
  return (
    <label class="field">{label}
      <span class="with">
        <input data-testid={test} inputMode="decimal" autocomplete="off" disabled={off} value={shown} onInput={(e) => { setText(e.currentTarget.value); set(numberOf(e.currentTarget.value)); }} />
        <span class="unit">{unit}</span>
      </span>
    </label>
  );
}

// Found says what a metre measures in the middle of the picture, for somebody who knows the place.
function Found({ desk, plane }: { desk: Desk; plane: Plane }) {
  const rows = rowsOf(desk);
  const places: Pair[] = [[0.5, 0.95], [0.5, 0.75], [0.5, 0.55]];
  return (
    <ul class="small dim found" data-testid="ground-found">
      {places.map((p) => {
        const per = perMetre(plane, p);
        return <li key={p[1]}>{per === undefined ? t('ground.sky', { y: Math.round(p[1] * 100) }) : rows === undefined ? t('ground.row', { y: Math.round(p[1] * 100), v: (per * 100).toFixed(1) }) : t('ground.row.px', { y: Math.round(p[1] * 100), v: (per * rows).toFixed(0) })}</li>;
      })}
    </ul>
  );
}

// Scale says how finely the camera sees a rule's zone, and warns where that is less than the rule asks.
export function Scale({ desk, r }: { desk: Desk; r: Rule }) {
  const plane = planeNow(desk);
  const rows = rowsOf(desk);
  const ps = pointsOf(r);
  if (plane === undefined || ps.length < 2 || rows === undefined) return null;
  const s = scaleOf(plane, ps, rows);
  const m2 = r.zone === undefined ? undefined : areaOf(plane, ps);
  const asked = typeof r.min_px_per_m === 'number' ? r.min_px_per_m : 0;
  const short = s !== undefined && asked > 0 && (s.least === undefined || s.least < asked);
  return (
    <p class="small dim" data-testid="scale">
      {s === undefined ? t('scale.sky') : s.least === undefined ? t('scale.most', { most: s.most.toFixed(0) }) : t('scale.range', { least: s.least.toFixed(0), most: s.most.toFixed(0) })}
      {m2 !== undefined && <> · {t('scale.area', { m2: m2 < 10 ? m2.toFixed(1) : m2.toFixed(0) })}</>}
      {short && <strong class="wrong" data-testid="scale-short"> {t('scale.short', { v: asked })}</strong>}
    </p>
  );
}

const line = (ps: readonly Pair[], f: Area) => ps.map((p) => `${(p[0] * f.w).toFixed(1)},${(p[1] * f.h).toFixed(1)}`).join(' ');

// Grid draws metres on the ground over the picture while the ground is being calibrated.
export function Grid({ desk, f }: { desk: Desk; f: Area }) {
  const plane = planeNow(desk);
  if (plane === undefined || !desk.gridded.value) return null;
  const g = grid(plane);
  return (
    <g class="metres" data-testid="grid" data-step={g.step} aria-hidden="true">
      {g.lines.map((l, i) => <polyline key={`u${i}`} class="under" points={line(l.points, f)} />)}
      {g.lines.map((l, i) => <polyline key={i} points={line(l.points, f)} />)}
      {spaced(g.lines, f).map((l) => <Away key={l.away} at={middleOf(l)} away={l.away} f={f} />)}
    </g>
  );
}

const middleOf = (l: GridLine): Pair | undefined => l.points[Math.floor(l.points.length / 2)];

// spaced are the lines whose distance can be read: far away they are too close together.
function spaced(lines: readonly GridLine[], f: Area): GridLine[] {
  let last = Infinity;
  return lines.filter((l) => {
    const y = (middleOf(l)?.[1] ?? 0) * f.h;
    if (l.away === undefined || last - y < 16) return false;
    last = y;
    return true;
  });
}

function Away({ at, away, f }: { at: Pair | undefined; away: number | undefined; f: Area }) {
  if (at === undefined || away === undefined || at[0] < 0 || at[0] > 1 || at[1] < 0.02 || at[1] > 1) return null;
  return <text x={at[0] * f.w + 4} y={at[1] * f.h - 3}>{t('ground.metres', { m: Number(away.toFixed(1)) })}</text>;
}
