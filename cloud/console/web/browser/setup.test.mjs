import { accessible, assert, id, inPage, play, until } from './stage.mjs';

const size = { width: 1366, height: 768 };
const add = { path: '/cameras/new', size };
const edit = { path: '/cameras/edge-01/cam-731/setup', size };

// settled fills a field and leaves it, as somebody does.
async function settled(page, what, text) {
  await page.fill(id(what), text);
  await page.locator(id(what)).blur();
}

const ready = (page) => page.locator(`${id('cam-url')}:not([disabled])`).waitFor();

async function board(page) {
  const r = await page.locator(id('board')).boundingBox();
  return { click: (x, y) => page.mouse.click(r.x + x * r.width, r.y + y * r.height), at: (x, y) => [r.x + x * r.width, r.y + y * r.height] };
}

// toRules goes through the first two pages.
async function toRules(page, url = 'rtsp://10.0.4.31/gate') {
  await ready(page);
  await settled(page, 'cam-url', url);
  await page.click(id('probe'));
  await page.locator(`${id('probe-outcome')}[data-is=good]`).waitFor();
  await page.click(id('next'));
  await page.fill(id('cam-name'), '정문 주차장');
  await page.click(id('next'));
  await page.locator(id('board')).waitFor();
}

const rulesOf = (page) => page.locator(id('corner')).evaluateAll((all) => all.map((c) => c.getAttribute('aria-label')));

play('a login pasted into the address goes where it belongs; each failure has words and what to do', add, async ({ page, mock }) => {
  await ready(page);
  await accessible(page, 'the first page');
  await settled(page, 'cam-url', 'rtsp://admin:p@ss:1@10.0.4.31/auth-failed');
  await page.locator(id('login-moved')).waitFor();
  assert.equal(await page.inputValue(id('cam-url')), 'rtsp://10.0.4.31/auth-failed');
  assert.equal(await page.inputValue(id('cam-user')), 'admin');
  assert.equal(await page.inputValue(id('cam-password')), 'p@ss:1');
  await page.click(id('probe'));
  await page.locator(`${id('probe-outcome')}[data-code=auth-failed]`).waitFor();
  const korean = await page.locator(id('probe-outcome')).textContent();
  assert.match(korean, /아이디나 비밀번호를 받아들이지 않습니다.*다시 확인하십시오/);
  await page.click(id('lang'));
  assert.match(await page.locator(id('probe-outcome')).textContent(), /refuses user and password/);
  await page.click(id('lang'));
  await accessible(page, 'a probe that failed');
  mock.setup.silent = true;
  await page.click(id('probe'));
  await page.locator(`${id('probe-outcome')}[data-code=edge-silent]`).waitFor();
  mock.setup.silent = false;
  await settled(page, 'cam-url', '10.0.4.31');
  await page.click(id('next'));
  await page.locator(id('wrong-url')).waitFor();
  await inPage(page, () => document.activeElement?.dataset?.testid === 'cam-url');
});

play('a zone is drawn by keys alone, judged as it is drawn, and taken back', add, async ({ page, mock }) => {
  await toRules(page);
  await page.click(id('add-intrusion'));
  await inPage(page, () => document.activeElement?.dataset?.testid === 'board');
  const go = async (key, n) => { for (let i = 0; i < n; i++) await page.keyboard.press(key); };
  await page.keyboard.press('Space'); // in the middle
  await go('Shift+ArrowRight', 4);
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter'); // too early: a zone has three corners
  assert.equal(await page.locator(id('board')).getAttribute('data-drawing'), 'true');
  await go('Shift+ArrowDown', 4);
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.locator(`${id('board')}[data-drawing=false]`).waitFor();
  assert.deepEqual(await rulesOf(page), ['점 1, 가로 50%, 세로 50%', '점 2, 가로 74%, 세로 50%', '점 3, 가로 74%, 세로 74%']);
  await page.locator('[data-point="2"]').focus();
  await go('Shift+ArrowLeft', 3);
  await page.keyboard.press('+'); // a corner between the third and the first
  await until('four corners', async () => (await rulesOf(page)).length === 4);
  await inPage(page, () => document.activeElement?.dataset?.point === '3');
  await go('Shift+ArrowUp', 20); // beyond the border it does not go
  assert.match((await rulesOf(page))[3], /세로 2%$/);
  await accessible(page, 'a drawn zone');
  await page.keyboard.press('Delete');
  await until('three corners', async () => (await rulesOf(page)).length === 3);
  await page.keyboard.press('Control+z');
  await until('four again', async () => (await rulesOf(page)).length === 4);
  await page.keyboard.press('Control+z'); // the whole way up is one step
  await until('back below', async () => /세로 62%$/.test((await rulesOf(page))[3]));
  await page.keyboard.press('Control+Shift+z');
  await until('and up', async () => /세로 2%$/.test((await rulesOf(page))[3]));
  mock.setup.refuse = [{ path: 'rules[0].zone', message: 'the edge does not like it' }];
  await page.click(id('undo'));
  await page.locator(id('wrong-rules[0].zone')).waitFor(); // asked by itself when the hand rests
  assert.ok(!mock.setup.managed.has('edge-01/gate'));
});

