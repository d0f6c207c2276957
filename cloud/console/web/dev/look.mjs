// Takes pictures of the pages over the mock, to be looked at by people:
// node dev/look.mjs FOLDER [name-part…]. Needs Chromium (CHROMIUM names it, else /usr/bin/chromium).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { Mock } from './mock.mjs';

const [, , out = '/tmp/bongsu-look', ...only] = process.argv;
const sizes = { 1920: { width: 1920, height: 1080 }, 1366: { width: 1366, height: 768 }, 1280: { width: 1280, height: 720 } };
const key = (k) => (page) => page.keyboard.press(k);
const wait = (ms) => (page) => page.waitForTimeout(ms);
const seek = (page) => page.evaluate(() => { const v = document.querySelector('video'); if (v) { v.pause(); v.currentTime = 11; } }).then(() => page.waitForTimeout(400));
const open = [key('ArrowDown'), wait(900), seek];
// trouble shows each state that a live tile can be in.
const trouble = (_, m) => {
  const knobs = [['edge-01/cam-733', { ageMs: 3200 }], ['edge-02/cam-734', { ageMs: 7400 }], ['edge-01/cam-735', { h265: true }], ['edge-02/cam-736', { state: { state: 'waiting', code: 'camera-offline' } }],
    ['edge-01/cam-737', { refuse: 'refused' }], ['edge-02/cam-738', { state: { state: 'waiting', code: 'waiting-keyframe' } }], ['edge-01/cam-739', { tainted: true }]];
  for (const [c, k] of knobs) m.live.turn(c, k);
  m.live.cut();
};
const type = (what, text) => (page) => page.fill(`[data-testid=${what}]`, text);
const press = (what) => (page) => page.click(`[data-testid="${what}"]`);
// at clicks places of the board, in parts of its picture.
const at = (...points) => async (page) => {
  const r = await page.locator('[data-testid=board]').boundingBox();
  for (const [x, y] of points) await page.mouse.click(r.x + x * r.width, r.y + y * r.height);
};
const probe = [(p) => p.locator("[data-testid=cam-url]:not([disabled])").waitFor(), wait(300), type('cam-url', 'rtsp://10.0.4.31/gate'), type('cam-user', 'viewer'), type('cam-password', 'secret'), press('probe'), (p) => p.locator('[data-is=good]').waitFor()];
const toRules = [...probe, press('next'), type('cam-name', '정문 주차장'), press('next'), wait(200)];
const drawn = [...toRules, press('add-intrusion'), at([0.1, 0.95], [0.2, 0.46], [0.72, 0.44], [0.9, 0.93]), key('Enter'), wait(200)];
const looks = [
  { name: 'add-start', scenario: 'busy', path: '/cameras/new', steps: [wait(300)] },
  { name: 'add-pasted', scenario: 'busy', path: '/cameras/new', steps: [wait(300), type('cam-url', 'rtsp://admin:p@ss@10.0.4.31/x'), press('probe'), wait(120)] },
  { name: 'add-bad', scenario: 'busy', path: '/cameras/new', steps: [wait(300), type('cam-url', 'rtsp://10.0.4.31/basic-refused'), press('probe'), (p) => p.locator('[data-is=bad]').waitFor()] },
  { name: 'add-wrong', scenario: 'busy', path: '/cameras/new', steps: [wait(300), type('cam-url', '10.0.4.31'), type('cam-user', 'viewer'), press('next'), wait(200)] },
  { name: 'add-good', scenario: 'busy', path: '/cameras/new', steps: probe },
  { name: 'add-name', scenario: 'busy', path: '/cameras/new', steps: [...probe, press('next'), wait(200)] },
  { name: 'add-drawing', scenario: 'busy', path: '/cameras/new', steps: [...toRules, press('add-intrusion'), at([0.1, 0.95], [0.2, 0.46], [0.72, 0.44]), async (p) => { const r = await p.locator('[data-testid=board]').boundingBox(); await p.mouse.move(r.x + 0.85 * r.width, r.y + 0.8 * r.height); }, wait(200)] },
  { name: 'add-drawn', scenario: 'busy', path: '/cameras/new', steps: drawn },
  { name: 'add-crossed', scenario: 'busy', path: '/cameras/new', steps: [...toRules, press('add-intrusion'), at([0.1, 0.9], [0.7, 0.5], [0.7, 0.9], [0.1, 0.5]), key('Enter'), wait(200)] },
  { name: 'add-line', scenario: 'busy', path: '/cameras/new', steps: [...drawn, press('add-line-crossing'), at([0.45, 0.9], [0.5, 0.5]), press('direction-right-to-left'), wait(200)] },
  { name: 'kinds', scenario: 'busy', path: '/cameras/new', steps: [...toRules, press('add-wrong-way'), at([0.1, 0.95], [0.2, 0.46], [0.72, 0.44], [0.9, 0.93]), key('Enter'), wait(200)] },
  { name: 'kinds-night', scenario: 'busy', path: '/cameras/new', steps: [...toRules, press('add-closed-area'), at([0.1, 0.95], [0.2, 0.46], [0.72, 0.44], [0.9, 0.93]), key('Enter'), wait(200)] },
  { name: 'kinds-crowd', scenario: 'busy', path: '/cameras/new', steps: [...drawn, press('add-crowd'), at([0.1, 0.95], [0.2, 0.46], [0.72, 0.44], [0.9, 0.93]), key('Enter'), press('ground-camera'), type('rule-per_m2', '2 3 5'), wait(300)] },
  { name: 'ground-camera', scenario: 'busy', path: '/cameras/new', steps: [...drawn, press('ground-camera'), type('ground-height_m', '6'), type('ground-tilt_deg', '32'), wait(300)] },
  { name: 'ground-points', scenario: 'busy', path: '/cameras/new', steps: [...drawn, press('area-add'), at([0.7, 0.05], [0.95, 0.05], [0.95, 0.3]), key('Enter'), press('ground-points'), wait(300)] },
  { name: 'add-alive', scenario: 'busy', path: '/cameras/new', steps: [...drawn, press('save'), wait(7500)] },
  { name: 'edit-fixed', scenario: 'busy', path: '/cameras/edge-01/cam-731/setup', steps: [wait(600)] },
  { name: 'edit-remove', scenario: 'busy', path: '/cameras/edge-01/cam-731/setup', before: (m) => m.setup.manage('edge-01', 'cam-731'), steps: [wait(600), press('camera-remove'), wait(200)] },
  { name: 'edit-conflict', scenario: 'busy', path: '/cameras/edge-01/cam-731/setup', before: (m) => m.setup.manage('edge-01', 'cam-731'), steps: [wait(600), (_, m) => { m.setup.revision++; }, press('save'), wait(600)] },
  { name: 'camera-boxes', scenario: 'busy', path: '/cameras/edge-01/cam-731', steps: [press('show-boxes'), wait(2500)] },
  { name: 'why-fall', scenario: 'quiet', before: (m) => m.world.raise({ kind: 'fall', priority: 'critical', age: 4 }), steps: open },
  { name: 'why-crowd', scenario: 'quiet', before: (m) => m.world.raise({ kind: 'crowd', priority: 'high', age: 4 }), steps: open },
  { name: 'quiet', scenario: 'quiet' }, { name: 'busy', scenario: 'busy', steps: open },
  { name: 'line', scenario: 'busy', steps: [key('ArrowDown'), key('ArrowDown'), key('ArrowDown'), key('ArrowDown'), key('ArrowDown'), key('a'), wait(900), seek] },
  { name: 'choose', scenario: 'busy', steps: [...open, key('a'), wait(300), key('2'), wait(200)] },
  { name: 'toast', scenario: 'busy', steps: [...open, key('2'), key('1'), wait(500)] },
  { name: 'sheet', scenario: 'busy', steps: [key('Shift+Slash'), wait(200)] },
  { name: 'flood', scenario: 'flood', steps: open }, { name: 'critical', scenario: 'critical', steps: open },
  { name: 'clips', scenario: 'clips', steps: open },
  { name: 'stale', scenario: 'stale', steps: [...open, async (p, m) => { m.die(); await p.waitForTimeout(2500); }] },
  { name: 'cameras', scenario: 'failed', path: '/cameras' }, { name: 'cameras-stale', scenario: 'stale', path: '/cameras' },
  { name: 'cameras-none', scenario: 'none', path: '/cameras' },
  { name: 'card-live', scenario: 'busy', steps: [...open, key('l'), wait(1800)] },
  { name: 'camera', scenario: 'busy', path: '/cameras/edge-01/cam-731', steps: [wait(1500)] },
  { name: 'camera-past', scenario: 'busy', path: '/cameras/edge-01/cam-731', steps: [(p) => p.locator('[data-testid=camera-event]').first().click(), wait(1500)] },
  { name: 'wall-4', scenario: 'busy', path: '/wall?n=4&c=edge-01/cam-731,edge-02/cam-732,,edge-01/cam-735', steps: [wait(2000)] },
  { name: 'wall-9', scenario: 'busy', path: `/wall?n=9&c=${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `edge-0${2 - (i % 2)}/cam-73${i}`).join(',')}`, steps: [trouble, wait(4500), key('2')] },
  { name: 'wall-alone', scenario: 'busy', path: '/wall?n=4&c=edge-01/cam-731,edge-02/cam-732', steps: [wait(800), key('1'), wait(200), key('Enter'), wait(1200)] },
  { name: 'events', scenario: 'busy', path: '/events' },
  { name: 'event-open', scenario: 'busy', path: '/events', steps: [(p) => p.locator('[data-testid=event-row]').first().click(), wait(900), seek] },
  { name: 'admin', scenario: 'busy', path: '/admin' }, { name: 'audit', scenario: 'busy', path: '/audit' },
  { name: 'lock', scenario: 'busy', steps: [(p) => p.evaluate(() => localStorage.setItem('bongsu.locked', 'kim')), wait(900)] },
  { name: 'letters', scenario: 'busy', path: '/admin/letters' }, { name: 'letters-sure', scenario: 'busy', path: '/admin/letters', steps: [(p) => p.locator('[data-testid=letter-drop]').first().click(), wait(200)] },
  { name: 'login', scenario: 'busy', out: true }, { name: 'setup', scenario: 'busy', out: true, setup: true },
];

