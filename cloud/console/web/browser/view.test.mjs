import { assert, id, inPage, play, until } from './stage.mjs';

const tile = (camera) => `${id('live')}[data-camera="${camera}"]`;
const showing = (page, camera, show = 'live') => page.locator(`${tile(camera)}[data-show="${show}"]`).waitFor();
const size = { width: 1280, height: 720 };

// moves is true when the figure of the made-up scene has gone on in the picture: not only time.
const moves = (page, camera) => inPage(page, (sel) => {
  const v = document.querySelector(`${sel} video`);
  if (v === null || v.readyState < 2) return false;
  const c = (window.eye ??= document.createElement('canvas'));
  [c.width, c.height] = [v.videoWidth, v.videoHeight];
  const g = c.getContext('2d', { willReadFrequently: true });
  g.drawImage(v, 0, 0);
  const row = g.getImageData(0, Math.round(c.height * 0.6), c.width, 1).data;
  let x = -1;
  for (let i = 0; i < c.width; i++) if (row[4 * i] > 150) x = i;
  const seen = (window.seen ??= {});
  (seen[sel] ??= new Set()).add(x);
  return seen[sel].size >= 5;
}, tile(camera));

play('live beside the evidence: on a key, for this card only, with one connection', { size }, async ({ page, mock, world }) => {
  await page.locator(id('queue-card')).first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.locator(id('evidence')).waitFor();
  assert.equal(mock.live.opened.length, 0); // never by itself
  await page.keyboard.press('l');
  const a = world.alerts.get(await page.locator(`${id('queue-card')}[aria-selected="true"]`).getAttribute('data-alert'));
  await showing(page, a.camera);
  await moves(page, a.camera);
  assert.deepEqual(mock.live.opened, [`${a.edge}/${a.camera}?video`]);
  assert.match(await page.locator(id('live-tag')).textContent(), /^실시간 \d\.\d초$/);
  assert.ok(await page.locator(id('evidence')).isVisible());
  const first = Number(await page.locator(id('live')).getAttribute('data-first-ms'));
  console.log(`figure LIVE: console, first picture over the mock ${first} ms after it was asked for`);
  assert.ok(first > 0);
  await page.click(id('lang'));
  await inPage(page, () => /^Live \d\.\d s$/.test(document.querySelector('[data-testid=live-tag]').textContent));
  await page.locator(id('queue-card')).nth(1).click(); // another card begins without
  await page.locator(id('live')).waitFor({ state: 'detached' });
  await until('no connection is left', () => mock.live.viewers.size === 0);
  await page.click(id('live-toggle'));
  await page.locator(id('live')).waitFor();
  await page.click(id('live-toggle'));
  await page.locator(id('live')).waitFor({ state: 'detached' });
  await until('no connection is left', () => mock.live.viewers.size === 0);
});

play('what is late is said to be delayed, what is old is dimmed, and nothing of it is called live', { path: '/cameras/edge-01/cam-731', size }, async ({ page, mock }) => {
  const c = 'edge-01/cam-731';
  await showing(page, 'cam-731');
  mock.live.turn(c, { ageMs: 3000 });
  await showing(page, 'cam-731', 'delayed');
  assert.match(await page.locator(id('live-tag')).textContent(), /^지연/);
  mock.live.turn(c, { ageMs: 7000 });
  await showing(page, 'cam-731', 'stale');
  assert.match(await page.locator('.veil').textContent(), /실시간이 아닙니다.*초 전 화면/);
  assert.notEqual(await page.locator(`${tile('cam-731')} video`).evaluate((v) => getComputedStyle(v).filter), 'none');
  mock.live.turn(c, { ageMs: 100 });
  await showing(page, 'cam-731');
  mock.live.turn(c, { frozen: true }); // the connection stands, and brings nothing
  await showing(page, 'cam-731', 'delayed');
  mock.live.turn(c, { frozen: false, state: { state: 'waiting', code: 'camera-offline' } });
  await inPage(page, () => document.querySelector('[data-testid=live-words]')?.textContent.includes('카메라가 연결되어 있지 않습니다'));
  mock.live.turn(c, { state: { state: 'live' } });
  await showing(page, 'cam-731');
});

play('a connection that is cut is made anew, and the video goes on in the same element', { path: '/cameras/edge-01/cam-731', size }, async ({ page, mock }) => {
  await showing(page, 'cam-731');
  await page.evaluate(() => { document.querySelector('.live video').dataset.mark = 'same'; });
  mock.live.cut();
  await until('opened again', () => mock.live.opened.length === 2);
  await moves(page, 'cam-731');
  await showing(page, 'cam-731');
  assert.equal(await page.locator('.live video').getAttribute('data-mark'), 'same');
  assert.equal(mock.live.viewers.size, 1);
});