play('corners are dragged, made on edges and may not cross; what is wrong keeps it from being saved', add, async ({ page, mock }) => {
  await toRules(page);
  await page.click(id('add-intrusion'));
  const b = await board(page);
  for (const [x, y] of [[0.2, 0.4], [0.8, 0.4], [0.8, 0.9], [0.2, 0.9]]) await b.click(x, y);
  await b.click(0.2, 0.4); // the first one closes it
  await page.locator(`${id('board')}[data-drawing=false]`).waitFor();
  await page.mouse.move(...b.at(0.2, 0.4));
  await page.mouse.down();
  for (const [x, y] of [[0.5, 0.5], [0.85, 0.6], [0.9, 0.6]]) await page.mouse.move(...b.at(x, y));
  await page.mouse.up();
  await page.locator(`${id('draw-hint')}[data-flaw=crosses]`).waitFor();
  await page.click(id('save'));
  await page.locator(id('wrong-rules[0].zone')).waitFor();
  assert.ok(!mock.requests.some((r) => r.startsWith('PUT') && r.endsWith('/gate') && mock.setup.managed.has('edge-01/gate')));
  await page.click(id('undo')); // the drag is one step
  assert.equal(await page.locator(id('draw-hint')).getAttribute('data-flaw'), null);
  await page.locator(id('between')).first().click();
  await until('five corners', async () => (await rulesOf(page)).length === 5);
  await page.fill(id('rule-confirm_s'), '0.');
  await page.locator(id('rule-confirm_s')).pressSequentially('8');
  assert.equal(await page.inputValue(id('rule-confirm_s')), '0.8');
  await page.fill(id('rule-linger_s'), '1000');
  await page.locator(id('wrong-rules[0].linger_s')).waitFor();
  await page.fill(id('rule-linger_s'), '');
  await page.click(id('add-line-crossing'));
  await b.click(0.5, 0.8); // within the zone that is there: a click still draws
  await b.click(0.5, 0.3);
  await page.click(id('direction-left-to-right'));
  assert.equal(await page.locator(id('direction-left-to-right')).textContent(), '화면 오른쪽으로');
  await page.click(id('save'));
  await page.locator(id('alive')).waitFor();
  const saved = mock.setup.managed.get('edge-01/gate');
  assert.equal(saved.rules[0].confirm_s, 0.8);
  assert.equal(saved.rules[0].zone.length, 5);
  assert.deepEqual(saved.rules[1].line.map((p) => p.map((v) => Math.round(v * 10))), [[5, 8], [5, 3]]);
  for (const what of ['live', 'picture', 'boxes', 'alert']) await page.locator(`${id(`alive-${what}`)}[data-is=yes]`).waitFor();
  await accessible(page, 'a camera that has come alive');
  await page.click(id('see-alert'));
  await page.locator(id('why')).waitFor();
});

play('somebody else saved meanwhile: what was drawn stays, what they did is offered', { ...edit, path: '/cameras' }, async ({ page, mock }) => {
  mock.setup.manage('edge-01', 'cam-731');
  await page.goto(`${mock.url}/cameras/edge-01/cam-731/setup`);
  await page.locator(id('corner')).nth(3).waitFor();
  await page.locator('[data-point="0"]').focus();
  await page.keyboard.press('Shift+ArrowUp');
  const mine = await rulesOf(page);
  const theirs = mock.setup.managed.get('edge-01/cam-731');
  mock.setup.managed.set('edge-01/cam-731', { ...theirs, name: '새 이름', rules: [] });
  mock.setup.revision++;
  await page.click(id('save'));
  await page.click(id('conflict-reload'));
  await page.locator(id('theirs')).waitFor();
  assert.deepEqual(await rulesOf(page), mine);
  await page.click(id('adopt'));
  await page.locator(id('corner')).first().waitFor({ state: 'detached' });
  await page.click(id('undo'));
  assert.deepEqual(await rulesOf(page), mine);
  await page.click(id('save'));
  await page.locator(id('alive')).waitFor();
  assert.equal(mock.setup.managed.get('edge-01/cam-731').rules.length, 2);
  await page.goto(`${mock.url}/cameras/edge-01/cam-731/setup`);
  await page.click(id('camera-remove'));
  const said = await page.locator(id('remove')).textContent();
  assert.match(said, /새 이름|정수장 북측 울타리/);
  assert.match(said, /규칙 2개.*fence, gate/);
  await page.click(id('remove-yes'));
  await until('removed', () => !mock.setup.managed.has('edge-01/cam-731'));
});

