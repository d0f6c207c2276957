// What the model saw, for the picture that is on screen: boxes come on their own, earlier or
// later than their picture, and are shown with no other.

export interface LiveBox { id: string; class: string; score: number; box: [number, number, number, number]; rules: string[] }

// Boxes are those of one picture, as the server sends them; age_ms is how old the picture was when
// the text was sent on, reckoned like that of a binary message; media_ms is its place on the video's time
// line, absent when another stream of the camera was looked at.
export interface Boxes { type: 'boxes'; age_ms: number; media_ms?: number; w: number; h: number; boxes: LiveBox[] }

const word = (v: unknown): string => (typeof v === 'string' ? v : '');
const part = (v: unknown): v is number => typeof v === 'number' && v >= -0.5 && v <= 1.5;
const size = (v: unknown): number => (typeof v === 'number' && v > 0 && v < 65_536 ? v : 0);

// boxesOf reads a message of type boxes; undefined when it cannot be used. A box that makes no
// sense is left out.
export function boxesOf(m: Record<string, unknown>): Boxes | undefined {
  if (m.type !== 'boxes' || !Array.isArray(m.boxes) || typeof m.age_ms !== 'number' || !(m.age_ms >= 0)) return undefined;
  const boxes = m.boxes.map((b: unknown) => boxOf(b)).filter((b) => b !== undefined);
  const media = typeof m.media_us === 'number' && m.media_us >= 0 ? { media_ms: m.media_us / 1000 } : {};
  return { type: 'boxes', age_ms: m.age_ms, ...media, w: size(m.w), h: size(m.h), boxes };
}

function boxOf(v: unknown): LiveBox | undefined {
  if (typeof v !== 'object' || v === null) return undefined;
  const b = v as Record<string, unknown>;
  if (!Array.isArray(b.box) || b.box.length !== 4 || !b.box.every(part)) return undefined;
  const fit = (n: number) => Math.min(1, Math.max(0, n));
  const [x0, y0, x1, y1] = (b.box as number[]).map(fit) as LiveBox['box'];
  if (x1 <= x0 || y1 <= y0) return undefined;
  return {
    id: word(b.id), class: word(b.class), score: typeof b.score === 'number' ? b.score : 0, box: [x0, y0, x1, y1],
    rules: Array.isArray(b.rules) ? b.rules.filter((r) => typeof r === 'string') : [],
  };
}

// nearMs is how far a picture may be from the one that was looked at for its boxes to be shown;
// between two that were looked at, not further apart than gapMs, boxes move in a straight line.
export const nearMs = 300;
export const gapMs = 700;
const keptMs = 20_000;

interface Moment { at: number; boxes: LiveBox[] }

// Moments are the pictures that were looked at of late. Instants are milliseconds of one clock:
// the video's time line, or the page's when the picture came to the edge.
export class Moments {
  #list: Moment[] = [];

  note(at: number, boxes: LiveBox[]): void {
    let i = this.#list.length;
    while (i > 0 && (this.#list[i - 1]?.at ?? 0) > at) i--;
    this.#list.splice(i, 0, { at, boxes });
    const newest = this.#list.at(-1)?.at ?? at;
    while ((this.#list[0]?.at ?? Infinity) < newest - keptMs) this.#list.shift();
  }

  get empty(): boolean {
    return this.#list.length === 0;
  }

  clear(): void {
    this.#list = [];
  }

  // of gives the boxes of the picture that came at an instant; none when it is too far from all
  // that were looked at.
  of(instant: number): LiveBox[] {
    let before: Moment | undefined;
    let after: Moment | undefined;
    for (const m of this.#list) {
      if (m.at <= instant) before = m;
      else {
        after = m;
        break;
      }
    }
    if (before !== undefined && after !== undefined && after.at - before.at <= gapMs) return between(before, after, instant);
    const dBefore = before === undefined ? Infinity : instant - before.at;
    const dAfter = after === undefined ? Infinity : after.at - instant;
    if (Math.min(dBefore, dAfter) > nearMs) return [];
    return (dBefore <= dAfter ? before : after)?.boxes ?? [];
  }
}

// between moves each box along the line between two measured ones; what is in one of the two only
// is shown near that one.
function between(a: Moment, b: Moment, at: number): LiveBox[] {
  const k = (at - a.at) / (b.at - a.at);
  const later = new Map(b.boxes.map((x) => [x.id, x]));
  const out: LiveBox[] = [];
  for (const x of a.boxes) {
    const y = later.get(x.id);
    if (y === undefined) {
      if (k < 0.5 && at - a.at <= nearMs) out.push(x);
      continue;
    }
    later.delete(x.id);
    const mix = (i: 0 | 1 | 2 | 3) => x.box[i] + (y.box[i] - x.box[i]) * k;
    out.push({ ...(k < 0.5 ? x : y), box: [mix(0), mix(1), mix(2), mix(3)] });
  }
  if (k >= 0.5 && b.at - at <= nearMs) out.push(...later.values());
  return out;
}
