import { accessible, assert, cards, id, inPage, play, until } from './stage.mjs';

const ids = (page) => cards(page).evaluateAll((list) => list.map((c) => c.dataset.alert));

play('the server dies: stale at once; it returns: nothing is missed and nothing comes twice', { scenario: 'clips' }, async ({ page, mock, world }) => {
  await page.locator(id('queue-card')).first().waitFor();
  const before = await ids(page);
  mock.die();
  await page.locator(id('stale-badge')).waitFor({ timeout: 2000 });
  const a = world.raise({ priority: 'critical' });
  const b = world.raise({ priority: 'low' });
  await page.waitForTimeout(1200);
  assert.deepEqual(await ids(page), before);
  mock.revive();
  await page.locator(`[data-alert="${a.id}"]`).waitFor({ timeout: 3500 });
  await page.locator(id('stale-badge')).waitFor({ state: 'detached' });
  const after = await ids(page);
  assert.equal(new Set(after).size, after.length);
  assert.ok(after.includes(b.id) && after.length === before.length + 2);
});

play('a connection that only looks alive is noticed', { scenario: 'critical' }, async ({ page, mock }) => {
  await page.locator(id('queue-card')).waitFor();
  mock.silent = true;
  await page.locator(id('stale-badge')).waitFor({ timeout: 7500 });
  mock.silent = false;
  await page.locator(id('stale-badge')).waitFor({ state: 'detached' });
});

play('a reset loads everything anew', { scenario: 'critical' }, async ({ page, mock }) => {
  await page.locator(id('queue-card')).waitFor();
  const [old] = await ids(page);
  mock.play('clips');
  await page.locator(`[data-alert="${old}"]`).waitFor({ state: 'detached' });
  await until('seven cards', async () => (await cards(page).count()) === 7);
});

play('the session ends: the door; who comes back finds the same page', { path: '/cameras' }, async ({ page, mock }) => {
  await page.locator(id('camera-card')).first().waitFor();
  mock.sessions.clear();
  mock.cut();
  await page.locator(id('login-user')).waitFor();
  assert.equal(await page.locator('img').count(), 0);
  await page.fill(id('login-user'), 'kim');
  await page.fill(id('login-password'), 'wrong');
  await page.keyboard.press('Enter');
  await page.locator('[role=alert]').waitFor();
  await page.fill(id('login-password'), 'mock-password');
  await page.keyboard.press('Enter');
  await page.locator(id('camera-card')).first().waitFor();
  assert.equal(new URL(page.url()).pathname, '/cameras');
});

play('first start: the set-up code makes the first administrator', { out: true, setup: true }, async ({ page }) => {
  await page.fill(id('setup-code'), 'mock-code');
  await page.fill(id('login-user'), 'kim');
  await page.fill('[name=name]', '김하늘');
  await page.fill(id('login-password'), 'a long password');
  await page.click(id('login-submit'));
  await page.locator(id('queue-list')).waitFor();
});

play('a clip that arrives late takes the place of the still; later parts disturb nothing', { scenario: 'quiet' }, async ({ page, world }) => {
  const a = world.raise({ clips: 'writing', priority: 'high' });
  await page.click(id('queue-card'));
  await page.locator(id('evidence-still')).waitFor();
  world.clipArrives(a.id);
  await page.locator(id('evidence-video')).waitFor();
  const b = world.raise({ clips: 'parts', priority: 'critical' });
  await page.click(`[data-alert="${b.id}"]`);
  await page.locator(`video[src*="${b.event}"]`).waitFor();
  await page.keyboard.press(']');
  await inPage(page, () => { const v = document.querySelector('video'); return v !== null && v.currentTime > 9.8; });
  await page.evaluate(() => { document.querySelector('video').dataset.mark = 'same'; });
  world.clipArrives(b.id);
  world.fold(b.id);
  await inPage(page, () => document.querySelector('.figures').textContent.includes('0:24'));
  assert.equal(await page.evaluate(() => document.querySelector('video').dataset.mark), 'same');
  assert.ok(await page.evaluate(() => document.querySelector('video').currentTime > 9.8));
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press(']');
  await inPage(page, () => { const v = document.querySelector('video'); return v.dataset.mark === undefined && v.src.endsWith('/1') && v.currentTime > 7; });
});

