// The mock's world: cameras, events, alerts, and what may be done to them, as the real server
// has it. Every change gets the next number of one sequence.

import { randomUUID } from 'node:crypto';
import { boxAt, clipSeconds } from './media.mjs';

const levels = { critical: [15, 60], high: [60, 180], medium: [300, 900] };
const preRoll = 5;
const lasts = 13;
export const places = [
  '정수장 북측 울타리', '성내2길 공영주차장', '행복로 여성안심길 3구간', '시외버스터미널 대합실', '체육공원 관리동 뒤편 자재 야적장 출입 통제 구역',
  '배수펌프장 정문', '구청 별관 지하 1층 하역장', '한빛초등학교 후문', '산책로 4번 교량 하부', '물류창고 A동 2번 게이트', 'Loading dock 7', '변전소 서측',
];
const iso = (ms) => new Date(ms).toISOString();

export class World {
  seq = 100;
  alerts = new Map();
  events = new Map();
  history = new Map();
  cameras = [];
  changes = [];
  listeners = new Set();
  audit = [];
  letters = [];

  constructor(cameraCount = 12) {
    const now = Date.now();
    for (let i = 0; i < cameraCount; i++) {
      this.cameras.push({
        edge: `edge-0${1 + (i % 2)}`, edge_name: i % 2 === 0 ? '성내 1호' : '행복 2호', edge_online: true,
        id: `cam-${String(731 + i)}`, name: places[i % places.length] + (i < places.length ? '' : ` ${i}`),
        state: 'live', since: iso(now - 3600_000 * (i + 1)), fps: 15, infer_ps: 9.8, width_px: 1920, height_px: 1080,
        codec: 'avc1.64001f', model: 'street-s', still_at: iso(now - 4000), has_still: true, last_report: iso(now - 1000),
      });
    }
  }

  changed(kind, view) {
    const seq = ++this.seq;
    if (kind === 'alert') view.seq = seq;
    const change = { seq, kind, data: JSON.stringify(view) };
    this.changes.push(change);
    for (const l of this.listeners) l(change);
  }

  step(alert, action, to, actor, more = {}) {
    this.history.get(alert.id).push({ at: iso(Date.now()), actor: actor?.username ?? '', actor_name: actor?.name, action, from: alert.work, to, ...more });
    alert.work = to;
    if (to === 'unclaimed') { delete alert.owner; delete alert.owner_name; }
    if (action === 'claim') { alert.owner = actor.username; alert.owner_name = actor.name; }
    if (actor !== undefined) this.audit.push({ seq: this.audit.length + 1, at: iso(Date.now()), actor: actor.username, client: '127.0.0.1', action: `alert.${action}`, target: `alert ${alert.id}`, detail: '', hash: 'aa' });
    this.changed('alert', alert);
  }

  // event makes an event that fired age seconds ago; clips is the clip's make-up.
  event(camera, { kind = 'intrusion', priority = 'high', age = 6, clips = 'whole', open = false, cls = 'person' } = {}) {
    const start = Date.now() - age * 1000 - 1500;
    const begin = start - preRoll * 1000;
    const trail = [];
    for (let s = preRoll; s <= preRoll + lasts; s += 0.5) trail.push({ at: iso(begin + s * 1000), box: boxAt(s) });
    const e = {
      id: randomUUID(), revision: 1, edge: camera.edge, edge_name: camera.edge_name, camera: camera.id, camera_name: camera.name,
      rule: `${kind}-1`, kind, priority, state: open ? 'open' : 'closed', start: iso(start), fired: iso(start + 2000),
      class: cls, score: 0.87, track: 41, box: boxAt(preRoll + 2), trail,
      rule_version: '3f1c09ab77e2', frames: [2, 1.2, 0.4, 0].map((s, i) => ({ at: iso(start + 2000 - s * 1000), pts_us: 1_000_000 * i, seq: 40 + i, box: boxAt(preRoll + 2 - s), score: i === 1 ? 0 : 0.87 - s / 20 })),
      ...(['fight', 'crowd'].includes(kind) ? { experimental: true } : {}),
      model: { name: 'street-s', version: '1.2', sha256: 'c0ffee12'.repeat(8) }, stamps: {}, clock: { wall_quality: 'synchronised', media_pts_us: 0, monotonic_us: 0 },
      reasons: reasons(kind), received: iso(start + 2300), snapshot_url: '', clips: clipsOf(clips, begin),
    };
    if (!open) { e.end = iso(start + lasts * 1000); e.close_reason = 'ended'; }
    if (kind === 'line-crossing') { e.line = [{ x: 0.35, y: 0.5 }, { x: 0.35, y: 0.95 }]; e.direction = 'right-to-left'; }
    else e.zone = [{ x: 0.2, y: 0.46 }, { x: 0.72, y: 0.44 }, { x: 0.86, y: 0.93 }, { x: 0.1, y: 0.96 }];
    e.snapshot_url = `/api/v1/events/${e.id}/snapshot`;
    for (const c of e.clips) if (c.state === 'ready' || c.state === 'torn') c.url = `/api/v1/events/${e.id}/clips/${c.part}`;
    this.events.set(e.id, e);
    return e;
  }

