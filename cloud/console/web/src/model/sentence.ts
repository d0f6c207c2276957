// Why it rang, in the operator's words: one sentence before any number.

import type { Event, Reason } from '../net/types.ts';
import { fill, lang, t, word } from '../i18n/index.ts';

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
  }
  return fill(t('why.other'), { class: cls, kind: word('kind', e.kind) });
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
