import { useState } from 'preact/hooks';
import type { Direction, KindKey, Rule, Setup } from '../net/setup.ts';
import type { Priority } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { arrowOf, classesOf, covered, flawOf, geometryOf, keyOf, kindOf, means, newRule, numberOf, numbersOf, ofKind, pointsOf, unbounded, usualClasses } from '../model/draft.ts';
import { calls, experimental, kindName, usualPriority } from '../model/kinds.ts';
import { sideOf } from '../model/sentence.ts';
import { Areas } from './areas.tsx';
import { GroundPanel, Scale } from './ground.tsx';
import { Levels, Times } from './rulekeys.tsx';
import { idOf, marks, Why, wrongAt } from './field.tsx';
import { Shape } from './shape.tsx';

const priorities: readonly Priority[] = ['critical', 'high', 'medium', 'low'];
const directions: readonly Direction[] = ['both', 'left-to-right', 'right-to-left'];

// priorityOf is what a rule's alerts have when it does not say.
export const priorityOf = (r: Rule): Priority => r.priority ?? usualPriority(r.kind);

// Rules lists what a camera tells of, and opens one of them.
export function Rules({ desk }: { desk: Desk }) {
  const s = desk.setup.value;
  if (s === undefined) return null;
  const rules = desk.rules.value.now;
  const off = desk.readOnly.value;
  const change = (i: number, r: Rule, tag = '') => desk.draw(rules.map((o, j) => (j === i ? r : o)), tag);
  const add = (kind: string) => {
    const k = s.rule_kinds.find((x) => x.kind === kind);
    if (k === undefined) return;
    desk.draw([...rules, newRule(s, desk.camera.value, k)]);
    desk.pick(rules.length);
    desk.focus.value = 'board';
  };
  return (
    <div class="desk-form">
      {rules.length === 0 && <p class="hint">{t('cam.rules.none')} <small>{t('cam.rules.empty')}</small></p>}
      <ol class="rules" aria-label={t('cam.rules.list')}>
        {rules.map((r, i) => (
          <li key={i} class="rule" data-testid="rule" data-rule={r.id} aria-current={desk.chosen.value === i}>
            <Head rule={r} open={desk.chosen.value === i} choose={() => desk.pick(i)} desk={desk} at={i} />
            {desk.chosen.value === i && <Open desk={desk} s={s} r={r} i={i} off={off} change={(n, tag) => change(i, n, tag)} remove={() => desk.draw(rules.filter((_, j) => j !== i))} />}
          </li>
        ))}
      </ol>
      {!off && (
        <div class="adds" role="group" aria-label={t('cam.rule.new')}>
          {s.rule_kinds.map((k) => (
            <button key={k.kind} type="button" class="button" data-testid={`add-${k.kind}`} disabled={!covered(k, desk.camera.value)} title={covered(k, desk.camera.value) ? undefined : t('cam.rule.uncovered')}
              onClick={() => add(k.kind)}><KindMark line={k.geometry === 'line'} /> <span>{addWords(k.kind)}{experimental(k.kind) && <small> {t('kind.experimental')}</small>}</span></button>
          ))}
        </div>
      )}
      <Areas desk={desk} />
      <GroundPanel desk={desk} />
    </div>
  );
}

const addWords = (kind: string): string => {
  const w = word('cam.rule.new', kind);
  return w === kind ? kindName(kind) : w;
};

// KindMark tells zones from lines.
function KindMark({ line }: { line: boolean }) {
  return (
    <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
      <path d={line ? 'M2 12 12 2M7.6 9.6 10 10l.4-2.4' : 'M2 4 9 1.5 12.5 8 6 12.5z'} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" />
    </svg>
  );
}

function Head({ rule: r, open, choose, desk, at }: { rule: Rule; open: boolean; choose(): void; desk: Desk; at: number }) {
  const bad = flawOf(r) !== undefined || [...desk.wrong.value, ...desk.said.value].some((x) => x.path.startsWith(`rules[${at}]`));
  const line = geometryOf(r) === 'line';
  const n = pointsOf(r).length;
  return (
    <button type="button" class="rule-head" aria-expanded={open} onClick={choose}>
      <Shape priority={priorityOf(r)} size={14} />
      <strong>{kindName(r.kind)}</strong> <span class="dim">{r.id}</span>
      <span class="grow" />
      <span class={bad ? 'wrong' : 'dim'}>{unbounded(r) ? t('draw.whole') : n === 0 ? t(line ? 'cam.rule.draw.line' : 'cam.rule.draw.zone') : bad ? t('cam.rule.bad') : t('cam.rule.points', { n })}</span>
    </button>
  );
}