await mkdir(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const look of looks) {
  for (const lang of ['ko', 'en']) {
    for (const theme of ['dark', 'light']) {
      for (const [size, viewport] of Object.entries(sizes)) {
        const name = `${look.name}-${size}-${lang}-${theme}`;
        if (only.length > 0 && !only.some((o) => name.includes(o))) continue;
        await shoot(look, name, lang, theme, viewport);
      }
    }
  }
}
await browser.close();

async function shoot(look, name, lang, theme, viewport) {
  const mock = await new Mock(look.scenario).start();
  mock.setupNeeded = look.setup === true;
  look.before?.(mock);
  const context = await browser.newContext({ viewport });
  if (look.out !== true) await context.addCookies([{ name: 'bongsu_session', value: mock.session(), url: mock.url }]);
  await context.addInitScript(`localStorage.setItem('bongsu.lang', '${lang}'); localStorage.setItem('bongsu.theme', '${theme}')`);
  const page = await context.newPage();
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.log(name, m.text()));
  page.on('pageerror', (e) => console.log(name, String(e)));
  await page.goto(mock.url + (look.path ?? '/'));
  await page.waitForTimeout(1200);
  for (const s of look.steps ?? []) await s(page, mock);
  await page.screenshot({ path: join(out, `${name}.png`) });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  if (wide) console.log(name, 'is wider than the window');
  await context.close();
  await mock.stop();
}
