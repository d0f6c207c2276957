// A camera as it is being set up: what is in the form, what is wrong with it, and where the form
// shows that.

import type { CameraKeys, KindKey, Pair, ProbeWish, Rule, RuleKind, Setup, SetupCamera } from '../net/setup.ts';
import type { Key } from '../i18n/index.ts';
import { addressTrouble, unique, validName } from './address.ts';
import { planeOf } from './ground.ts';
import { spanTrouble } from './schedule.ts';
import { lineFlaw, zoneFlaw, type Flaw } from './zone.ts';

export type Stage = 'connect' | 'name' | 'rules';
export const stages: readonly Stage[] = ['connect', 'name', 'rules'];

// Trouble is something wrong at a place of the form; path is named as the edge names it.
export interface Trouble { path: string; key: Key; values?: Record<string, string | number> }

export function blank(s: Setup): CameraKeys {
  const model = s.models.find((m) => m.name === s.defaults.model)?.name ?? s.models[0]?.name;
  return { id: '', name: '', url: '', transport: 'tcp', ...(model === undefined ? {} : { model }), rules: [] };
}

// keysOf gives what may be sent of a camera that the edge told of.
export function keysOf(c: SetupCamera): CameraKeys {
  const { managed: _, has_password: __, password_file: ___, ...keys } = c;
  return { ...keys, rules: c.rules ?? [] };
}

// toSend leaves out what says nothing.
export function toSend(c: CameraKeys): CameraKeys {
  const out: CameraKeys = { ...c, id: c.id.trim(), url: c.url.trim() };
  for (const k of ['name', 'username'] as const) {
    const v = (out[k] ?? '').trim();
    if (v === '') delete out[k];
    else out[k] = v;
  }
  if (out.allow_basic !== true) delete out.allow_basic;
  for (const k of ['purposes', 'exclude'] as const) if (out[k]?.length === 0) delete out[k];
  if (!/^rtsps:/i.test(out.url) || Object.keys(out.tls ?? {}).length === 0) delete out.tls;
  return out;
}

export function probeWish(c: CameraKeys, password: string | undefined, stored: string | undefined): ProbeWish {
  const { url, username, transport, allow_basic, tls } = toSend(c);
  return {
    url, ...(transport === undefined ? {} : { transport }), ...(username === undefined ? {} : { username }), ...(allow_basic === undefined ? {} : { allow_basic }),
    ...(tls === undefined ? {} : { tls }), ...(username === undefined ? {} : password !== undefined && password !== '' ? { password } : stored !== undefined ? { camera: stored } : {}),
  };
}

// numbersOf are a kind's keys that take one number; the others have places of their own.
export const numbersOf = (k: RuleKind | undefined): KindKey[] => (k?.keys ?? []).filter((x) => x.min !== undefined && x.values === undefined && x.form === undefined);
export const keyOf = (k: RuleKind | undefined, name: string): KindKey | undefined => k?.keys.find((x) => x.name === name);
export const kindOf = (s: Setup, r: Rule): RuleKind | undefined => s.rule_kinds.find((k) => k.kind === r.kind);
export const classesOf = (s: Setup, model: string | undefined): string[] => s.models.find((m) => m.name === (model ?? s.defaults.model))?.classes ?? [];

// means reports whether what a model calls c is meant by a word, as rules do (detection.go).
export function means(c: string, word: string): boolean {
  if (c === word) return true;
  switch (word) {
    case 'person': return c === 'fallen-person';
    case 'large-vehicle': return c === 'bus' || c === 'truck';
    case 'bus':
    case 'truck': return c === 'large-vehicle';
  }
  return false;
}

const required = (kind: RuleKind): KindKey[] => numbersOf(kind).filter((k) => k.required === true);

// usualClasses is what a kind watches for where its rule does not say.
export function usualClasses(s: Setup, kind: RuleKind | undefined): string[] {
  const own = keyOf(kind, 'classes')?.default;
  return Array.isArray(own) && own.length > 0 ? own.map(String) : (s.defaults.classes ?? []);
}

