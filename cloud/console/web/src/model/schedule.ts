// Times of the week as edge.yaml has them, such as "mon-fri 22:00-06:00". The same is asked as the
// edge asks (edge/config/schedule.go).

import type { Key } from '../i18n/index.ts';

export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

export interface Span { days: boolean[]; from: string; to: string } // days[0] is Sunday

const time = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/;

// readSpan reads what it can be shown as; nothing when it is none.
export function readSpan(text: string): Span | undefined {
  const words = text.trim().toLowerCase().split(/\s+/);
  const [days, hours] = words.length === 2 ? [words[0]!, words[1]!] : words.length === 1 ? ['sun-sat', words[0]!] : ['', ''];
  const [from, to, more] = hours.split('-');
  if (from === undefined || to === undefined || more !== undefined || !time.test(from) || !time.test(to) || from === '24:00' || from === to) return undefined;
  const set = weekdays.map(() => false);
  for (const part of days.split(',')) {
    const [first, last, rest] = part.split('-');
    const a = weekdays.findIndex((d) => d === first);
    const b = last === undefined ? a : weekdays.findIndex((d) => d === last);
    if (a < 0 || b < 0 || rest !== undefined) return undefined;
    for (let d = a; ; d = (d + 1) % 7) {
      set[d] = true;
      if (d === b) break;
    }
  }
  return { days: set, from, to };
}

// writeSpan writes it as edge.yaml has it, from Monday on.
export function writeSpan(s: Span): string {
  const order = [1, 2, 3, 4, 5, 6, 0];
  if (s.days.every((d) => d)) return `${s.from}-${s.to}`;
  const runs: number[][] = [];
  order.forEach((d, i) => {
    if (s.days[d] !== true) return;
    const last = runs.at(-1);
    if (last !== undefined && order[i - 1] === last.at(-1)) last.push(d);
    else runs.push([d]);
  });
  const words = runs.map((r) => (r.length > 2 ? `${weekdays[r[0]!]}-${weekdays[r.at(-1)!]}` : r.map((d) => weekdays[d]).join(',')));
  return `${words.join(',')} ${s.from}-${s.to}`;
}

// spanTrouble says what is wrong with a time that was typed or chosen.
export const spanTrouble = (text: string): Key | undefined => (readSpan(text) === undefined ? 'schedule.bad.form' : undefined);
