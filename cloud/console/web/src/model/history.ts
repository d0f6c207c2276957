// What was done, to be taken back: states of one thing, one after another.

const most = 200;

export interface History<T> { readonly past: readonly T[]; readonly now: T; readonly future: readonly T[]; readonly tag: string }

export const begin = <T>(now: T): History<T> => ({ past: [], now, future: [], tag: '' });

// step goes to a new state. Steps with the same tag, one after another, become one: a drag is
// taken back as a whole. "" never joins.
export function step<T>(h: History<T>, now: T, tag = ''): History<T> {
  if (now === h.now) return h;
  const joins = tag !== '' && tag === h.tag && h.past.length > 0;
  return { past: joins ? h.past : [...h.past, h.now].slice(-most), now, future: [], tag };
}

// rest ends the joining of steps: what comes next is a step of its own.
export const rest = <T>(h: History<T>): History<T> => (h.tag === '' ? h : { ...h, tag: '' });

export function undo<T>(h: History<T>): History<T> {
  const before = h.past.at(-1);
  return before === undefined ? h : { past: h.past.slice(0, -1), now: before, future: [h.now, ...h.future], tag: '' };
}

export function redo<T>(h: History<T>): History<T> {
  const [after, ...future] = h.future;
  return after === undefined ? h : { past: [...h.past, h.now], now: after, future, tag: '' };
}