const whole: Pair[] = [[0, 0], [1, 0], [1, 1], [0, 1]];
// ahead is an arrow away from the camera, to be turned by its ends.
const ahead: Pair[] = [[0.5, 0.8], [0.5, 0.45]];

// newRule begins a rule of a kind, with nothing drawn but what has a usual place. It says what it
// watches for only when the model does not know what the kind usually does.
export function newRule(s: Setup, c: CameraKeys, kind: RuleKind): Rule {
  const known = classesOf(s, c.model);
  const usual = usualClasses(s, kind);
  const fits = usual.length > 0 && usual.some((x) => known.some((k) => means(k, x)));
  const classes = fits ? {} : { classes: known.includes('person') ? ['person'] : known.slice(0, 1) };
  const id = unique(kind.kind, (c.rules ?? []).map((r) => r.id));
  return {
    id, kind: kind.kind, [kind.geometry]: kind.whole === true ? whole : [], ...(keyOf(kind, 'line') === undefined ? {} : { line: ahead }),
    ...classes, ...(kind.geometry === 'line' ? { direction: 'both' as const } : {}), ...guesses(kind, {}),
  };
}

// atNight is when most places that are closed are closed.
const atNight = ['22:00-06:00'];

function guesses(kind: RuleKind, before: Record<string, unknown>): Record<string, unknown> {
  const numbers = required(kind).map((k): [string, unknown] => [k.name, before[k.name] ?? (typeof k.default === 'number' ? k.default : (k.min ?? 1))]);
  const times = keyOf(kind, 'schedule')?.required === true ? [['schedule', before.schedule ?? atNight]] : [];
  return Object.fromEntries([...numbers, ...times]);
}

// ofKind makes a rule one of another kind; what is drawn stays where both draw the same.
export function ofKind(r: Rule, from: RuleKind | undefined, to: RuleKind): Rule {
  const keep = to.keys.map((k) => k.name).filter((k) => !['classes', 'priority', 'line', 'direction'].includes(k));
  const out: Rule = { id: r.id, kind: to.kind };
  const watches = (k: RuleKind | undefined) => JSON.stringify(keyOf(k, 'classes')?.default);
  if (r.classes !== undefined && watches(from) === watches(to)) out.classes = r.classes; // whom one looks for is nothing to look for in a fire
  if (r.priority !== undefined) out.priority = r.priority;
  for (const k of keep) if (r[k] !== undefined) out[k] = r[k];
  out[to.geometry] = (from?.geometry === to.geometry ? r[to.geometry] : undefined) ?? (to.whole === true ? whole : []);
  if (keyOf(to, 'line') !== undefined) out.line = ahead;
  if (to.geometry === 'line') out.direction = r.direction ?? 'both';
  return { ...out, ...guesses(to, out) };
}

// A rule is drawn as its zone or, when it has none, as its line. What has a zone and a line (wrong
// way) is drawn as its zone, with the line as an arrow in it.
export const pointsOf = (r: Rule): Pair[] => r.zone ?? r.line ?? [];
export const geometryOf = (r: Rule): 'zone' | 'line' => (r.line !== undefined && r.zone === undefined ? 'line' : 'zone');
export const withPoints = (r: Rule, ps: Pair[]): Rule => ({ ...r, [geometryOf(r)]: ps });
export const arrowOf = (r: Rule): Pair[] | undefined => (r.zone !== undefined ? r.line : undefined);
// unbounded: a rule that has neither watches the whole picture, where its kind may.
export const unbounded = (r: Rule): boolean => r.zone === undefined && r.line === undefined;
export const flawOf = (r: Rule): Flaw | undefined => (unbounded(r) ? undefined : geometryOf(r) === 'line' ? lineFlaw(pointsOf(r)) : zoneFlaw(pointsOf(r)));

