import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CameraKeys, Pair, Rule, Setup } from '../net/setup.ts';
import { setupOf } from './fixture.ts';
import { arrowOf, blank, geometryOf, keysOf, means, newRule, numberOf, numbersOf, ofKind, probeWish, same, stageOf, tidyPath, toSend, troubles } from './draft.ts';

const s: Setup = setupOf();
const kind = (name: string) => s.rule_kinds.find((k) => k.kind === name)!;
const good: CameraKeys = { id: 'gate', url: 'rtsp://h/x', transport: 'tcp', model: 'bongsu-nano', rules: [] };
const paths = (c: CameraKeys, pass: 'none' | 'stored' | 'typed' = 'none') => troubles(c, s, ['yard'], pass).map((t) => t.path);

test('a new camera has the defaults of its edge', () => {
  assert.deepEqual(blank(s), { id: '', name: '', url: '', transport: 'tcp', model: 'bongsu-nano', rules: [] });
  assert.deepEqual(paths(blank(s)), ['url', 'id']);
});

test('what the page does not show is kept', () => {
  const c = keysOf(s.cameras[0]!);
  assert.equal(c.pre_roll_s, 7);
  assert.ok(!('managed' in c) && !('has_password' in c));
  assert.ok(same(c, toSend({ ...c, allow_basic: false, name: ` ${String(c.name)} ` })));
  assert.ok(!same(c, { ...c, pre_roll_s: 8 }));
  assert.deepEqual(toSend({ ...good, username: ' ', name: '', allow_basic: false, tls: { pin_sha256: 'x' } }), good);
  assert.deepEqual(toSend({ ...good, url: 'rtsps://h/x', tls: { pin_sha256: 'x' } }).tls, { pin_sha256: 'x' });
});

test('login goes beside the address, and a stored password is named, not sent', () => {
  assert.deepEqual(probeWish({ ...good, username: 'u' }, 'p', 'gate'), { url: 'rtsp://h/x', transport: 'tcp', username: 'u', password: 'p' });
  assert.deepEqual(probeWish({ ...good, username: 'u' }, undefined, 'gate'), { url: 'rtsp://h/x', transport: 'tcp', username: 'u', camera: 'gate' });
});

test('what is wrong is told where it is', () => {
  assert.deepEqual(paths(good), []);
  assert.deepEqual(paths({ ...good, id: 'yard' }), ['id']);
  assert.deepEqual(paths({ ...good, id: '정문' }), ['id']);
  assert.deepEqual(paths({ ...good, username: 'u' }), ['password']);
  assert.deepEqual(paths(good, 'typed'), ['username']);
  assert.deepEqual(paths(good, 'stored'), []); // a login that is taken away
  assert.deepEqual(paths({ ...good, username: 'u' }, 'stored'), []);
  assert.deepEqual(paths({ ...good, url: 'rtsps://h/x', transport: 'udp' }), ['transport']);
  assert.deepEqual(paths({ ...good, url: 'rtsps://h/x', tls: { pin_sha256: 'ab:cd' } }), ['tls.pin_sha256']);
  assert.deepEqual(paths({ ...good, url: 'rtsps://h/x', tls: { pin_sha256: 'AB:'.repeat(31) + 'CD' } }), []);
  assert.deepEqual(paths({ ...good, model: 'gone' }), ['model']);
  const r = newRule(s, good, kind('intrusion'));
  assert.deepEqual(r, { id: 'intrusion', kind: 'intrusion', zone: [] }); // what it watches for is the kind's own
  const zone = { ...r, zone: [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]] as [number, number][] };
  const of = (rule: object) => paths({ ...good, rules: [{ ...zone, ...rule }] });
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ zone: [] }), ['rules[0].zone']);
  assert.deepEqual(of({ confirm_s: 61 }), ['rules[0].confirm_s']);
  assert.deepEqual(of({ confirm_s: 'x' }), ['rules[0].confirm_s']);
  assert.deepEqual(of({ classes: [] }), ['rules[0].classes']);
  assert.deepEqual(of({ classes: ['tank'] }), ['rules[0].classes']);
  assert.deepEqual(paths({ ...good, rules: [zone, zone] }), ['rules[1].id']);
  assert.deepEqual(paths({ ...good, rules: [{ ...zone, kind: 'loitering' }] }), ['rules[0].dwell_s']);
});

test('a rule of another kind keeps what fits it', () => {
  const zone = { ...newRule(s, good, kind('intrusion')), zone: [[0, 0], [1, 0], [1, 1]] as [number, number][], classes: ['person'], confirm_s: 2, priority: 'low' as const };
  const loiter = ofKind(zone, kind('intrusion'), kind('loitering'));
  assert.deepEqual(loiter, { id: 'intrusion', kind: 'loitering', zone: zone.zone, classes: ['person'], priority: 'low', dwell_s: 60 });
  const line = ofKind(loiter, kind('loitering'), kind('line-crossing'));
  assert.deepEqual(line, { id: 'intrusion', kind: 'line-crossing', line: [], classes: ['person'], priority: 'low', direction: 'both' });
  assert.deepEqual(numbersOf(kind('line-crossing')).map((k) => k.name), ['min_score', 'linger_s']);
});

