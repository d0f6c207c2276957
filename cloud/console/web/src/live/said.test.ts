import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ko } from '../i18n/ko.ts';
import type { State } from './message.ts';
import type { Look, Phase } from './player.ts';
import { saidOf } from './said.ts';

const look = (phase: Phase, state?: State['state'], code = ''): Look =>
  ({ phase, mode: 'video', ...(state === undefined ? {} : { state: { type: 'state', state, code, message: '' } }) });

test('live is what is open, told as live, and young', () => {
  assert.deepEqual(saidOf(look('open', 'live'), 300, 50), { show: 'live', again: false });
  assert.deepEqual(saidOf(look('open', 'live'), 2500, 50), { show: 'delayed', why: 'live.late', again: false });
  assert.deepEqual(saidOf(look('open', 'live'), 5500, 50), { show: 'stale', why: 'live.late', again: false });
  assert.deepEqual(saidOf(look('open', 'live'), 5500, 5400), { show: 'stale', why: 'live.frozen', again: false });
});

test('nothing else is ever called live', () => {
  const phases: Phase[] = ['connecting', 'open', 'lost', 'resting', 'over'];
  for (const phase of phases) {
    for (const state of [undefined, 'waiting', 'live', 'stale', 'ended'] as const) {
      for (const age of [undefined, 0, 2001, 5001]) {
        const { show } = saidOf(look(phase, state), age, 0);
        const may = phase === 'open' && (state === 'live' || state === undefined) && age === 0;
        assert.equal(show === 'live', may, `${phase} ${state} ${age}`);
        if (age === undefined) assert.equal(show, 'none');
        if (age === 5001) assert.equal(show, 'stale');
      }
    }
  }
});

test('every code has words, and what is not live always says why', () => {
  for (const code of ['starting', 'waiting-keyframe', 'camera-offline', 'edge-offline', 'too-slow', 'ended', 'no-such-camera', 'refused']) {
    const { why } = saidOf(look('open', 'waiting', code), undefined, undefined);
    assert.equal(why, `live.code.${code}`);
    assert.ok(`live.code.${code}` in ko);
  }
  for (const phase of ['connecting', 'open', 'lost', 'resting', 'over'] as const) {
    assert.notEqual(saidOf(look(phase), undefined, undefined).why, undefined, phase);
    assert.notEqual(saidOf(look(phase), 9000, 9000).why, undefined, phase);
  }
  assert.equal(saidOf(look('open', 'waiting', 'new-code'), 9000, 9000).why, 'live.frozen');
  assert.equal(saidOf(look('lost', 'ended', 'edge-offline'), undefined, undefined).why, 'live.code.edge-offline');
});

test('too slow is said over a picture that is live', () => {
  assert.deepEqual(saidOf(look('open', 'live', 'too-slow'), 400, 20), { show: 'live', why: 'live.code.too-slow', again: false });
});

test('only what is over asks for a wish', () => {
  assert.equal(saidOf(look('over', 'ended', 'refused'), undefined, undefined).again, true);
  assert.equal(saidOf(look('lost'), undefined, undefined).again, false);
});
