// The mock's edges as they are set up: the API of the real server over cameras that are made up.
// What an address answers is said by its path: rtsp://…/auth-failed fails so, /slow takes its time.

import { readFileSync } from 'node:fs';

export const codes = ['auth-failed', 'auth-needed', 'basic-refused', 'bad-certificate', 'no-route', 'not-rtsp', 'no-stream', 'no-video', 'no-picture', 'codec-unsupported', 'busy', 'timeout', 'probe-crashed'];
const classes = ['person', 'fallen-person', 'bicycle', 'motorcycle', 'car', 'large-vehicle', 'bag', 'fire', 'smoke', 'animal'];
const number = (name, unit, min, max, def, more = {}) => ({ name, unit, min, max, default: def, ...more });
const tuning = (priority, watched) => [
  { name: 'classes', form: 'classes', default: watched }, number('min_score', undefined, 0, 1, 0.5), number('linger_s', 's', 0, 600, 2),
  number('min_px_per_m', 'px/m', 0, 1000, 0, { needs: 'ground' }), { name: 'schedule', form: 'schedule' }, { name: 'exclude', form: 'polygons' }, { name: 'priority', default: priority, values: ['critical', 'high', 'medium', 'low'] },
];
const confirm = (s) => number('confirm_s', 's', 0, 60, s);
const direction = { name: 'direction', values: ['both', 'left-to-right', 'right-to-left'], default: 'both' };
const [people, vehicles] = [['person'], ['car', 'large-vehicle', 'motorcycle', 'bicycle']];
const [safety, roads, fires] = [['crime-prevention', 'facility-safety'], ['facility-safety', 'traffic-enforcement', 'traffic-information'], ['fire-prevention', 'crime-prevention', 'facility-safety']];
const ruleKinds = [
  { kind: 'intrusion', geometry: 'zone', purposes: safety, keys: [number('dwell_s', 's', 1, 86400, 2), confirm(0.4), ...tuning('high', people)] },
  { kind: 'loitering', geometry: 'zone', purposes: safety, keys: [number('dwell_s', 's', 1, 86400, 60, { required: true }), ...tuning('medium', people)] },
  { kind: 'abandonment', geometry: 'zone', whole: true, purposes: safety, keys: [number('dwell_s', 's', 1, 86400, 4), number('near_m', 'm', 0.1, 50, 2), number('owner_s', 's', 0, 3600, 5), ...tuning('medium', ['bag'])] },
  { kind: 'fall', geometry: 'zone', whole: true, purposes: safety, keys: [number('dwell_s', 's', 1, 86400, 8), confirm(2), ...tuning('critical', people)] },
  { kind: 'fire', geometry: 'zone', whole: true, purposes: fires, keys: [confirm(8.5), ...tuning('critical', ['fire', 'smoke'])] },
  { kind: 'line-crossing', geometry: 'line', purposes: [...safety, 'traffic-enforcement', 'traffic-information'], keys: [direction, ...tuning('medium', ['person', ...vehicles])] },
  { kind: 'line-counting', geometry: 'line', purposes: ['facility-safety', 'traffic-information'], keys: [direction, number('period_s', 's', 10, 86400, 900), ...tuning('low', ['person', ...vehicles])] },
  { kind: 'wrong-way', geometry: 'zone', purposes: roads, keys: [{ name: 'line', form: 'arrow', required: true }, confirm(1), ...tuning('high', vehicles)] },
  { kind: 'stopped-vehicle', geometry: 'zone', purposes: roads, keys: [number('dwell_s', 's', 1, 86400, 30), ...tuning('medium', vehicles)] },
  { kind: 'closed-area', geometry: 'zone', purposes: safety, keys: [confirm(1), ...tuning('high', people).map((k) => (k.name === 'schedule' ? { ...k, required: true } : k))] },
  { kind: 'fight', geometry: 'zone', whole: true, experimental: true, purposes: safety, keys: [number('near_m', 'm', 0.1, 50, 1.2), confirm(3), ...tuning('critical', people)] },
  { kind: 'crowd', geometry: 'zone', experimental: true, purposes: safety, keys: [number('count', undefined, 1, 10000, 10), { name: 'per_m2', form: 'numbers', unit: '1/m²', min: 0.1, max: 10, needs: 'ground' }, confirm(5), ...tuning('high', people)] },
];
const { purposes } = JSON.parse(readFileSync(new URL('../../../../taxonomy.json', import.meta.url), 'utf8'));

// Refused is an answer that is not 2xx.
export class Refused extends Error {
  constructor(status, code, message, fields) {
    super(message);
    Object.assign(this, { status, code, fields });
  }
}

// SetupRoom keeps the set-up of a world's edges.
export class SetupRoom {
  revision = 1;
  allowed = true;
  managed = new Map(); // "edge/camera" → keys
  refuse = undefined; // fields that the next check or save finds wrong
  silent = false; // edges do not answer
  delayMs = 250;

  constructor(world, media) {
    this.world = world;
    this.media = media;
  }