  raise(o = {}) {
    const camera = o.camera ?? this.cameras[(this.alerts.size * 5) % this.cameras.length];
    const e = this.event(camera, o);
    const raised = Date.now() - (o.age ?? 0) * 1000;
    const [claim, verdict] = levels[e.priority] ?? [];
    const a = {
      id: randomUUID(), seq: 0, edge: camera.edge, edge_name: camera.edge_name, camera: camera.id, camera_name: camera.name, rule: e.rule,
      kind: e.kind, priority: e.priority, condition: e.state === 'open' ? 'active' : 'cleared', work: 'unclaimed', event: e.id, events: [e.id],
      count: 1, raised: iso(raised), last_seen: e.end ?? iso(Date.now()), class: e.class, score: e.score,
      ...(claim === undefined ? {} : { claim_by: iso(raised + claim * 1000), verdict_by: iso(raised + verdict * 1000) }),
      snapshot_url: e.snapshot_url, clip_parts: e.clips.filter((c) => c.url !== undefined).length,
    };
    if (o.picture === false) { delete e.snapshot_url; delete a.snapshot_url; }
    e.alert = a.id;
    this.alerts.set(a.id, a);
    this.history.set(a.id, [{ at: a.raised, actor: '', action: 'raise', from: 'unclaimed', to: 'unclaimed' }]);
    this.changed('alert', a);
    return a;
  }

  // fold lets the same thing happen once more.
  fold(id) {
    const a = this.alerts.get(id);
    const camera = this.cameras.find((c) => c.id === a.camera) ?? this.cameras[0];
    const e = this.event(camera, { kind: a.kind, priority: a.priority });
    e.alert = id;
    a.events.push(e.id);
    a.count++;
    a.last_seen = iso(Date.now());
    this.step(a, 'fold', a.work);
  }

  // clipArrives makes the first writing part of an alert's first event playable.
  clipArrives(id) {
    const a = this.alerts.get(id);
    const e = this.events.get(a.event);
    const c = e.clips.find((x) => x.state === 'writing');
    if (c === undefined) return;
    c.state = 'ready';
    c.url = `/api/v1/events/${e.id}/clips/${c.part}`;
    this.changed('clip', { event: e.id, part: c.part, state: c.state, alert: id, clip: c });
    a.clip_parts++;
    this.changed('alert', a);
  }
}

function reasons(kind) {
  const score = { name: 'score', value: 0.87, threshold: 0.6 };
  if (kind === 'loitering') return [score, { name: 'dwell_s', value: 31.4, threshold: 30 }];
  if (kind === 'fall') return [score, { name: 'down_s', value: 12.4, threshold: 2 }, { name: 'seen_lying_s', value: 9.1 }, { name: 'head_drop_part', value: 0.62, threshold: 0.35 }];
  if (kind === 'fire') return [score, { name: 'present_s', value: 8.6, threshold: 8.5 }, { name: 'seen_part', value: 0.94, threshold: 0.6 }];
  if (kind === 'abandonment') return [score, { name: 'alone_s', value: 6.2, threshold: 4 }, { name: 'owner_m', value: 5.4, threshold: 2 }];
  if (kind === 'crowd') return [score, { name: 'people_per_m2', value: 3.2, threshold: 3 }, { name: 'level', value: 2, threshold: 3 }, { name: 'area_m2', value: 20 }, { name: 'people', value: 64 }];
  return kind === 'intrusion' ? [score, { name: 'inside_s', value: 2, threshold: 1 }] : [score];
}