// flawWords gives the words for a flaw; people count points from 1.
export function flawWords(f: Flaw, line: boolean): { key: Key; values: Record<string, string | number> } {
  switch (f.what) {
    case 'few': return line ? { key: 'flaw.few.line', values: { n: f.n } } : { key: 'flaw.few', values: { n: f.n } };
    case 'many': return { key: 'flaw.many', values: { n: f.n } };
    case 'outside': return { key: 'flaw.outside', values: { a: f.at + 1 } };
    case 'same': return { key: 'flaw.same', values: { a: f.at + 1, b: f.other + 1 } };
    case 'crosses': return { key: 'flaw.crosses', values: { a: f.at + 1, b: f.other + 1 } };
    case 'small': return { key: 'flaw.small', values: {} };
    case 'short': return { key: 'flaw.short', values: {} };
  }
}

// troubles lists what is wrong with a camera, in the order of the form. taken are the ids that
// other cameras of the edge have.
export function troubles(c: CameraKeys, s: Setup, taken: readonly string[], password: 'none' | 'stored' | 'typed'): Trouble[] {
  const out: Trouble[] = [];
  const url = addressTrouble(c.url);
  if (url !== undefined) out.push({ path: 'url', key: url });
  if (c.transport === 'udp' && /^\s*rtsps:/i.test(c.url)) out.push({ path: 'transport', key: 'cam.transport.secure' });
  const pin = (c.tls?.pin_sha256 ?? '').replaceAll(':', '');
  if (pin !== '' && /^\s*rtsps:/i.test(c.url) && !/^[0-9a-f]{64}$/i.test(pin)) out.push({ path: 'tls.pin_sha256', key: 'cam.pin.form' });
  const user = (c.username ?? '').trim() !== '';
  if (user && password === 'none') out.push({ path: 'password', key: 'cam.password.needed' });
  if (!user && password === 'typed') out.push({ path: 'username', key: 'cam.user.needed' });
  if (!validName(c.id.trim())) out.push({ path: 'id', key: 'cam.id.form' });
  else if (taken.includes(c.id.trim())) out.push({ path: 'id', key: 'cam.id.taken' });
  if (c.model === undefined || c.model === '' || !s.models.some((m) => m.name === c.model)) out.push({ path: 'model', key: 'cam.model.none' });
  const plane = planeOf(c.ground);
  if (typeof plane === 'string') out.push({ path: 'ground', key: plane });
  (c.exclude ?? []).forEach((ps, i) => {
    const flaw = zoneFlaw(ps);
    if (flaw !== undefined) out.push({ path: `exclude[${i}]`, ...flawWords(flaw, false) });
  });
  (c.rules ?? []).forEach((r, i) => out.push(...ruleTroubles(r, i, c, s)));
  return out;
}

function ruleTroubles(r: Rule, i: number, c: CameraKeys, s: Setup): Trouble[] {
  const at = (k: string) => `rules[${i}].${k}`;
  const out: Trouble[] = [];
  const kind = kindOf(s, r);
  const flaw = flawOf(r);
  if (flaw !== undefined) out.push({ path: at(geometryOf(r)), ...flawWords(flaw, geometryOf(r) === 'line') });
  if (kind !== undefined && kind.whole !== true && unbounded(r)) out.push({ path: at(kind.geometry), key: kind.geometry === 'line' ? 'flaw.few.line' : 'flaw.few', values: { n: 0 } });
  const arrow = keyOf(kind, 'line') === undefined ? undefined : lineFlaw(r.line ?? []);
  if (arrow !== undefined) out.push({ path: at('line'), ...flawWords(arrow, true) });
  if (!covered(kind, c)) out.push({ path: at('kind'), key: 'cam.rule.uncovered' });
  if (!validName(r.id)) out.push({ path: at('id'), key: 'cam.id.form' });
  else if ((c.rules ?? []).some((o, j) => j < i && o.id === r.id)) out.push({ path: at('id'), key: 'cam.rule.taken' });
  const known = classesOf(s, c.model);
  if (r.classes?.length === 0) out.push({ path: at('classes'), key: 'cam.classes.none' });
  const foreign = (r.classes ?? []).find((x) => !known.some((c) => means(c, x)));
  if (foreign !== undefined && known.length > 0) out.push({ path: at('classes'), key: 'cam.classes.foreign', values: { class: foreign } });
  for (const k of numbersOf(kind)) {
    const t = numberTrouble(r[k.name], k);
    if (t !== undefined) out.push({ path: at(k.name), ...t });
    else if (k.needs === 'ground' && r[k.name] !== undefined && c.ground === undefined) out.push({ path: at(k.name), key: 'cam.number.ground' });
  }
  for (const k of kind?.keys ?? []) {
    if (k.form !== 'numbers' || r[k.name] === undefined) continue;
    const t = levelsTrouble(r[k.name], k) ?? (k.needs === 'ground' && c.ground === undefined ? { key: 'cam.number.ground' as const } : undefined);
    if (t !== undefined) out.push({ path: at(k.name), ...t });
  }
  const times = r.schedule;
  if (times === undefined ? keyOf(kind, 'schedule')?.required === true : times.length === 0) out.push({ path: at('schedule'), key: 'schedule.bad.none' });
  const late = times?.map((x) => ({ x, key: spanTrouble(x) })).find((x) => x.key !== undefined);
  if (late?.key !== undefined) out.push({ path: at('schedule'), key: late.key, values: { text: late.x } });
  return out;
}