  cameras(edge) {
    const fixed = this.world().cameras.filter((c) => c.edge === edge && !this.managed.has(`${edge}/${c.id}`)).map((c) => ({
      id: c.id, name: c.name, url: `rtsp://10.0.4.${c.id.slice(-2)}/stream1`, username: 'viewer', model: 'bongsu-nano', managed: false, has_password: true,
      rules: [{ id: 'fence', kind: 'intrusion', zone: [[0.2, 0.46], [0.72, 0.44], [0.86, 0.93], [0.1, 0.96]], classes: ['person'] },
        { id: 'gate', kind: 'line-crossing', line: [[0.3, 0.5], [0.3, 0.9]], direction: 'left-to-right', classes: ['person', 'car'] }],
    }));
    return [...fixed, ...[...this.managed].filter(([k]) => k.startsWith(`${edge}/`)).map(([, c]) => c)];
  }

  // manage makes a camera of edge.yaml one that can be changed here.
  manage(edge, id) {
    const c = this.cameras(edge).find((x) => x.id === id);
    this.managed.set(`${edge}/${id}`, { ...c, managed: true });
  }

  async answer(method, path, url, body) {
    const m = /^\/edges\/([^/]+)\/(setup|probe)(?:\/([^/]+))?$/.exec(path);
    if (m === null) return undefined;
    const [, edge, what, camera] = m;
    if (this.silent) throw new Refused(504, 'edge-silent', 'the edge did not answer within 20 s');
    if (method === 'GET') return this.view(edge);
    if (what === 'probe') return this.probe(body);
    if (!this.allowed) throw new Refused(403, 'not-allowed', 'the owner of this edge keeps its cameras in edge.yaml');
    if (method === 'DELETE') return this.remove(edge, camera, url.searchParams.get('revision'));
    return this.put(edge, camera, body, url.searchParams.get('check') === '1');
  }

  view(edge) {
    return {
      revision: `r${this.revision}`, allowed: this.allowed, cameras: this.cameras(edge),
      models: [{ name: 'bongsu-nano', classes }, { name: 'yolox-nano', classes: ['person', 'car', 'bus', 'truck'] }],
      defaults: { model: 'bongsu-nano', classes: [], min_score: 0, confirm_s: 0, linger_s: 0 }, rule_kinds: ruleKinds, purposes,
    };
  }

  async probe(body) {
    const { pathname, username } = new URL(body.url.replace(/^rtsp/, 'http'));
    if (username !== '') throw new Refused(422, 'invalid', 'user and password do not belong into the url', [{ path: 'url', message: 'user and password do not belong into the url' }]);
    await new Promise((done) => setTimeout(done, pathname === '/slow' ? 30_000 : this.delayMs));
    const code = codes.find((c) => pathname === `/${c}`);
    if (code !== undefined) throw new Refused(422, code, `the camera at ${new URL(body.url.replace(/^rtsp/, 'http')).host} says: ${code}`);
    return { codec: 'h264', width_px: 480, height_px: 270, fps: 10, tracks: ['video H264', 'audio PCMA'], still: this.media['still-0.jpg'].toString('base64'), took_ms: 840 };
  }

  put(edge, id, body, check) {
    const old = this.cameras(edge).find((c) => c.id === id);
    if (old?.managed === false) throw new Refused(409, 'not-managed', `camera ${id} stands in edge.yaml`);
    if (this.refuse !== undefined) throw new Refused(422, 'invalid', 'the camera cannot be set up so', this.refuse);
    if (check) return { revision: `r${this.revision}`, camera: body.camera };
    if (body.revision !== `r${this.revision}`) throw new Refused(409, 'conflict', 'somebody else has changed the cameras of this edge');
    const camera = { ...body.camera, managed: true, has_password: body.password !== undefined || (body.camera.username !== undefined && old?.has_password === true) };
    this.managed.set(`${edge}/${id}`, camera);
    this.revision++;
    this.appear(edge, camera);
    return { revision: `r${this.revision}`, camera };
  }

  remove(edge, id, revision) {
    if (revision !== `r${this.revision}`) throw new Refused(409, 'conflict', 'somebody else has changed the cameras of this edge');
    this.managed.delete(`${edge}/${id}`);
    const world = this.world();
    world.cameras = world.cameras.filter((c) => c.edge !== edge || c.id !== id);
    return { revision: `r${++this.revision}` };
  }

  // appear lets a saved camera come alive step by step, and ring.
  appear(edge, c) {
    const world = this.world();
    const at = new Date().toISOString();
    let view = world.cameras.find((x) => x.edge === edge && x.id === c.id);
    if (view !== undefined) return void (view.name = c.name ?? c.id);
    view = { edge, edge_name: edge === 'edge-01' ? '성내 1호' : '행복 2호', edge_online: true, id: c.id, name: c.name ?? c.id, state: 'starting', since: at, fps: 0, infer_ps: 0, width_px: 0, height_px: 0, has_still: false, last_report: at, model: c.model };
    const steps = [[600, () => world.cameras.push(view)], [1500, () => Object.assign(view, { state: 'live', fps: 10, infer_ps: 5, width_px: 480, height_px: 270, has_still: true, still_at: new Date().toISOString() })],
      [5000, () => (c.rules ?? []).length > 0 && world.raise({ camera: view, kind: c.rules[0].kind, age: 2 })]];
    for (const [ms, act] of steps) setTimeout(act, ms).unref();
  }
}
