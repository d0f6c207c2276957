// Why it rang, in the operator's words: one sentence before any number.

import type { Event, Reason } from '../net/types.ts';
import { fill, lang, t, word } from '../i18n/index.ts';
import { kindName } from './kinds.ts';

// particle picks 이 or 가 for what stands before it, by the last syllable's final consonant.
export function particle(noun: string): string {
  const code = noun.charCodeAt(noun.length - 1) - 0xac00;
  if (code < 0 || code > 11171) return '이';
  return code % 28 === 0 ? '가' : '이';
}

// josa replaces "이(가)" after a noun by the one that fits.
function josa(text: string): string {
  return text.replace(/(\S+?)이\(가\)/g, (_, noun: string) => noun + particle(noun))
    .replace(/(\S+?)\(으\)로/g, (_, noun: string) => noun + towards(noun));
}

function towards(noun: string): string {
  const code = noun.charCodeAt(noun.length - 1) - 0xac00;
  if (code < 0 || code > 11171) return '로';
  const final = code % 28;
  return final === 0 || final === 8 ? '로' : '으로';
}

export function say(key: Parameters<typeof t>[0], values: Record<string, string | number> = {}): string {
  const s = t(key, values);
  return lang.value === 'ko' ? josa(s) : s;
}

export function seconds(e: Event, now: number): number {
  const end = e.end === undefined ? now : Date.parse(e.end);
  return Math.max(0, Math.round((end - Date.parse(e.start)) / 1000));
}

export function reason(e: Event, name: string): Reason | undefined {
  return e.reasons?.find((r) => r.name === name);
}

export function why(e: Event, now: number): string {
  const cls = word('class', e.class);
  const s = seconds(e, now);
  const past = e.state === 'closed';
  const limit = Math.round(reason(e, 'dwell_s')?.threshold ?? 0);
  switch (e.kind) {
    case 'intrusion':
      return say(past ? 'why.intrusion.past' : 'why.intrusion', { class: cls, s });
    case 'loitering':
      return say(past ? 'why.loitering.past' : 'why.loitering', { class: cls, s, limit });
    case 'line-crossing':
      return say('why.line-crossing', { class: cls, direction: word('towards', towardsOf(e)) });
    case 'abandonment':
      return say(past ? 'why.abandonment.past' : 'why.abandonment', { class: cls, s });
    case 'fall':
      return say(past ? 'why.fall.past' : 'why.fall', { s });
    case 'fire':
      return say(past ? 'why.fire.past' : 'why.fire', { class: cls, s });
    case 'wrong-way':
      return say('why.wrong-way', { class: cls });
    case 'stopped-vehicle':
      return say(past ? 'why.stopped-vehicle.past' : 'why.stopped-vehicle', { class: cls, s });
    case 'closed-area':
      return say(past ? 'why.closed-area.past' : 'why.closed-area', { class: cls, s });
    case 'fight':
      return say(past ? 'why.fight.past' : 'why.fight', { s });
    case 'crowd':
      return crowded(e, s);
    case 'line-counting':
      return counted(e);
  }
  return fill(t('why.other'), { class: cls, kind: kindName(e.kind) });
}

// crowded says how many there are, and how densely where that is known.
function crowded(e: Event, s: number): string {
  const density = reason(e, 'people_per_m2');
  const n = reason(e, 'people')?.value ?? 0;
  if (density === undefined) return say('why.crowd', { n, s });
  return say('why.crowd.dense', { n, s, d: density.value.toFixed(1), level: reason(e, 'level')?.value ?? 1 });
}

// counted says how many passed in which direction.
function counted(e: Event): string {
  const minutes = Number(((reason(e, 'period_s')?.value ?? 0) / 60).toFixed(1));
  const both = (['left-to-right', 'right-to-left'] as const).flatMap((d) => {
    const r = reason(e, `count_${d}`);
    return r === undefined ? [] : [t('why.line-counting.one', { direction: word('towards', towardsOf({ ...e, direction: d })), n: r.value })];
  });
  return say('why.line-counting', { m: minutes, counts: both.join(', ') });
}

// Shown is a reason in words, with its unit.
export interface Shown { label: string; value: string; threshold?: string }

const clock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(Math.floor(minute % 60)).padStart(2, '0')}`;

// shown gives a reason's words. Its name ends with its unit; counts name direction and class.
export function shown(e: Event, r: Reason): Shown {
  const count = /^count_(left-to-right|right-to-left)(?:_(.+))?$/.exec(r.name);
  const direction = count?.[1];
  if (direction !== undefined) {
    const towards = word('towards', towardsOf({ ...e, direction }));
    return { label: count?.[2] === undefined ? towards : t('why.counted', { direction: towards, class: word('class', count[2]) }), value: String(r.value) };
  }
  if (r.name === 'since_minute_of_day') return { label: word('reason', r.name), value: clock(r.value) };
  const unit = /_m_per_s$/.test(r.name) ? word('unit', 'm/s') : /per_m2$/.test(r.name) ? word('unit', '1/m²') : /_m2$/.test(r.name) ? word('unit', 'm²') : /_s$/.test(r.name) ? word('unit', 's') : /_m$/.test(r.name) ? word('unit', 'm') : '';
  const show = (v: number) => (Number.isInteger(v) ? String(v) : v.toFixed(Math.abs(v) < 1 ? 2 : 1)) + unit;
  return { label: word('reason', r.name), value: show(r.value), ...(r.threshold === undefined || r.threshold === 0 ? {} : { threshold: show(r.threshold) }) };
}

// wide is what a step across the picture is worth against one down it, on a picture of 16:9.
const wide = 16 / 9;

// towardsOf says to which side of the screen a line was crossed. The API's own words are those of
// the line's two sides; the operator sees a picture, not the order in which its points were drawn.
export function towardsOf(e: Event): 'left' | 'right' | 'up' | 'down' | 'either' {
  const [a, b] = e.line ?? [];
  if (a === undefined || b === undefined || (e.direction !== 'left-to-right' && e.direction !== 'right-to-left')) return 'either';
  return sideOf([a.x, a.y], [b.x, b.y], e.direction);
}

// sideOf says to which side of the screen a direction over the line from a to b leads.
export function sideOf(a: readonly [number, number], b: readonly [number, number], direction: 'left-to-right' | 'right-to-left'): 'left' | 'right' | 'up' | 'down' {
  const k = direction === 'left-to-right' ? 1 : -1;
  const x = -(b[1] - a[1]) * k;
  const y = (b[0] - a[0]) * wide * k;
  if (Math.abs(x) >= Math.abs(y)) return x > 0 ? 'right' : 'left';
  return y > 0 ? 'down' : 'up';
}

export type Confidence = 'high' | 'medium' | 'low';

// confidence is a word for the score above its threshold: words for people, the number beside it.
export function confidence(score: number, threshold: number): Confidence {
  const over = threshold >= 1 ? 0 : (score - threshold) / (1 - threshold);
  return over >= 0.6 ? 'high' : over >= 0.25 ? 'medium' : 'low';
}
