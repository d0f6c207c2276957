// Times are UTC on the wire and Korean time (KST, UTC+9, no summer time) on the screen,
// whatever the zone of the machine that shows them.

const kst = 9 * 3600_000;
const days = { ko: ['일', '월', '화', '수', '목', '금', '토'], en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] };

const two = (n: number) => String(n).padStart(2, '0');

function shifted(t: string | number): Date {
  return new Date((typeof t === 'number' ? t : Date.parse(t)) + kst);
}

// date gives 2026-11-21(토).
export function date(t: string | number, lang: 'ko' | 'en'): string {
  const d = shifted(t);
  return `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}(${days[lang][d.getUTCDay()]})`;
}

// clock gives 18:05:31, with milliseconds when asked.
export function clock(t: string | number, ms = false): string {
  const d = shifted(t);
  const s = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  return ms ? `${s}.${String(d.getUTCMilliseconds()).padStart(3, '0')}` : s;
}

// full gives 2026-11-21(토) 18:05:31.
export function full(t: string | number, lang: 'ko' | 'en'): string {
  return `${date(t, lang)} ${clock(t)}`;
}

// length gives 0:24 or 1:02:03.
export function length(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

// fromInput reads a datetime-local value as Korean time and gives RFC 3339 in UTC; "" stays "".
export function fromInput(v: string): string {
  if (v === '') return '';
  const t = Date.parse(v + (v.length === 16 ? ':00' : '') + 'Z');
  return Number.isNaN(t) ? '' : new Date(t - kst).toISOString();
}
