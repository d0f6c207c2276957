import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../net/api.ts';
import type { CameraKeys, ProbeAnswer, ProbeWish, Setup, Wish } from '../net/setup.ts';
import { Desk, type SetupAPI } from './desk.ts';
import { setupOf } from './fixture.ts';

// Edge answers as an edge does; the test says with what.
class Edge {
  setup: Setup = setupOf();
  probes: ProbeWish[] = [];
  wishes: Wish[] = [];
  removed: unknown[] = [];
  refuse: ApiError | undefined;
  probe: () => Promise<ProbeAnswer> = async () => ({ codec: 'h264', width_px: 640, height_px: 360, fps: 10, still: btoa('jpeg') });
  api: SetupAPI = {
    read: async () => structuredClone(this.setup),
    probe: async (_, w) => {
      this.probes.push(w);
      return this.probe();
    },
    check: async (_, __, w) => {
      if (this.refuse !== undefined) throw this.refuse;
      return { revision: w.revision };
    },
    save: async (_, __, w) => {
      if (w.revision !== this.setup.revision) throw new ApiError(409, 'conflict', 'somebody else has saved');
      this.wishes.push(w);
      return { revision: 'r2' };
    },
    remove: async (...a) => {
      this.removed.push(a);
      return { revision: 'r3' };
    },
  };
}

const zone: [number, number][] = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]];

async function desk(original?: string) {
  const edge = new Edge();
  const d = new Desk(original, edge.api, () => 7);
  await d.read('edge-01');
  return { edge, d };
}

test('from an address to a saved camera', async () => {
  const { edge, d } = await desk();
  assert.equal(d.stage.value, 'connect');
  assert.equal(d.to('name'), false); // no address yet
  assert.equal(d.focus.value, 'url');
  assert.deepEqual(d.wrong.value.map((t) => t.path), ['url']);
  d.put({ url: 'rtsp://10.0.0.5:554/gate' });
  assert.equal(d.fields.value.id, 'gate');
  d.put({ username: 'viewer' });
  d.password.value = 'secret';
  assert.ok(d.dirty.value);
  await d.ask();
  assert.deepEqual(edge.probes, [{ url: 'rtsp://10.0.0.5:554/gate', transport: 'tcp', username: 'viewer', password: 'secret' }]);
  assert.ok(d.proven.value);
  assert.equal(d.picture.value?.w, 640);
  d.put({ transport: 'udp' });
  assert.ok(!d.proven.value); // something else than was asked for
  assert.equal(d.to('rules'), true);
  d.draw([{ id: 'intrusion', kind: 'intrusion', zone, classes: ['person'] }]);
  await d.save();
  assert.equal(d.stage.value, 'alive');
  assert.equal(d.savedAt.value, 7);
  const camera: CameraKeys = { id: 'gate', url: 'rtsp://10.0.0.5:554/gate', transport: 'udp', username: 'viewer', model: 'bongsu-nano', rules: d.rules.value.now };
  assert.deepEqual(edge.wishes, [{ revision: 'r1', camera, password: 'secret' }]);
  assert.equal(d.password.value, undefined); // kept no longer than needed
  d.forgetPicture();
});

test('an id that was typed is not replaced by a proposal', async () => {
  const { d } = await desk();
  d.put({ id: 'mine' });
  d.put({ url: 'rtsp://h/gate' });
  assert.equal(d.fields.value.id, 'mine');
});

test('a probe says why not; an answer to an older question is not heard', async () => {
  const { edge, d } = await desk();
  d.put({ url: 'rtsp://h/gate' });
  edge.probe = async () => { throw new ApiError(422, 'auth-failed', 'the camera refused the login'); };
  await d.ask();
  assert.deepEqual(d.probe.value, { is: 'bad', code: 'auth-failed', message: 'the camera refused the login' });
  let answer: (a: ProbeAnswer) => void = () => undefined;
  edge.probe = () => new Promise((done) => (answer = done));
  const first = d.ask();
  assert.equal(d.probe.value.is, 'asking');
  d.put({ url: 'rtsp://h/other' });
  edge.probe = async () => ({ codec: 'h265', width_px: 1, height_px: 1, fps: 1 });
  await d.ask();
  answer({ codec: 'old', width_px: 2, height_px: 2, fps: 2 });
  await first;
  assert.deepEqual(d.probe.value, { is: 'good', answer: { codec: 'h265', width_px: 1, height_px: 1, fps: 1 } });
});

