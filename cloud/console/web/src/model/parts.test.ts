import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clip, ClipState } from '../net/types.ts';
import { base, eventOf, iso } from './fixture.ts';
import { absence, locate, place, timeline } from './parts.ts';

const clip = (part: number, state: ClipState, start: number, seconds: number): Clip =>
  ({ part, state, bytes: 1, start: iso(start), duration_us: seconds * 1e6, ...(state === 'ready' || state === 'torn' ? { url: `/c/${part}` } : {}) });

test('parts are one line, in order, without what cannot be played', () => {
  const l = timeline(eventOf({ clips: [clip(2, 'ready', 120, 10), clip(0, 'ready', -5, 60), clip(1, 'evicted', 55, 65)] }));
  assert.equal(l.seconds, 70);
  assert.equal(l.start, base - 5000);
  assert.deepEqual(l.parts.map((p) => [p.url, p.offset]), [['/c/0', 0], ['/c/2', 60]]);
});

test('places on the line', () => {
  const l = timeline(eventOf({ clips: [clip(0, 'ready', -5, 60), clip(1, 'torn', 55, 10)] }));
  assert.deepEqual(locate(l, 12), { index: 0, second: 12 });
  assert.deepEqual(locate(l, 60), { index: 1, second: 0 });
  assert.deepEqual(locate(l, 999), { index: 1, second: 10 });
  assert.deepEqual(locate(l, -3), { index: 0, second: 0 });
  assert.equal(place(l, base), 5 / 70);
  assert.equal(place(l, base - 60_000), 0);
  assert.equal(place(l, base + 600_000), 1);
  const empty = timeline(eventOf());
  assert.deepEqual(locate(empty, 5), { index: 0, second: 0 });
  assert.equal(place(empty, base), 0);
});

test('why there is nothing to play', () => {
  const of = (clips: Clip[], o = {}) => absence(eventOf({ clips, ...o }), base + 600_000);
  assert.equal(of([clip(0, 'ready', 0, 5)]), undefined);
  assert.equal(of([clip(0, 'torn', 0, 5)]), undefined);
  assert.equal(of([clip(0, 'writing', 0, 5)]), 'writing');
  assert.equal(of([clip(0, 'evicted', 0, 5)]), 'evicted');
  assert.equal(of([clip(0, 'failed', 0, 0)]), 'failed');
  assert.equal(of([]), 'none');
  assert.equal(of([], { state: 'open' }), 'writing');
  assert.equal(absence(eventOf(), base + 10_000), 'writing'); // it may still come
});