interface OpenProps { desk: Desk; s: Setup; r: Rule; i: number; off: boolean; change(r: Rule, tag?: string): void; remove(): void }

function Open({ desk, s, r, i, off, change, remove }: OpenProps) {
  const at = (k: string) => `rules[${i}].${k}`;
  const kind = kindOf(s, r);
  const words = numbersOf(kind);
  const closed = keyOf(kind, 'schedule')?.required === true;
  const set = (k: string, v: unknown) => {
    const { [k]: _, ...rest } = r;
    change((v === undefined ? rest : { ...r, [k]: v }) as Rule, `${i}.${k}`);
  };
  const times = keyOf(kind, 'schedule') !== undefined && <Times desk={desk} path={at('schedule')} value={r.schedule} off={off} set={(v) => set('schedule', v)} closed={closed} />;
  return (
    <div class="rule-open">
      <Flawed desk={desk} path={at(geometryOf(r))} />
      {experimental(r.kind) && <p class="hint" data-testid="experimental">{t('kind.experimental.help')}</p>}
      {!calls(r.kind) && <p class="hint">{t('kind.record.help')}</p>}
      {arrowOf(r) !== undefined && <Arrow desk={desk} path={at('line')} off={off} />}
      <Scale desk={desk} r={r} />
      {closed && times}
      <Classes desk={desk} s={s} r={r} path={at('classes')} off={off} set={(v) => set('classes', v)} />
      {geometryOf(r) === 'line' && <Directions r={r} off={off} path={at('direction')} set={(d) => set('direction', d)} />}
      <div class="two">
        <label class="field">{t('cam.rule.kind')}
          <select {...marks(desk, at('kind'))} value={r.kind} disabled={off} onChange={(e) => {
            const to = s.rule_kinds.find((k) => k.kind === e.currentTarget.value);
            if (to !== undefined) change(ofKind(r, kind, to));
          }}>{s.rule_kinds.map((k) => <option key={k.kind} value={k.kind} disabled={k.kind !== r.kind && !covered(k, desk.camera.value)}>{kindName(k.kind)}</option>)}</select>
          <Why desk={desk} path={at('kind')} />
        </label>
        <label class="field">{t('cam.rule.priority')}
          <select {...marks(desk, at('priority'))} data-testid="rule-priority" value={r.priority ?? ''} disabled={off} onChange={(e) => set('priority', e.currentTarget.value === '' ? undefined : e.currentTarget.value)}>
            <option value="">{t('cam.rule.priority.usual')} · {word('priority', usualPriority(r.kind))}</option>
            {priorities.map((p) => <option key={p} value={p}>{word('priority', p)}</option>)}
          </select>
          <Why desk={desk} path={at('priority')} />
        </label>
        {words.map((k) => <Figure key={k.name} desk={desk} k={k} path={at(k.name)} value={r[k.name]} off={off} set={(v) => set(k.name, v)} />)}
        <label class="field">{t('cam.rule.name')}
          <input {...marks(desk, at('id'))} value={r.id} disabled={off} autocomplete="off" spellcheck={false} onInput={(e) => set('id', e.currentTarget.value)} />
          <Why desk={desk} path={at('id')} />
        </label>
      </div>
      {keyOf(kind, 'per_m2') !== undefined && <Levels desk={desk} path={at('per_m2')} value={r.per_m2} off={off} set={(v) => set('per_m2', v)} />}
      {!closed && times}
      {!off && <button type="button" class="chip" data-testid="rule-remove" onClick={remove}>{t('cam.rule.remove')}</button>}
    </div>
  );
}