// covered reports whether a camera's purposes allow a kind; without any nothing is judged.
export function covered(kind: RuleKind | undefined, c: CameraKeys): boolean {
  const mine = c.purposes ?? [];
  return mine.length === 0 || kind?.purposes === undefined || kind.purposes.some((p) => mine.includes(p));
}

// levelsTrouble judges rising numbers.
function levelsTrouble(v: unknown, k: KindKey): Omit<Trouble, 'path'> | undefined {
  if (!Array.isArray(v) || v.length === 0 || !v.every((x) => typeof x === 'number' && Number.isFinite(x))) return { key: 'cam.levels.form' };
  const bad = (v as number[]).find((x) => (k.min !== undefined && x < k.min) || (k.max !== undefined && x > k.max));
  if (bad !== undefined) return { key: 'cam.number.range', values: { min: k.min ?? '', max: k.max ?? '' } };
  return (v as number[]).some((x, i) => i > 0 && x <= v[i - 1]) || v.length > 5 ? { key: 'cam.levels.form' } : undefined;
}

// numberTrouble judges what is in the place of a number; text is what could not be read as one.
function numberTrouble(v: unknown, k: KindKey): Omit<Trouble, 'path'> | undefined {
  if (v === undefined) return k.required === true ? { key: 'cam.number.needed' } : undefined;
  if (typeof v !== 'number' || !Number.isFinite(v)) return { key: 'cam.number.none' };
  if ((k.min !== undefined && v < k.min) || (k.max !== undefined && v > k.max)) {
    return { key: 'cam.number.range', values: { min: k.min ?? '', max: k.max ?? '' } };
  }
  return undefined;
}

// numberOf reads what was typed: a number, nothing, or text that troubles will tell of.
export function numberOf(text: string): number | string | undefined {
  const s = text.trim().replace(',', '.');
  if (s === '') return undefined;
  const n = Number(s);
  return Number.isFinite(n) ? n : s;
}

// tidyPath drops what stands before the camera's own keys: "cameras[2].rules[0].zone".
export const tidyPath = (path: string): string => path.replace(/^(cameras?(\[\d+\])?\.)+/, '').replace(/\.(zone|line|schedule|per_m2)\[.*$/, '.$1').replace(/^(exclude\[\d+\]).*$/, '$1').replace(/^ground.*$/, 'ground');

// stageOf tells on which page of the form a path is.
export function stageOf(path: string): Stage {
  if (/^(rules|ground|exclude)/.test(path)) return 'rules';
  return ['id', 'name', 'model'].includes(path) || path.startsWith('purposes') ? 'name' : 'connect';
}

// same reports whether two cameras say the same to the edge.
export const same = (a: CameraKeys, b: CameraKeys): boolean => JSON.stringify(sorted(toSend(a))) === JSON.stringify(sorted(toSend(b)));

function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(Object.entries(v).filter(([, x]) => x !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => [k, sorted(x)]));
}
