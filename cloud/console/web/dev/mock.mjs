// A server for developing and testing the console without the real one: the same API over a
// made-up world. `node dev/mock.mjs [--port 8090] [--scenario busy]`; browser tests start it
// in their own process and play the world's part.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LiveRoom } from './live.mjs';
import { makeMedia } from './media.mjs';
import { SetupRoom } from './setup.mjs';
import { fill } from './world.mjs';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8',
};
// The same policy as the real server's (cloud/auth), so that what it forbids fails here too.
const policy = "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const people = {
  kim: { username: 'kim', name: '김하늘', role: 'admin' },
  lee: { username: 'lee', name: '이수민', role: 'operator' },
};
export const password = 'mock-password';

class Refusal extends Error {
  constructor(status, code, message, more = {}) {
    super(message);
    Object.assign(this, { status, code, more });
  }
}

// Mock is the server. Its world may be changed at any time; what changes goes to all streams.
export class Mock {
  sessions = new Map(); // cookie → user
  streams = new Set();
  requests = []; // "METHOD path" of every API request
  setupNeeded = false;
  dead = false; // connections are cut, as by a server that is gone
  silent = false; // pings stop, as on a half-open connection

  constructor(scenario) {
    this.play(scenario);
    this.server = createServer((req, res) => this.answer(req, res));
    this.server.on('upgrade', (req, socket, head) => this.upgrade(req, socket, head));
    this.pinger = setInterval(() => this.ping(), 1000);
  }

  // play begins a scenario anew; streams are told to load everything.
  play(scenario) {
    this.world = fill(scenario);
    this.world.listeners.add((c) => this.send(c));
    for (const s of this.streams) s.write(`id: ${this.world.seq}\nevent: reset\ndata: {"seq":${this.world.seq}}\n\n`);
  }

