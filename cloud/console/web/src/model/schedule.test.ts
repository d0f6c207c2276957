import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSpan, spanTrouble, writeSpan } from './schedule.ts';

test('times are read and written as edge.yaml has them', () => {
  for (const [text, days] of [['22:00-06:00', '1111111'], ['sat,sun 00:00-24:00', '1000001'], ['mon-fri 08:30-18:00', '0111110'], ['mon,wed-fri 01:00-02:00', '0101110'], ['fri,sat,mon 10:00-11:00', '0100011']] as const) {
    const s = readSpan(text);
    assert.ok(s !== undefined, text);
    assert.equal(s.days.map((d) => (d ? '1' : '0')).join(''), days, text);
    assert.deepEqual(readSpan(writeSpan(s)), s, text);
  }
  assert.equal(writeSpan(readSpan('SUN-SAT 22:00-06:00')!), '22:00-06:00');
  assert.equal(writeSpan(readSpan('fri-mon 22:00-06:00')!), 'mon,fri-sun 22:00-06:00');
  assert.equal(writeSpan(readSpan('sat,sun 00:00-24:00')!), 'sat,sun 00:00-24:00');
});

test('what is no time is refused', () => {
  for (const text of ['', 'mon', '9:00-10:00', '10:00-10:00', '24:00-06:00', '22:00-25:00', 'mon-fry 10:00-11:00', 'mon 10:00 - 11:00', '10:00-11:00-12:00', ' 10:00']) {
    assert.equal(spanTrouble(text), 'schedule.bad.form', text);
  }
});
