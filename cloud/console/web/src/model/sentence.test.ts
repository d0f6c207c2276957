import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { lang, t, word } from '../i18n/index.ts';
import { verdicts } from '../net/types.ts';
import { base, eventOf, iso } from './fixture.ts';
import { kindName, kinds } from './kinds.ts';
import { confidence, particle, say, shown, towardsOf, why } from './sentence.ts';

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

test('each kind says in a sentence why it rang, and an experiment is named as one', () => {
  const open = { state: 'open' as const };
  const line = { line: [{ x: 0.5, y: 0.9 }, { x: 0.5, y: 0.1 }] };
  const cases: [Parameters<typeof eventOf>[0], string, string][] = [
    [{ kind: 'fall', end: iso(40) }, '사람이 쓰러져 40초 동안 일어나지 않았습니다.', 'Somebody was down and did not get up for 40 s.'],
    [{ kind: 'abandonment', class: 'bag', end: iso(30) }, '가방이 주인 없이 30초 동안 놓여 있었습니다.', 'Bag was left alone for 30 s.'],
    [{ kind: 'fire', class: 'smoke', ...open }, '연기가 13초째 보입니다.', 'Smoke has been seen for 13 s.'],
    [{ kind: 'wrong-way', class: 'car' }, '승용차가 정해진 방향과 반대로 갔습니다.', 'Car went against the direction.'],
    [{ kind: 'closed-area', end: iso(9) }, '닫힌 시간인데 사람이 구역에 9초 동안 있었습니다.', 'Person was in the zone for 9 s in its closed hours.'],
    [{ kind: 'stopped-vehicle', class: 'truck', end: iso(60) }, '트럭이 서면 안 되는 곳에 60초 동안 서 있었습니다.', 'Truck stood for 60 s where none may.'],
    [{ kind: 'crowd', end: iso(9), reasons: [{ name: 'people', value: 14 }] }, '구역에 14명이 9초째 모여 있습니다.', '14 people have been in the zone for 9 s.'],
    [{ kind: 'crowd', end: iso(9), reasons: [{ name: 'people_per_m2', value: 3.21, threshold: 3 }, { name: 'level', value: 2 }, { name: 'people', value: 64 }] }, '구역에 64명이 9초째 모여 있습니다. 1㎡에 3.2명, 2단계입니다.', '64 people have been in the zone for 9 s: 3.2 per m², level 2.'],
    [{ kind: 'line-counting', ...line, reasons: [{ name: 'period_s', value: 900 }, { name: 'count_left-to-right', value: 7 }, { name: 'count_right-to-left', value: 3 }] }, '15분 동안 지나간 수: 화면 오른쪽으로 7, 화면 왼쪽으로 3.', 'Passed in 15 min: 7 to the right of the screen, 3 to the left of the screen.'],
  ];
  for (const [e, ko, en] of cases) {
    lang.value = 'ko';
    assert.equal(why(eventOf(e), base), ko);
    lang.value = 'en';
    assert.equal(why(eventOf(e), base), en);
  }
  assert.equal(kindName('fight'), 'Fight (Experimental)');
  lang.value = 'ko';
  assert.equal(kindName('crowd'), '밀집 (실험 기능)');
  assert.equal(kindName('of-a-later-release'), 'of-a-later-release');
  for (const k of kinds) assert.notEqual(why(eventOf({ kind: k }), base), `${word('class', 'person')}: ${kindName(k)}`, k);
});

test('reasons have words and units', () => {
  lang.value = 'ko';
  const of = (name: string, value: number, threshold?: number) => shown(eventOf({ line: [{ x: 0.5, y: 0.9 }, { x: 0.5, y: 0.1 }] }), { name, value, ...(threshold === undefined ? {} : { threshold }) });
  assert.deepEqual(of('down_s', 12.34, 2), { label: '쓰러져 있던 시간', value: '12.3초', threshold: '2초' });
  assert.deepEqual(of('owner_m', 4, 2), { label: '주인과의 거리', value: '4m', threshold: '2m' });
  assert.deepEqual(of('people_per_m2', 3.25, 3), { label: '밀도', value: '3.3명/㎡', threshold: '3명/㎡' });
  assert.deepEqual(of('area_m2', 40), { label: '구역 넓이', value: '40㎡' });
  assert.deepEqual(of('speed_m_per_s', 1.5), { label: '속도', value: '1.5m/s' });
  assert.deepEqual(of('since_minute_of_day', 1325), { label: '들어온 시각', value: '22:05' });
  assert.deepEqual(of('count_left-to-right', 7), { label: '화면 오른쪽으로', value: '7' });
  assert.deepEqual(of('count_right-to-left_car', 2), { label: '화면 왼쪽으로 · 승용차', value: '2' });
  assert.deepEqual(of('of_tomorrow', 0.123), { label: 'of_tomorrow', value: '0.12' });
});
