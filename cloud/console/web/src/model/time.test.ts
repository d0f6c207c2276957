import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, date, fromInput, full, length } from './time.ts';

test('Korean time, whatever the machine’s zone', () => {
  assert.equal(full('2026-11-21T09:05:31Z', 'ko'), '2026-11-21(토) 18:05:31');
  assert.equal(full('2026-11-21T09:05:31Z', 'en'), '2026-11-21(Sat) 18:05:31');
  assert.equal(date('2026-12-31T15:00:00Z', 'ko'), '2027-01-01(금)');
  assert.equal(clock('2026-11-21T09:05:31.042Z', true), '18:05:31.042');
  assert.equal(clock(Date.parse('2026-11-21T14:59:59Z')), '23:59:59');
});

test('lengths', () => {
  assert.equal(length(0), '0:00');
  assert.equal(length(24.9), '0:24');
  assert.equal(length(3723), '1:02:03');
  assert.equal(length(-5), '0:00');
});

test('what people type is Korean time', () => {
  assert.equal(fromInput('2026-11-21T18:05'), '2026-11-21T09:05:00.000Z');
  assert.equal(fromInput('2026-11-21T03:05:07'), '2026-11-20T18:05:07.000Z');
  assert.equal(fromInput(''), '');
  assert.equal(fromInput('yesterday'), '');
});
