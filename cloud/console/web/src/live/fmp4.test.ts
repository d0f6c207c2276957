import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fragment, initSegment } from './fixture.ts';
import { timesOf, trackOf } from './fmp4.ts';

const track = { scale: 90_000, duration: 0 };

test('an init segment says the scale, in both versions', () => {
  assert.deepEqual(trackOf(initSegment({ scale: 12_800, duration: 512 })), { scale: 12_800, duration: 512 });
  assert.deepEqual(trackOf(initSegment({ version: 1 })), track);
  assert.equal(trackOf(initSegment({ scale: 0 })), undefined);
  assert.equal(trackOf(fragment({ time: 0 })), undefined);
});

test('a fragment of one picture', () => {
  assert.deepEqual(timesOf(fragment({ time: 180_000 }), track), { first: 2, newest: 2 });
  assert.deepEqual(timesOf(fragment({ time: 180_000, version: 0 }), track), { first: 2, newest: 2 });
  assert.deepEqual(timesOf(fragment({ time: 90_000 * 2 ** 32 }), track), { first: 2 ** 32, newest: 2 ** 32 });
  assert.deepEqual(timesOf(fragment({ time: 90_000, offsets: [9000] }), track), { first: 1.1, newest: 1.1 });
  assert.deepEqual(timesOf(fragment({ time: 90_000, offsets: [-9000] }), track), { first: 0.9, newest: 0.9 });
});

test('a fragment of several, however their lengths are said', () => {
  const want = { first: 1, newest: 1.5 };
  assert.deepEqual(timesOf(fragment({ time: 90_000, lasts: [22_500, 22_500, 22_500] }), track), want);
  assert.deepEqual(timesOf(fragment({ time: 90_000, offsets: [0, 0, 0], preset: 22_500 }), track), want);
  assert.deepEqual(timesOf(fragment({ time: 90_000, offsets: [0, 0, 0] }), { ...track, duration: 22_500 }), want);
  // shown in another order than decoded
  assert.deepEqual(timesOf(fragment({ time: 0, lasts: [9000, 9000, 9000], offsets: [9000, 18_000, -9000] }), track), { first: 0.1, newest: 0.3 });
});

test('what is cut off, padded or scrambled is no fragment, and never a fault', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  console.log(`# seed ${seed}`);
  let state = seed;
  const random = () => ((state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff);
  for (const whole of [initSegment(), fragment({ time: 5, lasts: [1, 2], offsets: [3, 4], preset: 7 })]) {
    for (let n = 0; n < whole.length; n++) {
      trackOf(whole.slice(0, n));
      assert.ok(n >= whole.length - 11 || timesOf(whole.slice(0, n), track) === undefined, `cut at ${n}`);
    }
    for (let i = 0; i < 3000; i++) {
      const b = whole.slice();
      for (let k = 0; k < 4; k++) b[Math.floor(random() * b.length)] = Math.floor(random() * 256);
      trackOf(b);
      timesOf(b, track);
    }
  }
});

test('a run that claims billions of samples is refused, or reckoned without counting them', () => {
  for (const flags of [0, 1, 0x100, 0x800, 0x200]) {
    const f = fragment({ time: 0 });
    const at = Buffer.from(f).indexOf('trun') + 4;
    new DataView(f.buffer).setUint32(at, flags);
    new DataView(f.buffer).setUint32(at + 4, 0xffff_ffff);
    const begin = performance.now();
    const t = timesOf(f, { scale: 1, duration: 0 });
    assert.ok(performance.now() - begin < 1000);
    assert.equal(t === undefined, flags >= 0x100, `${flags}`);
  }
});

test('a view into a larger message is read as itself', () => {
  const f = fragment({ time: 90_000 });
  const all = new Uint8Array(f.length + 16).fill(255);
  all.set(f, 16);
  assert.deepEqual(timesOf(new Uint8Array(all.buffer, 16), track), { first: 1, newest: 1 });
});
