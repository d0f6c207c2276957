// A clip is shown as one time line though it comes in parts.

import type { Clip, Event } from '../net/types.ts';

export interface Part { url: string; start: number; end: number; offset: number; state: Clip['state']; codec: string; tainted: boolean }
export interface Line { parts: Part[]; seconds: number; start: number }

// timeline lays the playable parts of an event end to end. Times are Unix milliseconds;
// offset is the seconds before a part on the line.
export function timeline(e: Event): Line {
  const parts: Part[] = [];
  let offset = 0;
  for (const c of [...e.clips].sort((a, b) => a.part - b.part)) {
    if (c.url === undefined || (c.state !== 'ready' && c.state !== 'torn')) continue;
    const start = Date.parse(c.start);
    const seconds = c.duration_us / 1e6;
    parts.push({ url: c.url, start, end: start + seconds * 1000, offset, state: c.state, codec: c.codec ?? '', tainted: c.tainted === true });
    offset += seconds;
  }
  return { parts, seconds: offset, start: parts[0]?.start ?? Date.parse(e.start) };
}

// locate finds the part and the second in it for a place on the line.
export function locate(l: Line, at: number): { index: number; second: number } {
  const clamped = Math.min(Math.max(at, 0), l.seconds);
  for (let i = l.parts.length - 1; i >= 0; i--) {
    const p = l.parts[i];
    if (p !== undefined && clamped >= p.offset) return { index: i, second: clamped - p.offset };
  }
  return { index: 0, second: 0 };
}

// place gives where an instant (Unix milliseconds) lies on the line, 0..1.
export function place(l: Line, at: number): number {
  if (l.seconds === 0) return 0;
  for (const p of l.parts) {
    if (at < p.start) return p.offset / l.seconds;
    if (at <= p.end) return (p.offset + (at - p.start) / 1000) / l.seconds;
  }
  return 1;
}

export type ClipWord = 'writing' | 'none' | 'evicted' | 'failed';

// absence says in one word why there is nothing to play; undefined when there is.
export function absence(e: Event, now: number): ClipWord | undefined {
  if (timeline(e).parts.length > 0) return undefined;
  const states = e.clips.map((c) => c.state);
  if (states.includes('evicted')) return 'evicted';
  if (states.includes('failed')) return 'failed';
  if (states.includes('writing') || e.state === 'open') return 'writing';
  return now - Date.parse(e.received) < 120_000 ? 'writing' : 'none';
}