test('rules of each form begin so that they can be saved, or say what is missing', () => {
  const rules = (kinds: string[]) => kinds.map((k) => newRule(s, good, kind(k)));
  const [fire, way, closed, crowd] = rules(['fire', 'wrong-way', 'closed-area', 'crowd']) as [Rule, Rule, Rule, Rule];
  assert.deepEqual([fire.zone?.length, fire.classes], [4, ['person']]); // the model of this camera knows no fire: it says what it can look for
  assert.deepEqual([way.zone, way.line?.length, arrowOf(way)?.length, geometryOf(way)], [[], 2, 2, 'zone']);
  assert.deepEqual(closed.schedule, ['22:00-06:00']);
  const area = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]] as Pair[];
  const of = (r: Rule, more: Partial<CameraKeys> = {}) => paths({ ...good, rules: [r], ...more });
  assert.deepEqual(of({ ...way, zone: area }), []);
  assert.deepEqual(of({ ...way, zone: area, line: [] }), ['rules[0].line']);
  assert.deepEqual(of({ ...closed, zone: area, schedule: [] }), ['rules[0].schedule']);
  assert.deepEqual(of({ ...closed, zone: area, schedule: ['9:00-10:00'] }), ['rules[0].schedule']);
  assert.deepEqual(of({ id: 'x', kind: 'fire', classes: ['person'] }), []); // the whole picture
  assert.deepEqual(of({ id: 'x', kind: 'intrusion' }), ['rules[0].zone']);
  const ground = { height_m: 5, tilt_deg: 30, hfov_deg: 70 };
  assert.deepEqual(of({ ...crowd, zone: area, per_m2: [2, 3] }), ['rules[0].per_m2']);
  assert.deepEqual(of({ ...crowd, zone: area, per_m2: [2, 3] }, { ground }), []);
  for (const bad of [[3, 2], [], 'x', [0], [1, 2, 3, 4, 5, 6]]) assert.deepEqual(of({ ...crowd, zone: area, per_m2: bad }, { ground }), ['rules[0].per_m2'], String(bad));
  assert.deepEqual(of({ ...fire, min_px_per_m: 20 }), ['rules[0].min_px_per_m']);
  assert.deepEqual(of({ ...fire, min_px_per_m: 20 }, { ground: { ...ground, tilt_deg: 'x' } }), ['ground']);
});

test('a rule beyond what the camera is there for is told of', () => {
  const fire = newRule(s, good, kind('fire'));
  assert.deepEqual(paths({ ...good, rules: [fire], purposes: ['crime-prevention'] }), ['rules[0].kind']);
  assert.deepEqual(paths({ ...good, rules: [fire], purposes: ['crime-prevention', 'facility-safety'] }), []);
  assert.deepEqual(toSend({ ...good, purposes: [], exclude: [] }), good);
  assert.deepEqual(paths({ ...good, exclude: [[[0, 0], [1, 1]]] }), ['exclude[0]']);
});

test('words mean what rules mean by them', () => {
  for (const [c, w, yes] of [['person', 'person', true], ['fallen-person', 'person', true], ['person', 'fallen-person', false], ['large-vehicle', 'truck', true], ['bus', 'large-vehicle', true], ['bus', 'truck', false]] as const) {
    assert.equal(means(c, w), yes, `${c} ${w}`);
  }
});

test('numbers are read as people type them', () => {
  assert.equal(numberOf(' 1,5 '), 1.5);
  assert.equal(numberOf(''), undefined);
  assert.equal(numberOf('많이'), '많이');
});

test('paths of the edge find their place in the form', () => {
  assert.equal(tidyPath('cameras[2].rules[0].zone'), 'rules[0].zone');
  assert.equal(tidyPath('camera.url'), 'url');
  assert.equal(tidyPath('rules[1].zone[3][0]'), 'rules[1].zone');
  assert.equal(tidyPath('cameras[0].ground.tilt_deg'), 'ground');
  assert.equal(tidyPath('exclude[1][0][1]'), 'exclude[1]');
  assert.equal(tidyPath('rules[0].schedule[2]'), 'rules[0].schedule');
  assert.deepEqual(['ground', 'exclude[0]', 'purposes[1]'].map(stageOf), ['rules', 'rules', 'name']);
  assert.deepEqual(['url', 'tls.pin_sha256', 'id', 'model', 'rules[1].zone', 'rules'].map(stageOf), ['connect', 'connect', 'name', 'name', 'rules', 'rules']);
});