play('H.265 that this browser cannot play: a still a second, and a line that says why', { path: '/cameras/edge-01/cam-731', size }, async ({ page, mock }) => {
  if (await page.evaluate(() => MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L93.B0"'))) return; // then it is played
  mock.live.turn('edge-01/cam-731', { h265: true });
  mock.live.cut();
  await page.locator(`${tile('cam-731')}[data-mode="still"][data-show="live"]`).waitFor();
  assert.match(await page.locator(id('live-words')).textContent(), /H\.265.*1초마다/);
  const first = await page.locator('.live img').getAttribute('src');
  await inPage(page, (src) => { const i = document.querySelector('.live img'); return i.src !== src && i.complete && i.naturalWidth > 0; }, first);
  await until('only stills are pulled', () => mock.live.viewers.size === 1 && [...mock.live.viewers][0].mode === 'still');
});

play('a refusal is final until the operator asks again', { path: '/cameras', size }, async ({ page, mock }) => {
  mock.live.turn('edge-01/cam-731', { refuse: 'refused' });
  await page.click('[data-camera="cam-731"] a');
  await inPage(page, () => document.querySelector('[data-testid=live-words]')?.textContent.includes('거부'));
  assert.equal(mock.live.opened.length, 1);
  mock.live.turn('edge-01/cam-731', { refuse: undefined });
  await page.getByRole('button', { name: '다시 보기' }).click();
  await showing(page, 'cam-731');
});

play('camera page: how it is, what it reported, and a recording beside the live picture', { path: '/cameras/edge-01/cam-731', size }, async ({ page, mock, world }) => {
  await showing(page, 'cam-731');
  assert.match(await page.locator(id('camera-state')).textContent(), /정상.*성내 1호.*1920×1080/);
  const before = await page.locator(id('camera-event')).count();
  world.raise({ camera: world.cameras[0], priority: 'critical' });
  await inPage(page, (n) => document.querySelectorAll('[data-testid=camera-event]').length === n + 1, before);
  await page.locator(id('camera-event')).first().click();
  await page.locator(id('evidence-video')).waitFor();
  await showing(page, 'cam-731');
  await page.click(id('past-close'));
  await page.locator(id('evidence-video')).waitFor({ state: 'detached' });
  assert.equal(mock.live.opened.length, 1);
  await page.click('.nav a[href="/cameras"]');
  await until('no connection is left', () => mock.live.viewers.size === 0);
});

play('wall: nine cameras at once, chosen, remembered, driven by keys', { path: '/wall', size: { width: 1920, height: 1080 } }, async ({ page, mock, world }) => {
  assert.equal(mock.live.opened.length, 0);
  await page.click(id('wall-9'));
  await page.locator(id('wall-pick')).nth(4).selectOption('edge-01/cam-731');
  await showing(page, 'cam-731');
  await page.click(id('wall-fill'));
  await inPage(page, () => document.querySelectorAll('[data-testid=live][data-show=live]').length === 9);
  const names = await page.locator(id('live')).evaluateAll((all) => all.map((e) => e.dataset.camera));
  for (const n of [names[0], names[8]]) await moves(page, n);
  assert.equal(mock.live.viewers.size, 9);
  assert.equal(new Set(mock.live.opened).size, 9);
  assert.equal(mock.live.opened.length, 9);

  await page.keyboard.press('5');
  await inPage(page, () => document.activeElement?.dataset.tile === '4');
  await page.keyboard.press('Enter');
  await page.locator(`${id('wall-tile')}[data-alone="true"]`).waitFor();
  assert.equal(await page.locator(`${id('wall-tile')}:visible`).count(), 1);
  await page.keyboard.press('2');
  await page.locator(`[data-tile="1"][data-alone="true"]`).waitFor();
  await page.keyboard.press('Escape');
  await inPage(page, () => document.querySelector('[data-alone="true"]') === null && document.activeElement?.dataset.tile === '1');
  assert.equal(mock.live.opened.length, 9); // large or small, the connection is the same

  const cam = world.cameras[0];
  for (const a of world.alerts.values()) if (a.camera === cam.id && a.work !== 'closed') world.step(a, 'verdict', 'closed', { username: 'kim', name: '김' });
  await page.locator('[data-tile="4"]:not([data-alert])').waitFor();
  const a = world.raise({ camera: cam, priority: 'critical' });
  await page.locator(`[data-tile="4"][data-alert="${a.id}"]`).waitFor();
  assert.match(await page.locator(`[data-tile="4"] ${id('wall-mark')}`).textContent(), /침입/);

  const url = page.url();
  assert.match(url, /\/wall\?n=9&c=.*edge-01\/cam-731/);
  await page.goto(new URL('/wall', url).href);
  await inPage(page, () => document.querySelectorAll('[data-testid=live]').length === 9 && location.search.startsWith('?n=9'));
  await page.locator(`[data-tile="4"] ${id('wall-mark')}`).click();
  await page.locator(`[data-alert="${a.id}"][aria-selected="true"]`).waitFor();
  await until('no connection is left', () => mock.live.viewers.size === 0);
});