play('a camera of edge.yaml is shown, and cannot be changed; operators are not offered it', edit, async ({ page, mock, ctx }) => {
  await page.locator(id('read-only')).waitFor();
  assert.equal((await rulesOf(page)).length, 4);
  assert.equal(await page.locator(id('save')).count(), 0);
  assert.equal(await page.locator(id('camera-remove')).count(), 0);
  await accessible(page, 'a camera of edge.yaml');
  await ctx.addCookies([{ name: 'bongsu_session', value: mock.session('lee'), url: mock.url }]);
  await page.goto(`${mock.url}/cameras`);
  await page.locator(id('camera-card')).first().waitFor();
  assert.equal(await page.locator(id('camera-add')).count(), 0);
});

play('boxes lie on the picture they are of, and go when nothing is seen or the picture is old', { path: '/cameras/edge-01/cam-731', size }, async ({ page, mock }) => {
  await page.locator(`${id('live')}[data-show=live]`).waitFor();
  assert.deepEqual(mock.live.opened, ['edge-01/cam-731?video']);
  await page.click(id('show-boxes'));
  await page.locator(`${id('live-box')}[data-class=person]`).waitFor();
  await page.locator(id('seen-zone')).first().waitFor();
  assert.match(await page.locator('.seen .tag').first().textContent(), /^사람 0\.83 t7$/);
  // The figure is the only bright thing of the scene: where it is in the picture on screen, there is its box.
  const off = () => page.evaluate(() => new Promise((done) => {
    const v = document.querySelector('.live video');
    v.requestVideoFrameCallback(() => requestAnimationFrame(() => {
      const c = document.createElement('canvas');
      [c.width, c.height] = [v.videoWidth, v.videoHeight];
      const g = c.getContext('2d');
      g.drawImage(v, 0, 0);
      const row = g.getImageData(0, Math.round(c.height * 0.6), c.width, 1).data;
      let [x0, x1] = [c.width, 0];
      for (let i = 0; i < c.width; i++) if (row[4 * i] > 150) { x0 = Math.min(x0, i); x1 = i + 1; }
      const svg = document.querySelector('[data-testid=seen] svg').getBoundingClientRect();
      const b = document.querySelector('[data-testid=live-box][data-class=person]')?.getBoundingClientRect();
      done(b === undefined ? 1e3 : Math.max(Math.abs(svg.left + (x0 / c.width) * svg.width - b.left), Math.abs(svg.left + (x1 / c.width) * svg.width - b.right)));
    }));
  }));
  await until('box and figure less than 8 pixels apart', async () => (await off()) < 8);
  mock.live.turn('edge-01/cam-731', { unseen: true });
  await page.locator(id('live-box')).first().waitFor({ state: 'detached' });
  mock.live.turn('edge-01/cam-731', { unseen: false });
  await page.locator(id('live-box')).first().waitFor();
  mock.live.turn('edge-01/cam-731', { mute: true }); // pictures go on, and nothing more is said of them
  await page.locator(id('live-box')).first().waitFor({ state: 'detached' });
  mock.live.turn('edge-01/cam-731', { mute: false });
  await page.locator(id('live-box')).first().waitFor();
  mock.live.turn('edge-01/cam-731', { ageMs: 8000 });
  await page.locator(`${id('live')}[data-show=stale]`).waitFor();
  assert.equal(await page.locator(id('seen')).count(), 0);
  mock.live.turn('edge-01/cam-731', { ageMs: 100 });
  await page.reload();
  await page.locator(`${id('show-boxes')}[aria-pressed=true]`).waitFor(); // remembered
  await page.click(id('show-boxes'));
  await page.locator(id('seen')).waitFor({ state: 'detached' });
});

