import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { lang, t, word } from '../i18n/index.ts';
import { verdicts } from '../net/types.ts';
import { base, eventOf, iso } from './fixture.ts';
import { confidence, particle, say, towardsOf, why } from './sentence.ts';

afterEach(() => {
  lang.value = 'ko';
});

test('particles follow the last syllable', () => {
  assert.equal(particle('사람'), '이');
  assert.equal(particle('자전거'), '가');
  assert.equal(particle('dog'), '이');
});

test('why it rang, in Korean', () => {
  assert.equal(why(eventOf(), base), '사람이 들어가면 안 되는 구역에 13초 동안 있었습니다.');
  const { end: _, ...open } = eventOf({ state: 'open', class: 'car' });
  assert.equal(why(open, base + 7000), '승용차가 들어가면 안 되는 구역에 7초째 있습니다.');
  assert.equal(why(eventOf({ kind: 'line-crossing', class: 'bicycle' }), base), '자전거가 선을 한쪽에서 다른 쪽으로 넘었습니다.');
  const loiter = eventOf({ kind: 'loitering', end: iso(40), reasons: [{ name: 'dwell_s', value: 31.4, threshold: 30 }] });
  assert.equal(why(loiter, base), '사람이 구역에 40초 동안 머물렀습니다 (기준 30초).');
});

test('a crossing is told as it looks on the screen', () => {
  const p = (x: number, y: number) => ({ x, y });
  const cases: [[number, number], [number, number], string, string][] = [
    [[0.5, 0], [0.5, 1], 'left-to-right', 'left'], // who looks down the screen has the right hand at its left
    [[0.5, 0], [0.5, 1], 'right-to-left', 'right'],
    [[0, 0.5], [1, 0.5], 'left-to-right', 'down'],
    [[0, 0.5], [1, 0.5], 'right-to-left', 'up'],
    [[1, 0.5], [0, 0.5], 'left-to-right', 'up'],
    [[0.4, 0.2], [0.5, 0.9], 'left-to-right', 'left'],
    [[0.5, 0], [0.5, 1], 'both', 'either'],
  ];
  for (const [a, b, direction, want] of cases) assert.equal(towardsOf(eventOf({ line: [p(...a), p(...b)], direction })), want, `${a} ${b} ${direction}`);
  assert.equal(why(eventOf({ kind: 'line-crossing', line: [p(0.5, 0), p(0.5, 1)], direction: 'left-to-right' }), base), '사람이 선을 화면 왼쪽으로 넘었습니다.');
});

test('why it rang, in English; a kind nobody has words for is named', () => {
  lang.value = 'en';
  assert.match(why(eventOf(), base), /Person.*13 s/);
  assert.match(why(eventOf({ kind: 'falling', class: 'robot' }), base), /robot.*falling/);
});

test('every verdict reads well in the message', () => {
  for (const v of verdicts) {
    const s = say('toast.closed', { verdict: word('verdict', v) });
    assert.doesNotMatch(s, /[()]/, s);
    assert.notEqual(word('verdict', v), v);
  }
  assert.equal(say('toast.closed', { verdict: '오탐 · 동물' }), '오탐 · 동물로 판정했습니다');
  assert.equal(say('toast.closed', { verdict: '중복' }), '중복으로 판정했습니다');
});

test('confidence in words', () => {
  assert.deepEqual([0.61, 0.75, 0.9].map((s) => confidence(s, 0.6)), ['low', 'medium', 'high']);
  assert.equal(confidence(1, 1), 'low');
});

test('missing values are seen, not hidden', () => {
  assert.match(t('queue.new'), /\{n\}/);
});
