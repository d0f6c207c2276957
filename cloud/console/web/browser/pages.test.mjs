import { accessible, assert, id, inPage, play, until } from './stage.mjs';

const fits = (page) => page.evaluate(() => {
  const wide = document.documentElement.scrollWidth > innerWidth;
  const cut = [...document.querySelectorAll('.top > *, .foot > *, .tools > *')].filter((e) => { const r = e.getBoundingClientRect(); return r.right > innerWidth + 1 || r.left < -1; });
  return { wide, cut: cut.map((e) => e.textContent) };
});

// walk opens a page in both themes and both languages and looks for what is wrong with it.
async function walk(page, where, ready) {
  for (const theme of ['dark', 'light']) {
    for (const lang of ['ko', 'en']) {
      await page.evaluate(([t, l]) => { localStorage.setItem('bongsu.theme', t); localStorage.setItem('bongsu.lang', l); }, [theme, lang]);
      await page.reload();
      await ready();
      assert.deepEqual(await fits(page), { wide: false, cut: [] }, `${where} ${theme} ${lang}`);
      if (lang === 'ko') await accessible(page, `${where} ${theme}`);
    }
  }
}

play('queue: layout and accessibility', { reducedMotion: 'reduce' }, ({ page }) => walk(page, 'queue', async () => {
  await page.click(id('queue-card'));
  await page.locator(id('why')).waitFor();
  await page.keyboard.press('2');
}));
play('quiet queue: layout and accessibility', { scenario: 'quiet' }, ({ page }) => walk(page, 'quiet', () => page.locator(id('calm')).waitFor()));
play('cameras: layout and accessibility', { scenario: 'failed', path: '/cameras' }, ({ page }) => walk(page, 'cameras', () => page.locator(id('camera-card')).first().waitFor()));
play('camera page: layout and accessibility', { path: '/cameras/edge-01/cam-731', size: { width: 1280, height: 720 } }, ({ page }) => walk(page, 'camera', () => page.locator('[data-testid=live][data-show=live]').waitFor()));
play('wall: layout and accessibility', { path: '/wall?n=4&c=edge-01/cam-731,,edge-02/cam-736', size: { width: 1280, height: 720 } }, ({ page }) => walk(page, 'wall', () => page.locator('[data-testid=live]').nth(1).waitFor()));
play('events: layout and accessibility', { path: '/events', reducedMotion: 'reduce' }, ({ page }) => walk(page, 'events', () => page.locator(id('event-row')).first().click()));
play('admin: layout and accessibility', { path: '/admin' }, ({ page }) => walk(page, 'admin', () => page.locator('td').first().waitFor()));
play('dead letters: layout and accessibility', { path: '/admin/letters' }, ({ page }) => walk(page, 'letters', () => page.locator(id('letter')).first().waitFor()));
play('audit: layout and accessibility', { path: '/audit' }, ({ page }) => walk(page, 'audit', () => page.locator('td').first().waitFor()));
play('door: layout and accessibility', { out: true }, ({ page }) => walk(page, 'door', () => page.locator(id('login-user')).waitFor()));
play('key sheet: accessibility', {}, async ({ page }) => {
  await page.locator(id('queue-card')).first().waitFor();
  await page.keyboard.press('Shift+Slash');
  await page.locator(id('sheet')).waitFor();
  await accessible(page, 'sheet');
});

play('the language changes without a reload, and is remembered; so is the theme', {}, async ({ page }) => {
  await page.evaluate(() => { window.mark = 1; });
  await page.click(id('queue-card'));
  await page.locator(id('why')).waitFor();
  await page.click(id('lang'));
  await inPage(page, () => document.documentElement.lang === 'en' && document.querySelector('.nav').textContent.startsWith('Queue'));
  assert.equal(await page.evaluate(() => window.mark), 1);
  await page.click(id('theme'));
  await page.reload();
  await inPage(page, () => document.documentElement.lang === 'en' && document.documentElement.dataset.theme === 'light' && document.querySelector('.nav') !== null);
});