play('every kind of rule can be made; what a kind needs is asked for, and an experiment is said to be one', add, async ({ page, mock }) => {
  await toRules(page);
  const b = await board(page);
  const draw = async () => {
    for (const [x, y] of [[0.2, 0.5], [0.8, 0.5], [0.8, 0.9], [0.2, 0.9]]) await b.click(x, y);
    await page.keyboard.press('Enter');
  };
  await page.click(id('add-wrong-way'));
  await draw();
  await page.click(id('draw-part-arrow')); // its ends are there already, and are moved
  await until('the arrow has two ends', async () => (await rulesOf(page)).length === 2);
  await page.locator('[data-point="1"]').focus();
  await page.keyboard.press('Shift+ArrowLeft');
  await page.click(id('add-closed-area'));
  await draw();
  await page.locator(id('schedule-span')).waitFor();
  await page.fill(id('schedule-to'), '05:30');
  await page.locator(id('schedule-to')).blur();
  await page.locator(`${id('schedule-span')} .day`).last().click(); // not on Sunday
  await page.click(id('add-fire')); // the whole picture, unless something smaller is drawn
  await until('four corners', async () => (await rulesOf(page)).length === 4);
  await page.click(id('add-crowd'));
  await draw();
  await page.locator(id('experimental')).waitFor();
  assert.match(await page.locator(id('add-fight')).textContent(), /실험 기능/);
  assert.ok(await page.locator(id('rule-per_m2')).isDisabled()); // no metres yet
  await page.click(id('ground-camera'));
  await page.locator(id('grid')).waitFor();
  await page.fill(id('rule-per_m2'), '2 3 5');
  await page.locator(id('scale')).waitFor();
  assert.match(await page.locator(id('scale')).textContent(), /1m는 \d+~\d+픽셀.*넓이 \d+㎡/);
  await accessible(page, 'rules of each form');
  await page.click(id('save'));
  await page.locator(id('alive')).waitFor();
  const saved = mock.setup.managed.get('edge-01/gate');
  const [way, closed, fire, crowd] = saved.rules;
  assert.deepEqual([way.kind, way.zone.length, way.line.length, way.line[1][0] < 0.5], ['wrong-way', 4, 2, true]);
  assert.deepEqual(closed.schedule, ['mon-sat 22:00-05:30']);
  assert.deepEqual([fire.zone.length, fire.classes], [4, undefined]);
  assert.deepEqual(crowd.per_m2, [2, 3, 5]);
  assert.deepEqual([saved.ground.height_m, saved.ground.aspect], [5, 1.7778]);
});

play('four measured points calibrate; what is no plane is told and not saved; areas are left out', add, async ({ page, mock }) => {
  await toRules(page);
  await page.click(id('ground-points'));
  await until('four points', async () => (await rulesOf(page)).length === 4);
  assert.ok(await page.locator(id('between')).count() === 0); // none can be added
  const step = await page.locator(id('grid')).getAttribute('data-step');
  assert.ok(Number(step) > 0);
  await page.fill(id('pin-1-x'), '0'); // where the first is
  await page.locator(id('ground-wrong')).waitFor();
  assert.equal(await page.locator(id('grid')).count(), 0);
  await page.click(id('save'));
  await page.locator(`${id('desk')}[data-stage=rules]`).waitFor();
  assert.ok(!mock.setup.managed.has('edge-01/gate'));
  await page.fill(id('pin-1-x'), '5.5');
  await page.locator(id('grid')).waitFor();
  await page.click(id('area-add'));
  const b = await board(page);
  for (const [x, y] of [[0.6, 0.1], [0.9, 0.1], [0.9, 0.3]]) await b.click(x, y);
  await page.keyboard.press('Enter');
  await accessible(page, 'calibration');
  await page.click(id('save'));
  await page.locator(id('alive')).waitFor();
  const saved = mock.setup.managed.get('edge-01/gate');
  assert.deepEqual(saved.ground.points.map((p) => p[1]), [[0, 0], [5.5, 0], [4, 8], [0, 8]]);
  assert.equal(saved.exclude[0].length, 3);
});

play('a kind that the purpose of a camera does not cover cannot be chosen', add, async ({ page, mock }) => {
  await ready(page);
  await settled(page, 'cam-url', 'rtsp://10.0.4.31/gate');
  await page.click(id('next'));
  await page.fill(id('cam-name'), '정문');
  await page.click(id('purpose-traffic-information'));
  await page.click(id('next'));
  await page.locator(id('board')).waitFor();
  for (const [kind, off] of [['intrusion', true], ['fire', true], ['wrong-way', false], ['line-crossing', false]]) assert.equal(await page.locator(id(`add-${kind}`)).isDisabled(), off, kind);
  await page.click(id('step-name'));
  await page.click(id('purpose-crime-prevention'));
  await page.click(id('next'));
  assert.ok(!await page.locator(id('add-intrusion')).isDisabled());
  await page.click(id('save'));
  await page.locator(id('alive')).waitFor();
  assert.deepEqual(mock.setup.managed.get('edge-01/gate').purposes, ['crime-prevention', 'traffic-information']);
});
