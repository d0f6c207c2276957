import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desk, type SetupAPI } from './desk.ts';
import { setupOf } from './fixture.ts';
import { beginning } from './ground.ts';
import { targetOf } from './target.ts';

const zone: [number, number][] = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]];

async function desk(): Promise<Desk> {
  const d = new Desk(undefined, { read: async () => setupOf() } as unknown as SetupAPI);
  await d.read('e');
  return d;
}

test('what is drawn is the rule that was picked up, its arrow, an area, or the measured points', async () => {
  const d = await desk();
  assert.equal(targetOf(d), undefined);
  d.draw([{ id: 'a', kind: 'intrusion', zone }, { id: 'b', kind: 'wrong-way', zone, line: [[0.5, 0.9], [0.5, 0.4]] }]);
  d.pick(1);
  assert.deepEqual([targetOf(d)?.is, targetOf(d)?.line, targetOf(d)?.points.length], ['rule', false, 3]);
  d.part.value = { is: 'arrow' };
  targetOf(d)!.put([[0.2, 0.9], [0.8, 0.4]], 'x');
  assert.deepEqual(d.rules.value.now[1]?.line, [[0.2, 0.9], [0.8, 0.4]]);
  assert.deepEqual([targetOf(d)?.fixed, targetOf(d)?.direction], [true, 'along']);
  d.undo();
  assert.deepEqual(d.rules.value.now[1]?.line, [[0.5, 0.9], [0.5, 0.4]]);
  d.pick(0); // a rule without an arrow is drawn as itself
  d.part.value = { is: 'arrow' };
  assert.equal(targetOf(d)?.is, 'rule');

  d.part.value = { is: 'ground' };
  assert.equal(targetOf(d), undefined); // not by points
  d.put({ ground: { points: [...beginning], aspect: 1.5 } });
  targetOf(d)!.put([[0.1, 0.9], [0.7, 0.9], [0.62, 0.6], [0.38, 0.6]], '');
  assert.deepEqual(d.fields.value.ground?.points?.[0], [[0.1, 0.9], [0, 0]]); // the metres stay
  assert.equal(d.fields.value.ground?.aspect, 1.5);

  d.put({ exclude: [zone, []] });
  d.part.value = { is: 'exclude', at: 1 };
  targetOf(d)!.put([[0, 0], [0.1, 0]], '');
  assert.deepEqual(d.fields.value.exclude, [zone, [[0, 0], [0.1, 0]]]);
  assert.equal(targetOf(d)?.flaw?.what, 'few');
  d.show('exclude[0]');
  assert.deepEqual(d.part.value, { is: 'exclude', at: 0 });
  d.show('rules[1].zone');
  assert.deepEqual([d.part.value.is, d.chosen.value], ['rule', 1]);
});

test('what the edge said of a field is forgotten when that field is changed', async () => {
  const d = await desk();
  d.said.value = [{ path: 'ground', message: 'x' }, { path: 'exclude[0]', message: 'y' }, { path: 'url', message: 'z' }];
  d.put({ exclude: [] });
  assert.deepEqual(d.said.value.map((f) => f.path), ['ground', 'url']);
  d.put({ ground: { height_m: 5 } });
  assert.deepEqual(d.said.value.map((f) => f.path), ['url']);
});