play('box, zone and picture lie on one another', { scenario: 'critical', size: { width: 1920, height: 1080 } }, async ({ page }) => {
  await page.click(id('queue-card'));
  await page.locator(id('evidence-video')).waitFor();
  await inPage(page, () => document.querySelector('video').readyState >= 2);
  await page.keyboard.press('Space');
  await page.evaluate(() => { const v = document.querySelector('video'); v.pause(); v.currentTime = 11; });
  await inPage(page, () => !document.querySelector('video').seeking && document.querySelector('.figures').textContent.startsWith('0:11'));
  // The figure is the only bright thing of the scene: its edges in the picture are those of the box.
  const measure = () => {
    const v = document.querySelector('video');
    const c = document.createElement('canvas');
    [c.width, c.height] = [v.videoWidth, v.videoHeight];
    const g = c.getContext('2d');
    g.drawImage(v, 0, 0);
    const { data } = g.getImageData(0, 0, c.width, c.height);
    let [x0, y0, x1, y1] = [c.width, c.height, 0, 0];
    for (let y = 0; y < c.height; y += 1) {
      for (let x = 0; x < c.width; x += 1) {
        if (data[4 * (y * c.width + x)] < 150) continue;
        x0 = Math.min(x0, x); x1 = Math.max(x1, x + 1); y0 = Math.min(y0, y); y1 = Math.max(y1, y + 1);
      }
    }
    const room = v.getBoundingClientRect();
    const k = Math.min(room.width / c.width, room.height / c.height);
    const left = room.left + (room.width - c.width * k) / 2;
    const top = room.top + (room.height - c.height * k) / 2;
    const box = document.querySelector('[data-testid=box]').getBoundingClientRect();
    return Math.max(Math.abs(left + x0 * k - box.left), Math.abs(left + x1 * k - box.right), Math.abs(top + y0 * k - box.top), Math.abs(top + y1 * k - box.bottom));
  };
  // The drawing follows the picture by a frame of the page.
  await until('box and figure less than 6 pixels apart', async () => (await page.evaluate(measure)) < 6);
  await page.keyboard.press('b');
  await page.locator(id('box')).waitFor({ state: 'detached' });
});

play('each kind of missing clip is said in words', { scenario: 'clips' }, async ({ page }) => {
  await page.locator(id('queue-card')).first().waitFor();
  const said = new Set();
  for (let i = 0; i < 7; i++) {
    await page.keyboard.press('ArrowDown');
    await page.locator(id('why')).waitFor();
    await page.locator(`${id('evidence-video')}, ${id('evidence-still')}`).first().waitFor();
    const note = await page.locator(id('clip-note')).first().textContent({ timeout: 700 }).catch(() => '');
    if (note) said.add(note);
  }
  assert.ok(said.size >= 4, [...said].join(' / ')); // torn, evicted, failed, writing; H.265 where it cannot be played
});

// listen counts the notes that are played.
function listen() {
  window.rung = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...a) { window.rung++; return start.apply(this, a); };
}

// What a test evaluates counts as a gesture for the browser: nothing is before the page has asked
// for sound and was refused, which it does before it follows the server.
play('sound: a bar while the browser blocks it, gone after a gesture; F9 mutes for a minute', { scenario: 'critical', init: listen, untouched: true }, async ({ page, mock }) => {
  await until('the page follows the server', () => mock.requests.some((r) => r.startsWith('GET /api/v1/stream')), 12_000);
  await page.locator(id('sound-bar')).waitFor();
  await page.click(`${id('sound-bar')} button`);
  await page.locator(id('sound-bar')).waitFor({ state: 'detached' });
  await inPage(page, () => window.rung >= 8); // it repeats
  await page.keyboard.press('F9');
  await page.locator(id('muted')).waitFor();
  await page.keyboard.press('F9');
  await page.locator(id('muted')).waitFor({ state: 'detached' });
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('a');
  await page.locator(id('release')).waitFor();
  const rung = await page.evaluate(() => window.rung);
  await page.waitForTimeout(4300);
  assert.equal(await page.evaluate(() => window.rung), rung);
});

play('ten minutes without a hand: pictures are hidden and live views end, sound goes on; the password opens', { path: '/wall?n=4&c=edge-01/cam-731' }, async ({ page, mock, world }) => {
  await page.locator('[data-testid=live][data-show=live]').waitFor();
  await page.clock.install();
  await page.clock.fastForward('10:05');
  await page.locator(id('lock')).waitFor();
  assert.equal(await page.locator('img, video, .nav').count(), 0);
  await until('no live view is left', () => mock.live.viewers.size === 0);
  world.raise({ priority: 'critical' });
  await inPage(page, () => /긴급 *[1-9]/.test(document.querySelector('.waiting').textContent));
  await accessible(page, 'lock');
  await page.reload();
  await page.fill(id('lock-password'), 'wrong');
  await page.keyboard.press('Enter');
  await page.locator('[role=alert]').waitFor();
  await page.fill(id('lock-password'), 'mock-password');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=live][data-show=live]').waitFor();
});

play('the queue is loaded once, page by page', { scenario: 'huge' }, async ({ page, mock }) => {
  await inPage(page, () => document.querySelector('[data-testid=filter-unclaimed] b')?.textContent === '10000');
  await page.waitForTimeout(500);
  assert.equal(mock.requests.filter((r) => r === 'GET /api/v1/alerts').length, 11); // ten pages, and the closed ones
});