play('reduced motion: nothing moves by itself', { scenario: 'critical', reducedMotion: 'reduce' }, async ({ page }) => {
  await page.locator(id('queue-card')).waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

play('events can be filtered, and the CSV has the same filter', { path: '/events' }, async ({ page }) => {
  await page.locator(id('event-row')).first().waitFor();
  await page.selectOption(id('filter-kind'), 'loitering');
  await inPage(page, () => [...document.querySelectorAll('[data-testid=event-row]')].every((r) => r.children[2].textContent === '배회'));
  await page.fill(id('filter-from'), '2026-01-02T03:04:05');
  const href = await page.locator(id('csv-link')).getAttribute('href');
  const q = new URL(href, 'http://x').searchParams;
  assert.equal(q.get('kind'), 'loitering');
  assert.equal(q.get('from'), '2026-01-01T18:04:05.000Z');
  assert.equal(q.get('lang'), 'ko');
  assert.equal(q.get('bom'), '1');
  await page.selectOption(id('filter-verdict'), 'false-weather');
  await page.locator('.notice').waitFor();
});

play('a dead letter is tried again at once, and dropped only after a second word', { path: '/admin' }, async ({ page, mock, world }) => {
  await page.click(id('letters-link'));
  await page.locator(id('letter')).first().waitFor();
  const [first, second] = world.letters.map((l) => l.id);
  await page.locator(`[data-letter="${first}"] ${id('letter-drop')}`).click();
  await page.locator(id('sure')).waitFor();
  await page.keyboard.press('Enter'); // the safe answer has the focus
  await page.locator(id('sure')).waitFor({ state: 'detached' });
  assert.equal(world.letters.length, 2);
  await page.locator(`[data-letter="${first}"] ${id('letter-drop')}`).click();
  await page.click(id('sure-drop'));
  await page.locator(`[data-letter="${first}"]`).waitFor({ state: 'detached' });
  await page.locator(`[data-letter="${second}"] ${id('letter-retry')}`).click();
  await page.locator(id('letters-none')).waitFor();
  assert.deepEqual(mock.requests.filter((r) => r.startsWith('POST')), [`POST /api/v1/deadletters/${first}/drop`, `POST /api/v1/deadletters/${second}/retry`]);
});

play('priorities are told apart without colour', { scenario: 'busy' }, async ({ page, world }) => {
  world.raise({ priority: 'low' });
  await page.locator('[data-priority=low]').first().waitFor();
  const shapes = await page.locator('.list .shape path').evaluateAll((ps) => [...new Set(ps.map((p) => p.getAttribute('d')))]);
  const words = await page.locator('.list .what em').evaluateAll((es) => [...new Set(es.map((e) => e.textContent))]);
  assert.equal(shapes.length, 4);
  assert.equal(words.length, 4);
});

play('the card says why: rule and its version, zone, what was measured, model, and the pictures that decided', { scenario: 'quiet', size: { width: 1366, height: 768 } }, async ({ page, world }) => {
  const show = async (kind, priority) => {
    const a = world.raise({ kind, priority, age: 4, cls: kind === 'fire' ? 'smoke' : 'person' });
    await page.locator(`${id('queue-card')}[data-alert="${a.id}"]`).click();
    await page.locator(id('why')).filter({ hasText: `${kind}-1` }).waitFor();
    return page.locator(id('why')).textContent();
  };
  const fall = await show('fall', 'critical');
  assert.match(fall, /사람이 쓰러져 \d+초/);
  assert.match(fall, /쓰러짐 · fall-1 판 3f1c09ab77e2/);
  for (const words of ['모서리 4개', '쓰러져 있던 시간', '12.4초', '기준 2초', 'street-s 1.2', 'c0ffee12', '판정한 장면', '판정 2.0초 전', '보이지 않음']) assert.ok(fall.includes(words), words);
  assert.equal(await page.locator(`${id('deciding')} li`).count(), 4);
  assert.equal(await page.locator(id('experimental')).count(), 0);
  await accessible(page, 'why of a fall');
  const crowd = await show('crowd', 'high');
  assert.match(crowd, /밀집 \(실험 기능\)/);
  assert.match(crowd, /1㎡에 3.2명, 2단계/);
  await page.locator(id('experimental')).waitFor();
  assert.match(await page.locator(`${id('queue-card')}[data-kind=crowd]`).textContent(), /실험 기능/);
  await page.goto(page.url().replace(/\/console.*$/, '/events'));
  await page.selectOption(id('filter-kind'), 'crowd');
  await until('the experiment is named in the list', async () => /실험 기능/.test(await page.locator(id('event-row')).first().textContent()));
});