test('the edge says what is wrong, and the form goes there', async () => {
  const { edge, d } = await desk();
  d.put({ url: 'rtsp://h/gate' });
  d.draw([{ id: 'a', kind: 'intrusion', zone, classes: ['person'] }, { id: 'b', kind: 'intrusion', zone, classes: ['person'] }]);
  edge.refuse = new ApiError(422, 'invalid', 'the camera cannot be', undefined, [{ path: 'cameras[0].rules[1].zone[2]', message: 'too wild' }]);
  await d.save();
  assert.equal(d.stage.value, 'rules');
  assert.equal(d.chosen.value, 1);
  assert.equal(d.focus.value, 'rules[1].zone');
  assert.deepEqual(d.said.value, [{ path: 'rules[1].zone', message: 'too wild' }]);
  assert.equal(d.busy.value, '');
  d.draw([{ id: 'a', kind: 'intrusion', zone, classes: ['person'] }]);
  assert.deepEqual(d.said.value, []); // changed: no longer what was judged
  assert.equal(d.chosen.value, 0);
  await d.check();
  assert.equal(d.said.value.length, 1);
  edge.refuse = undefined;
  await d.check();
  assert.deepEqual(d.said.value, []);
});

test('somebody else saved: nothing that was drawn is lost', async () => {
  const { edge, d } = await desk('yard');
  assert.equal(d.stage.value, 'rules');
  assert.ok(!d.dirty.value && d.held.value === 'stored');
  const mine = [{ ...d.rules.value.now[0]!, zone }];
  mine[0]!.zone = [[0.2, 0.2], [0.8, 0.2], [0.5, 0.7]];
  d.draw(mine);
  edge.setup.revision = 'r9';
  edge.setup.cameras[0]!.name = '야적장 북쪽';
  edge.setup.cameras[0]!.rules = [];
  await d.save();
  assert.ok(d.conflict.value);
  await d.renew();
  assert.ok(!d.conflict.value);
  assert.deepEqual(d.rules.value.now, mine);
  assert.equal(d.theirs.value?.name, '야적장 북쪽');
  d.adopt();
  assert.deepEqual(d.rules.value.now, []);
  assert.equal(d.fields.value.name, '야적장 북쪽');
  d.undo();
  assert.deepEqual(d.rules.value.now, mine);
  await d.save();
  assert.equal(edge.wishes.length, 1);
  assert.ok(!('password' in edge.wishes[0]!));
});

test('cameras of edge.yaml are looked at only; removal names the revision', async () => {
  const { edge, d } = await desk('yard');
  await d.remove();
  assert.deepEqual(edge.removed, [['edge-01', 'yard', 'r1']]);
  const { d: other, edge: e2 } = await desk('yard');
  e2.setup.cameras[0]!.managed = false;
  await other.read('edge-01');
  assert.ok(other.readOnly.value && !other.dirty.value);
});

test('an edge that cannot be asked is told, and another may be chosen', async () => {
  const edge = new Edge();
  const d = new Desk(undefined, edge.api);
  const read = edge.api.read;
  edge.api.read = async () => { throw new ApiError(504, 'unavailable', 'the box did not answer'); };
  await d.read('edge-01');
  assert.ok(d.unreadable.value instanceof ApiError);
  edge.api.read = read;
  await d.read('edge-02');
  assert.equal(d.unreadable.value, undefined);
  d.put({ url: 'rtsp://h/gate' });
  edge.setup.models = [{ name: 'other', classes: ['bag'] }];
  edge.setup.defaults = {};
  await d.read('edge-01'); // what was filled in stays; a model that is not there does not
  assert.equal(d.fields.value.url, 'rtsp://h/gate');
  assert.equal(d.fields.value.model, 'other');
});
