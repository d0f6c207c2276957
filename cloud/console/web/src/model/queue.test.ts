import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alertOf, base, iso } from './fixture.ts';
import { byUrgency, count, due, follower, forget, merge, rank, ring, shown, visible, type Filter } from './queue.ts';
import type { Alert } from '../net/types.ts';

test('order: priority, then the time left, then the oldest', () => {
  const list = [
    alertOf({ id: 'low', priority: 'low' }),
    alertOf({ id: 'late', claim_by: iso(-5) }),
    alertOf({ id: 'soon', claim_by: iso(10) }),
    alertOf({ id: 'older', claim_by: iso(60), raised: iso(-9) }),
    alertOf({ id: 'newer', claim_by: iso(60), raised: iso(-1) }),
    alertOf({ id: 'critical', priority: 'critical', claim_by: iso(999) }),
  ];
  for (let i = 0; i < 20; i++) {
    const mixed = [...list].sort(() => Math.random() - 0.5);
    assert.deepEqual(mixed.sort(byUrgency).map((a) => a.id), ['critical', 'late', 'soon', 'older', 'newer', 'low']);
  }
  assert.equal(rank('unheard-of' as never), 4);
});

test('views', () => {
  const cases: [Partial<Alert>, Filter[]][] = [
    [{ work: 'unclaimed' }, ['unclaimed', 'all']],
    [{ work: 'claimed', owner: 'kim' }, ['unclaimed', 'mine', 'all']],
    [{ work: 'reviewing', owner: 'kim' }, ['unclaimed', 'mine', 'all']],
    [{ work: 'reviewing', owner: 'lee' }, ['all']],
    [{ work: 'confirmed', owner: 'kim' }, ['mine', 'all']],
    [{ work: 'closed', owner: 'kim' }, ['closed']],
  ];
  for (const [o, want] of cases) {
    const a = alertOf({ id: 'x', ...o });
    assert.deepEqual((['unclaimed', 'mine', 'all', 'closed'] as const).filter((f) => shown(a, f, 'kim')), want, JSON.stringify(o));
  }
});

test('the card under the eyes stays in the view whatever became of it', () => {
  const list = [alertOf({ id: 'a', work: 'closed', owner: 'lee' }), alertOf({ id: 'b' })];
  assert.deepEqual(visible(list, 'unclaimed', 'kim').map((a) => a.id), ['b']);
  assert.deepEqual(visible(list, 'unclaimed', 'kim', 'a').map((a) => a.id).sort(), ['a', 'b']);
  assert.equal(count(list, 'unclaimed', 'kim'), 1);
});

test('closed cards: the newest first', () => {
  const list = [alertOf({ id: 'a', work: 'closed', closed_at: iso(1) }), alertOf({ id: 'b', work: 'closed', closed_at: iso(2) })];
  assert.deepEqual(visible(list, 'closed', 'kim').map((a) => a.id), ['b', 'a']);
});

test('merge takes a change once and never goes back', () => {
  const map = new Map<string, Alert>();
  assert.equal(merge(map, alertOf({ id: 'a', seq: 5 })), 'new');
  assert.equal(merge(map, alertOf({ id: 'a', seq: 5 })), 'old');
  assert.equal(merge(map, alertOf({ id: 'a', seq: 4, count: 9 })), 'old');
  assert.equal(merge(map, alertOf({ id: 'a', seq: 6, count: 2 })), 'joined');
  assert.equal(merge(map, alertOf({ id: 'a', seq: 7, count: 3, priority: 'critical' })), 'louder');
  assert.equal(merge(map, alertOf({ id: 'a', seq: 8, count: 3, priority: 'critical', work: 'closed' })), 'changed');
  assert.equal(merge(map, alertOf({ id: 'b', seq: 9, work: 'closed' })), 'changed');
  assert.equal(map.get('a')?.seq, 8);
});

test('old closed cards are forgotten, open ones and the selected one never', () => {
  const map = new Map<string, Alert>();
  for (let i = 0; i < 700; i++) map.set(`c${i}`, alertOf({ id: `c${i}`, work: 'closed', closed_at: iso(i) }));
  for (let i = 0; i < 50; i++) map.set(`o${i}`, alertOf({ id: `o${i}` }));
  forget(map, 'c0');
  assert.equal(map.size, 351);
  assert.ok(map.has('c0') && map.has('c699') && !map.has('c1') && map.has('o49'));
});

test('the next card takes the focus, at the end the one before', () => {
  const list = ['a', 'b', 'c'].map((id) => alertOf({ id }));
  assert.equal(follower(list, 'a'), 'b');
  assert.equal(follower(list, 'c'), 'b');
  assert.equal(follower(list.slice(0, 1), 'a'), undefined);
  assert.equal(follower(list, 'x'), undefined);
});

test('the ring: amber at half, red at four fifths, then late', () => {
  const a = alertOf({ id: 'a', claim_by: iso(100) });
  const at = (s: number) => ring(a, base + s * 1000);
  assert.deepEqual(at(0), { left: 1, seconds: 100, level: 'fresh' });
  assert.equal(at(49)?.level, 'fresh');
  assert.equal(at(50)?.level, 'amber');
  assert.equal(at(79)?.level, 'amber');
  assert.equal(at(80)?.level, 'red');
  assert.deepEqual(at(130), { left: 0, seconds: -30, level: 'late' });
  assert.equal(ring(alertOf({ id: 'b', work: 'closed' }), base), undefined);
  assert.equal(due(alertOf({ id: 'c', work: 'reviewing' })), base + 180_000);
  const { claim_by: _, ...free } = alertOf({ id: 'd' });
  assert.equal(due(free), Infinity);
});
