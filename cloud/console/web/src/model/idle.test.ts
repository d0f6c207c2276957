import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Idle, idleMs, type Store } from './idle.ts';

function stage() {
  const kept = new Map<string, string>();
  const store: Store = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v), removeItem: (k) => void kept.delete(k) };
  const s = { now: 1_000_000, window: () => new Idle(store, () => s.now), kept };
  return s;
}

test('ten minutes without a hand lock the window; a hand does not unlock it', () => {
  const s = stage();
  const w = s.window();
  s.now += idleMs;
  w.look('kim');
  assert.equal(w.locked.value, false);
  s.now += 1;
  w.look('kim');
  assert.equal(w.locked.value, true);
  w.touch();
  w.look('kim');
  assert.equal(w.locked.value, true);
  w.open();
  w.look('kim');
  assert.equal(w.locked.value, false);
});

test('a hand in one window keeps the others open', () => {
  const s = stage();
  const [a, b] = [s.window(), s.window()];
  for (let i = 0; i < 30; i++) {
    s.now += 60_000;
    a.touch();
    b.look('kim');
    assert.equal(b.locked.value, false);
  }
});

test('windows are locked and opened together, and new ones too', () => {
  const s = stage();
  const [a, b] = [s.window(), s.window()];
  s.now += idleMs + 1;
  a.look('kim');
  b.look('kim');
  const c = s.window();
  c.look('kim');
  assert.deepEqual([a.locked.value, b.locked.value, c.locked.value], [true, true, true]);
  c.open();
  a.look('kim');
  b.look('kim');
  assert.deepEqual([a.locked.value, b.locked.value], [false, false]);
  s.now += idleMs + 1;
  b.look('kim');
  assert.equal(b.locked.value, true);
});

test('another user is not locked out by the one before', () => {
  const s = stage();
  const w = s.window();
  w.lock('kim');
  const later = s.window();
  later.look('lee');
  assert.equal(later.locked.value, false);
});

test('a clock set back does not hold a window open', () => {
  const s = stage();
  s.kept.set('bongsu.touched', String(s.now + 1e9));
  const w = s.window();
  s.now += idleMs + 1;
  w.look('kim');
  assert.equal(w.locked.value, true);
});

test('where nothing can be stored each window keeps its own time', () => {
  const refuse = () => { throw new Error('denied'); };
  let now = 0;
  const w = new Idle({ getItem: refuse, setItem: refuse, removeItem: refuse }, () => now);
  w.touch();
  now += idleMs + 1;
  w.look('kim');
  assert.equal(w.locked.value, true);
  w.open();
  assert.equal(w.locked.value, false);
});