  async start(port = 0) {
    this.media = await makeMedia();
    this.live = new LiveRoom(this.media, () => this.world);
    this.setup = new SetupRoom(() => this.world, this.media);
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async stop() {
    clearInterval(this.pinger);
    this.live.stop();
    this.cut();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  // session signs somebody in without the form; it gives the cookie's value.
  session(who = 'kim') {
    const secret = `mock-${who}-${this.sessions.size}`;
    this.sessions.set(secret, people[who]);
    return secret;
  }

  cut() {
    for (const s of this.streams) s.destroy();
    this.streams.clear();
  }

  die() {
    this.dead = true;
    this.cut();
    this.live.cut();
    this.server.closeAllConnections();
  }

  revive() { this.dead = false; }

  // upgrade is for live views, the only WebSockets there are.
  upgrade(req, socket, head) {
    if (this.dead) return void socket.destroy();
    this.live.upgrade(req, socket, head, this.userOf(req));
  }

  secretOf(req) { return /bongsu_session=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]; }
  userOf(req) { return this.sessions.get(this.secretOf(req)); }

  ping() {
    if (this.silent) return;
    for (const s of this.streams) s.write('event: ping\ndata: {}\n\n');
    if (!this.quietCameras) this.sendCameras();
  }

  sendCameras() {
    for (const c of this.world.cameras) {
      if (!c.edge_online || c.state !== 'live') continue;
      c.last_report = new Date().toISOString();
      if (Date.now() - Date.parse(c.still_at) > 10_000) c.still_at = c.last_report;
    }
    const data = JSON.stringify({ cameras: this.world.cameras });
    for (const s of this.streams) s.write(`event: cameras\ndata: ${data}\n\n`);
  }

  send(c) {
    for (const s of this.streams) s.write(`id: ${c.seq}\nevent: ${c.kind}\ndata: ${c.data}\n\n`);
  }

  async answer(req, res) {
    const url = new URL(req.url, 'http://mock');
    if (this.dead) return void req.socket.destroy();
    res.setHeader('Content-Security-Policy', policy);
    res.setHeader('X-Content-Type-Options', 'nosniff');
    try {
      if (url.pathname.startsWith('/mock/')) return await this.control(url, req, res);
      if (!url.pathname.startsWith('/api/')) return await this.file(url.pathname, res);
      this.requests.push(`${req.method} ${url.pathname}`);
      await this.api(req, res, url);
    } catch (err) {
      const { status = 500, code = 'internal', more = {}, fields } = err;
      json(res, status, { error: { code, message: err.message, fields }, ...more });
    }
  }

  async file(path, res) {
    const name = extname(path) === '' ? 'index.html' : normalize(path).replace(/^[/.]+/, '');
    const data = await readFile(join(dist, name)).catch(() => undefined);
    if (data === undefined) return void res.writeHead(404).end();
    res.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream', 'Cache-Control': 'no-cache' }).end(data);
  }

  // control is for the hand of who develops: /mock/raise?priority=critical, /mock/play?scenario=flood, …
  async control(url, req, res) {
    const o = Object.fromEntries(url.searchParams);
    const latest = [...this.world.alerts.keys()].at(-1);
    switch (url.pathname) {
      case '/mock/play': this.play(o.scenario); break;
      case '/mock/raise': this.world.raise(o); break;
      case '/mock/clip': this.world.clipArrives(o.alert ?? latest); break;
      case '/mock/fold': this.world.fold(o.alert ?? latest); break;
      case '/mock/live': this.live.turn(o.camera, liveKnobs(o)); break;
      case '/mock/expire': this.sessions.clear(); this.cut(); break;
      case '/mock/die': this.die(); setTimeout(() => this.revive(), Number(o.seconds ?? 10) * 1000); break;
      case '/mock/in': res.setHeader('Set-Cookie', `bongsu_session=${this.session(o.user)}; Path=/; HttpOnly`); break;
      default: throw new Refusal(404, 'not_found', 'play, raise, clip, fold, live, expire, die or in');
    }
    if (!res.destroyed) json(res, 200, { seq: this.world.seq });
  }

  async api(req, res, url) {
    const path = url.pathname.replace('/api/v1', '');
    const secret = this.secretOf(req);
    const user = this.userOf(req);
    const changes = req.method !== 'GET';
    if (changes && req.headers['x-bongsu-request'] !== '1') throw new Refusal(403, 'forbidden', 'the header X-Bongsu-Request is missing');
    const body = changes ? await readBody(req) : {};
    if (await this.door(req, res, path, body, secret)) return;
    if (user === undefined) throw new Refusal(401, 'unauthorized', 'log in first');
    if (path === '/me') return json(res, 200, { user, version: 'mock' });
    if (path === '/stream') return this.stream(req, res, url);
    if (path === '/cameras') return json(res, 200, { cameras: this.world.cameras });
    if (path.endsWith('/still')) return this.still(res, path);
    if (path.startsWith('/alerts')) return this.alerts(req, res, url, path, body, user);
    if (path.startsWith('/events')) return this.events(req, res, url, path);
    if (/^\/edges\/[^/]+\/(setup|probe)/.test(path) && (!changes || user.role === 'admin')) return json(res, 200, await this.setup.answer(req.method, path, url, body));
    if (user.role !== 'admin') throw new Refusal(403, 'forbidden', 'only administrators may do that');
    return this.admin(req, res, path, body);
  }

  // door lets people in and out; true when it answered.
  async door(req, res, path, body, secret) {
    if (path === '/setup' && req.method === 'GET') return json(res, 200, { needed: this.setupNeeded });
    if (path === '/setup') {
      if (body.code !== 'mock-code') throw new Refusal(401, 'unauthorized', 'the set-up code is wrong');
      this.setupNeeded = false;
      res.setHeader('Set-Cookie', `bongsu_session=${this.session('kim')}; Path=/; HttpOnly`);
      res.writeHead(204).end();
      return true;
    }
    if (path === '/login') {
      if (people[body.username] === undefined || body.password !== password) throw new Refusal(401, 'unauthorized', 'wrong user or password');
      res.setHeader('Set-Cookie', `bongsu_session=${this.session(body.username)}; Path=/; HttpOnly`);
      return json(res, 200, { user: people[body.username] });
    }
    if (path !== '/logout') return false;
    this.sessions.delete(secret);
    res.writeHead(204).end();
    return true;
  }

  stream(req, res, url) {
    const after = Number(req.headers['last-event-id'] ?? url.searchParams.get('after') ?? 0);
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    const hello = { seq: after, version: 'mock', now: new Date().toISOString() };
    res.write(`id: ${after}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    if (after > this.world.seq) res.write(`id: ${this.world.seq}\nevent: reset\ndata: {}\n\n`);
    for (const c of this.world.changes) if (c.seq > after) res.write(`id: ${c.seq}\nevent: ${c.kind}\ndata: ${c.data}\n\n`);
    this.streams.add(res);
    res.on('close', () => this.streams.delete(res));
  }

  still(res, path) {
    const i = this.world.cameras.findIndex((c) => path === `/cameras/${c.edge}/${c.id}/still`);
    if (i < 0) throw new Refusal(404, 'not_found', 'there is no such camera');
    res.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(this.media[`still-${i % 3}.jpg`]);
  }

  alerts(req, res, url, path, body, user) {
    const [, , id, action] = path.split('/');
    if (id === undefined) return this.alertList(res, url);
    const a = this.world.alerts.get(id);
    if (a === undefined) throw new Refusal(404, 'not_found', `there is no alert "${id}"`);
    if (action === undefined) return json(res, 200, { ...a, event_list: a.events.map((e) => this.world.events.get(e)), history: this.world.history.get(id) });
    this.act(a, action, body, user);
    return json(res, 200, a);
  }

  alertList(res, url) {
    const state = url.searchParams.get('state') ?? 'open';
    const from = Number(url.searchParams.get('after') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? 200);
    const all = [...this.world.alerts.values()].filter((a) => state === 'all' || (state === 'closed') === (a.work === 'closed'));
    return json(res, 200, { alerts: all.slice(from, from + limit), seq: this.world.seq, ...nextOf(from + limit, all) });
  }

  act(a, action, body, user) {
    const held = (status, code) => new Refusal(status, code, `alert ${a.id} is held by ${a.owner_name}`, { owner: a.owner, owner_name: a.owner_name });
    const others = a.owner !== undefined && a.owner !== user.username;
    const history = this.world.history.get(a.id);
    const last = history.findLast((h) => h.action !== 'evidence');
    if (action === 'undo') {
      if (last.action !== 'verdict' || last.actor !== user.username) throw new Refusal(409, 'conflict', 'there is no verdict to take back');
      delete a.verdict; delete a.closed_at;
      return this.world.step(a, 'undo', last.from, user);
    }
    if (action === 'evidence' && a.work === 'closed') return undefined;
    if (a.work === 'closed') throw new Refusal(409, 'conflict', `alert ${a.id} was closed by ${a.owner}`);
    switch (action) {
      case 'claim':
        if (others) throw held(409, 'conflict');
        return a.owner === undefined ? this.world.step(a, 'claim', 'claimed', user) : undefined;
      case 'release':
        if (others && user.role !== 'admin') throw held(403, 'forbidden');
        return this.world.step(a, 'release', 'unclaimed', user);
      case 'evidence':
        return this.world.step(a, 'evidence', a.work === 'claimed' && !others ? 'reviewing' : a.work, user);
      case 'verdict':
        if (!history.some((h) => h.action === 'evidence' && h.actor === user.username)) throw new Refusal(409, 'conflict', 'open its evidence before you judge it');
        if (others && user.role !== 'admin') throw held(403, 'forbidden');
        return this.judge(a, body, user);
    }
    throw new Refusal(404, 'not_found', action);
  }

  judge(a, body, user) {
    if (a.owner === undefined) this.world.step(a, 'claim', 'claimed', user);
    a.verdict = body.verdict;
    for (const id of a.events) this.world.events.get(id).verdict = body.verdict;
    const to = body.verdict === 'real-dispatch' && a.work !== 'confirmed' ? 'confirmed' : 'closed';
    if (to === 'closed') a.closed_at = new Date().toISOString();
    this.world.step(a, 'verdict', to, user, { verdict: body.verdict, note: body.note });
  }

  events(req, res, url, path) {
    const [, , id, what, part] = path.split('/');
    if (path === '/events.csv') return void res.writeHead(200, { 'Content-Type': 'text/csv' }).end('id\r\n');
    if (id === undefined) return this.eventList(res, url.searchParams);
    const e = this.world.events.get(id);
    if (e === undefined) throw new Refusal(404, 'not_found', `there is no event "${id}"`);
    if (what === undefined) return json(res, 200, e);
    if (what === 'snapshot') return void res.writeHead(200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'private, max-age=60' }).end(this.media['snapshot.jpg']);
    const clip = e.clips.find((c) => String(c.part) === part && c.url !== undefined);
    if (clip === undefined) throw new Refusal(404, 'not_found', 'there is no such clip part');
    return ranged(req, res, this.media[clip.file]);
  }

  eventList(res, q) {
    const unjudged = q.get('verdict') === 'none';
    const all = [...this.world.events.values()].filter((e) => (!q.get('camera') || e.camera === q.get('camera'))
      && (!q.get('kind') || e.kind === q.get('kind')) && (!q.get('verdict') || (unjudged ? e.verdict === undefined : e.verdict === q.get('verdict')))
      && (!q.get('from') || e.start >= q.get('from')) && (!q.get('to') || e.start < q.get('to'))).sort((a, b) => (a.start < b.start ? 1 : -1));
    const from = Number(q.get('after') ?? 0);
    const limit = Number(q.get('limit') ?? 100);
    return json(res, 200, { events: all.slice(from, from + limit), ...nextOf(from + limit, all) });
  }

  letters(res, path) {
    const [, , id, action] = path.split('/');
    if (id === undefined) return json(res, 200, { letters: this.world.letters, total: this.world.letters.filter((l) => l.source === 'archive').length });
    const at = this.world.letters.findIndex((l) => l.id === decodeURIComponent(id));
    if (at < 0) throw new Refusal(404, 'not_found', 'there is no such dead letter');
    this.world.audit.push({ seq: this.world.audit.length + 1, at: new Date().toISOString(), actor: 'kim', client: '127.0.0.1', action: `letter.${action}`, target: `letter ${id}`, detail: '', hash: 'aa' });
    this.world.letters.splice(at, 1);
    res.writeHead(204).end();
    return true;
  }

  admin(req, res, path, body) {
    if (path.startsWith('/deadletters')) return this.letters(res, path);
    const at = new Date().toISOString();
    switch (path) {
      case '/edges': return json(res, 200, { edges: ['edge-01', 'edge-02'].map((id, i) => ({ id, name: ['성내 1호', '행복 2호'][i], enrolled: at, last_seen: at, online: i === 0, disabled: false, version: '0.1.0', pending: { events: i * 12, clips: i * 4, clip_bytes: 0, clips_evicted: 0 } })) });
      case '/edges/tokens': return json(res, 200, { token: 'bse_mock_7Qm2xT9rKcYw', expires: new Date(Date.now() + 3600_000).toISOString() });
      case '/users': return req.method === 'POST' ? json(res, 200, { ...body, created: at, disabled: false }) : json(res, 200, { users: Object.values(people).map((p) => ({ ...p, created: at, disabled: false })) });
      case '/audit': return json(res, 200, { records: [...this.world.audit].reverse().slice(0, 200) });
    }
    throw new Refusal(404, 'not_found', path);
  }
}

// liveKnobs reads /mock/live?camera=edge-01/cam-731&age=6000, &frozen=1, &h265=1, &state=waiting&code=camera-offline.
function liveKnobs(o) {
  return {
    ...(o.age === undefined ? {} : { ageMs: Number(o.age) }), ...(o.frozen === undefined ? {} : { frozen: o.frozen === '1' }),
    ...(o.h265 === undefined ? {} : { h265: o.h265 === '1' }), ...(o.state === undefined ? {} : { state: { state: o.state, code: o.code } }),
  };
}

function json(res, status, v) {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(v));
  return true;
}

// nextOf is absent after the last page, as the real server has it.
function nextOf(end, all) {
  return end < all.length ? { next: String(end) } : {};
}

async function readBody(req) {
  let text = '';
  for await (const chunk of req) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}

// ranged answers with the bytes asked for, as players want them.
function ranged(req, res, data) {
  const m = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
  const from = m === null ? 0 : Number(m[1]);
  const to = m === null || m[2] === '' ? data.length - 1 : Math.min(Number(m[2]), data.length - 1);
  res.writeHead(m === null ? 200 : 206, {
    'Content-Type': 'video/mp4', 'Accept-Ranges': 'bytes', 'Content-Length': to - from + 1,
    ...(m === null ? {} : { 'Content-Range': `bytes ${from}-${to}/${data.length}` }),
  }).end(data.subarray(from, to + 1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
  const mock = await new Mock(option('--scenario', 'busy')).start(Number(option('--port', 8090)));
  console.log(`${mock.url}  (kim or lee, password ${password}; ${mock.url}/mock/in signs in; /mock/raise, /mock/play?scenario=flood ...)`);
}