function clipsOf(make, begin) {
  const part = (n, state, at, seconds, file, codec = 'avc1.42c01f') =>
    ({ part: n, state, bytes: 900_000, start: iso(begin + at * 1000), duration_us: seconds * 1e6, codec, file });
  switch (make) {
    case 'none': return [];
    case 'writing': return [part(0, 'writing', 0, clipSeconds, 'whole.mp4')];
    case 'parts': return [part(0, 'ready', 0, 12, 'first.mp4'), part(1, 'writing', 12, 12, 'second.mp4')];
    case 'two': return [part(0, 'ready', 0, 12, 'first.mp4'), part(1, 'ready', 12, 12, 'second.mp4')];
    case 'torn': return [part(0, 'torn', 0, 12, 'first.mp4')];
    case 'evicted': return [part(0, 'evicted', 0, clipSeconds, 'whole.mp4')];
    case 'failed': return [part(0, 'failed', 0, 0, 'whole.mp4')];
    case 'h265': return [part(0, 'ready', 0, 4, 'h265.mp4', 'hvc1.1.6.L60.90')];
  }
  return [part(0, 'ready', 0, clipSeconds, 'whole.mp4')];
}

// fill makes the world of a scenario.
export function fill(name) {
  const world = new World(name === 'none' ? 0 : name === 'quiet' ? 12 : 26);
  const mix = ['high', 'medium', 'medium', 'low', 'high'];
  const kinds = ['intrusion', 'line-crossing', 'loitering', 'line-crossing', 'intrusion'];
  const classes = ['person', 'car', 'person', 'truck', 'person'];
  const many = (n, spread) => {
    for (let i = 0; i < n; i++) world.raise({ priority: mix[i % 5], kind: kinds[i % 5], cls: classes[i % 5], age: 4 + i * spread, clips: i % 3 === 0 ? 'two' : 'whole' });
  };
  switch (name) {
    case 'busy': {
      many(7, 21);
      const a = world.raise({ priority: 'critical', age: 7, open: true, clips: 'writing' });
      world.fold(a.id);
      world.step([...world.alerts.values()][1], 'claim', 'claimed', { username: 'lee', name: '이수민' });
      closeSome(world, 4);
      world.letters = letters();
      break;
    }
    case 'flood': many(200, 2); break;
    case 'huge': many(10_000, 1); break;
    case 'critical': world.raise({ priority: 'critical', age: 2 }); break;
    case 'stale': many(3, 40); silence(world); break;
    case 'failed': many(2, 30); breakCameras(world); break;
    case 'clips':
      for (const clips of ['torn', 'evicted', 'failed', 'h265', 'writing', 'parts', 'none']) world.raise({ clips, age: 200 });
      break;
  }
  return world;
}

function letters() {
  const buried = iso(Date.now() - 3600_000);
  const id = randomUUID();
  return [
    { id: `${id}.2`, source: 'archive', event: id, revision: 2, edge: 'edge-01', edge_name: '성내 1호', received: buried, buried, deliveries: 5, reason: 'the event names the rule "gate-3", which its camera does not have' },
    { id: '1763712000000-0', source: 'queue', buried, deliveries: 5, reason: 'k: no event ID', entry: '["x","1"]' },
  ];
}

function closeSome(world, n) {
  const verdicts = ['false-animal', 'real-minor', 'false-shadow', 'duplicate'];
  for (let i = 0; i < n; i++) {
    const a = world.raise({ priority: 'medium', kind: 'loitering', age: 900 + 300 * i });
    a.verdict = verdicts[i % 4];
    a.closed_at = iso(Date.now() - 600_000 + i * 1000);
    world.events.get(a.event).verdict = a.verdict;
    world.step(a, 'verdict', 'closed', { username: 'kim', name: '김하늘' }, { verdict: a.verdict });
    a.owner = 'kim'; a.owner_name = '김하늘';
  }
}

function silence(world) {
  for (const c of world.cameras) {
    if (c.edge !== 'edge-02') continue;
    Object.assign(c, { edge_online: false, state: 'offline', code: 'edge-silent', reason: 'the edge has not reported: check its power and network', fps: 0, infer_ps: 0, still_at: iso(Date.now() - 190_000) });
  }
}

function breakCameras(world) {
  const bad = [
    ['offline', 'unreachable', 'dial tcp 10.0.4.17:554: connect: no route to host'], ['denied', 'wrong-password', 'the camera answered 401 to digest login as "viewer"'],
    ['denied', 'basic-refused', ''], ['busy', 'busy', '453 Not Enough Bandwidth'], ['failed', 'no-video', 'the description offers only audio'],
    ['waiting-key', 'no-parameter-sets', ''], ['offline', 'silent', 'no decodable picture for 10 s'], ['starting', '', ''], ['failed', 'not-found', '404 Not Found'],
  ];
  bad.forEach(([state, code, reason], i) => Object.assign(world.cameras[i], { state, code, reason, fps: 0, infer_ps: 0, has_still: i % 2 === 0, still_at: iso(Date.now() - 60_000 * (i + 1)) }));
}
