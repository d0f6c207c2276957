// Keeps playback at the live edge, and the buffer small behind it. All figures are seconds of
// media time.

export const jumpBehindS = 2;
const calmS = 0.15; // beyond the target before anything is done
const fastest = 1.2;
const slowest = 0.95;
const step = 0.05; // rates change in steps: each change costs the browser something

// Where is the state of playback: at is on screen next, from to edge is buffered in one piece
// around the newest fragment.
export interface Where { at: number; from: number; edge: number; target: number }
export interface Course { rate: number; jump?: number }

// course says how fast to play, and where to jump when playing faster would take too long.
export function course({ at, from, edge, target }: Where): Course {
  const behind = edge - at;
  if (behind > jumpBehindS || at < from - 0.05 || behind < -0.5) return { rate: 1, jump: Math.max(from, edge - target) };
  const over = behind - target;
  if (over > calmS) return { rate: Math.min(fastest, 1 + Math.ceil(over / 0.25) * step) };
  if (behind < target * 0.4) return { rate: slowest };
  return { rate: 1 };
}

const targetLeast = 0.2;
const targetMost = 1;

// Cushion is how far behind the edge to play: a little more after each stall, and slowly less
// while all goes well.
export class Cushion {
  target = targetLeast;
  #since = 0;

  stalled(nowMs: number): void {
    if (nowMs - this.#since < 500) return; // one stall is told several times
    this.target = Math.min(targetMost, this.target * 1.5);
    this.#since = nowMs;
  }

  // calm is called now and then.
  calm(nowMs: number): void {
    if (nowMs - this.#since < 10_000) return;
    this.target = Math.max(targetLeast, this.target * 0.85);
    this.#since = nowMs;
  }
}

export interface Span { start: number; end: number }

// around gives the buffered piece that holds an instant.
export function around(buffered: readonly Span[], instant: number): Span | undefined {
  return buffered.find((b) => instant >= b.start - 0.05 && instant <= b.end + 0.05);
}

const keepBehindS = 4;
const hairS = 0.001; // a removal that ends a rounding error behind a key frame would take its group along

// trims says what to remove from the buffer. Behind playback only whole groups of pictures go,
// since a browser that loses a key frame drops all that stands on it: keys are the times of the
// key frames that were appended. Pieces that do not hold the newest picture are of an earlier
// session and go whole. hard is for a buffer that is full.
export function trims(buffered: readonly Span[], keys: readonly number[], at: number, newest: number, hard = false): Span[] {
  const mine = around(buffered, newest);
  const out = buffered.filter((b) => b !== mine).map((b) => ({ ...b }));
  if (mine === undefined || at < mine.start) return out;
  const keep = Math.max(...keys.filter((k) => k <= at - (hard ? 0 : 1)), -Infinity);
  if (keep > mine.start + (hard ? 0.05 : keepBehindS)) out.push({ start: mine.start, end: keep - hairS });
  return out;
}