// Arrow chooses what of a rule with zone and arrow is drawn.
function Arrow({ desk, path, off }: { desk: Desk; path: string; off: boolean }) {
  const is = desk.part.value.is;
  return (
    <div class="field" role="group" aria-label={t('cam.rule.draws')}>{t('cam.rule.draws')}
      <span class="inline tight" id={idOf(path)} tabIndex={-1}>
        {(['rule', 'arrow'] as const).map((p) => <button key={p} type="button" class="chip" data-testid={`draw-part-${p}`} disabled={off} aria-pressed={is === p} onClick={() => (desk.part.value = { is: p })}>{t(p === 'rule' ? 'cam.rule.part.zone' : 'cam.rule.part.arrow')}</button>)}
      </span>
      <Flawed desk={desk} path={path} />
    </div>
  );
}

// Flawed says what the edge found wrong with a drawing that this page takes for good.
function Flawed({ desk, path }: { desk: Desk; path: string }) {
  const w = wrongAt(desk, path);
  return w === undefined ? null : <p class="wrong" id={`${idOf(path)}-why`} data-testid={`wrong-${path}`} lang={w.foreign ? 'en' : undefined}>{w.words}</p>;
}

function Classes({ desk, s, r, path, off, set }: { desk: Desk; s: Setup; r: Rule; path: string; off: boolean; set(v: string[]): void }) {
  const known = classesOf(s, desk.fields.value.model);
  const mine = r.classes ?? usualClasses(s, kindOf(s, r));
  const all = [...known, ...mine.filter((c) => !known.includes(c))];
  const flip = (c: string) => set(mine.includes(c) ? mine.filter((x) => x !== c) : [...mine, c]);
  return (
    <div class="field" role="group" aria-label={t('cam.rule.classes')}>{t('cam.rule.classes')}
      <span class="inline tight" id={idOf(path)} tabIndex={-1}>
        {all.map((c) => (
          <button key={c} type="button" class="chip" data-testid={`class-${c}`} disabled={off} aria-pressed={mine.includes(c)} data-foreign={!known.some((k) => means(k, c))} onClick={() => flip(c)}>{word('class', c)}</button>
        ))}
      </span>
      <Why desk={desk} path={path} />
    </div>
  );
}

// Directions are named by where they lead on the picture, as it is drawn.
function Directions({ r, path, off, set }: { r: Rule; path: string; off: boolean; set(d: Direction): void }) {
  const [a, b] = r.line ?? [];
  const words = (d: Direction) => (d === 'both' ? t('cam.rule.both') : a === undefined || b === undefined ? '—' : word('towards', sideOf(a, b, d)));
  return (
    <div class="field" role="group" aria-label={t('cam.rule.direction')}>{t('cam.rule.direction')}
      <span class="inline tight" id={idOf(path)} tabIndex={-1}>
        {directions.map((d) => <button key={d} type="button" class="chip" data-testid={`direction-${d}`} disabled={off || (d !== 'both' && b === undefined)} aria-pressed={(r.direction ?? 'both') === d} onClick={() => set(d)}>{words(d)}</button>)}
      </span>
    </div>
  );
}

function Figure({ desk, k, path, value, off, set }: { desk: Desk; k: KindKey; path: string; value: unknown; off: boolean; set(v: number | string | undefined): void }) {
  const unit = k.unit === undefined || k.unit === '' ? '' : word('unit', k.unit);
  const given = desk.setup.value?.defaults[k.name];
  const fallback = typeof k.default === 'number' ? k.default : typeof given === 'number' ? given : undefined;
  const help = word('tuning.help', k.name);
  // What is being typed stays as it is typed: "0." is on the way to a number.
  const [text, setText] = useState('');
  const shown = numberOf(text) === value ? text : value === undefined ? '' : String(value);
  const limits = k.min !== undefined && k.max !== undefined ? t('cam.number.limits', { min: k.min, max: k.max, unit }) : '';
  return (
    <label class="field">{word('tuning', k.name)}
      <span class="with">
        <input {...marks(desk, path)} data-testid={`rule-${k.name}`} inputMode="decimal" autocomplete="off" disabled={off} value={shown} placeholder={fallback === undefined ? '' : t('cam.number.usual', { v: fallback })}
          onInput={(e) => { setText(e.currentTarget.value); set(numberOf(e.currentTarget.value)); }} />
        {unit !== '' && <span class="unit">{unit}</span>}
      </span>
      <Why desk={desk} path={path} help={`${help === k.name ? '' : `${help} `}${limits}`} />
    </label>
  );
}
