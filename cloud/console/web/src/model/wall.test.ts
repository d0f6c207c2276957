import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Alert, Camera } from '../net/types.ts';
import { alertOf } from './fixture.ts';
import { cameraAt, cameraPath } from './route.ts';
import { choiceOf, filled, put, queryOf, sized, urgent, type Choice } from './wall.ts';

test('the address carries the choice', () => {
  const c: Choice = { size: 9, places: ['e1/a', '', 'e2/b', '', '', '', '', '', ''] };
  assert.equal(queryOf(c), '?n=9&c=e1/a,,e2/b');
  assert.deepEqual(choiceOf(queryOf(c)), c);
  assert.deepEqual(choiceOf('?n=4'), { size: 4, places: ['', '', '', ''] });
  assert.equal(choiceOf(''), undefined);
  assert.equal(choiceOf('?other=1'), undefined);
});

test('what an address cannot mean is left out', () => {
  assert.deepEqual(choiceOf('?n=77&c=e/a,nonsense,e/a,e/b/c,e/z')?.places, ['e/a', '', '', '']);
  assert.deepEqual(choiceOf('?c=%00,/,a/,/b')?.places, ['', '', '', '']);
});

test('another size keeps what has room', () => {
  const nine = sized({ size: 4, places: ['e/a', 'e/b', '', 'e/d'] }, 9);
  assert.deepEqual(nine.places, ['e/a', 'e/b', '', 'e/d', '', '', '', '', '']);
  assert.deepEqual(sized(nine, 4).places, ['e/a', 'e/b', '', 'e/d']);
});

test('a camera stands in one tile only: it changes places', () => {
  const c: Choice = { size: 4, places: ['e/a', 'e/b', '', ''] };
  assert.deepEqual(put(c, 1, 'e/a').places, ['e/b', 'e/a', '', '']);
  assert.deepEqual(put(c, 2, 'e/a').places, ['', 'e/b', 'e/a', '']);
  assert.deepEqual(put(c, 0, '').places, ['', 'e/b', '', '']);
  assert.deepEqual(put(c, 3, 'e/x').places, ['e/a', 'e/b', '', 'e/x']);
});

test('empty tiles are filled with cameras that give pictures first', () => {
  const cams = [['z', 'live'], ['a', 'offline'], ['b', 'live']].map(([id, state]) => ({ edge: 'e', id, name: id, state }) as unknown as Camera);
  assert.deepEqual(filled({ size: 4, places: ['', 'e/z', '', ''] }, cams).places, ['e/b', 'e/z', 'e/a', '']);
});

test('a camera is marked by its most urgent open alert', () => {
  const of = (o: Partial<Alert> & { id: string }) => alertOf({ edge: 'e', ...o });
  const m = urgent([
    of({ id: '1', camera: 'a', priority: 'low' }), of({ id: '2', camera: 'a', priority: 'critical' }), of({ id: '3', camera: 'a', priority: 'high' }),
    of({ id: '4', camera: 'b', priority: 'critical', work: 'closed' }),
  ]);
  assert.equal(m.get('e/a')?.id, '2');
  assert.equal(m.has('e/b'), false);
});

test('the address of a camera', () => {
  assert.deepEqual(cameraAt(cameraPath('e-1', 'cam_2')), { edge: 'e-1', camera: 'cam_2' });
  assert.deepEqual(cameraAt(cameraPath('a b', '정문')), { edge: 'a b', camera: '정문' });
  for (const p of ['/cameras', '/cameras/', '/cameras/a', '/cameras/a/b/c', '/x/a/b', '/cameras/%E0/b']) assert.equal(cameraAt(p), undefined, p);
});
