// The mock's edges as they are set up: the API of the real server over cameras that are made up.
// What an address answers is said by its path: rtsp://…/auth-failed fails so, /slow takes its time.

export const codes = ['auth-failed', 'auth-needed', 'basic-refused', 'bad-certificate', 'no-route', 'not-rtsp', 'no-stream', 'no-video', 'no-picture', 'codec-unsupported', 'busy', 'timeout', 'probe-crashed'];
const classes = ['person', 'fallen-person', 'bicycle', 'motorcycle', 'car', 'large-vehicle', 'bag', 'fire', 'smoke', 'animal'];
const tuning = [{ name: 'classes', default: ['person'] }, { name: 'priority', default: 'high', values: ['critical', 'high', 'medium', 'low'] }, { name: 'min_score', min: 0, max: 1, default: 0.5 }, { name: 'linger_s', unit: 's', min: 0.1, max: 600, default: 2 }];
const confirm = { name: 'confirm_s', unit: 's', min: 0, max: 60, default: 0.4 };
const ruleKinds = [
  { kind: 'intrusion', geometry: 'zone', keys: [confirm, ...tuning] },
  { kind: 'loitering', geometry: 'zone', keys: [{ name: 'dwell_s', unit: 's', required: true, default: 60, min: 1, max: 86400 }, ...tuning] },
  { kind: 'line-crossing', geometry: 'line', keys: [{ name: 'direction', values: ['both', 'left-to-right', 'right-to-left'], default: 'both' }, ...tuning] },
];

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
      defaults: { model: 'bongsu-nano', classes: ['person'], min_score: 0.5, confirm_s: 0.4, linger_s: 2 }, rule_kinds: ruleKinds,
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
