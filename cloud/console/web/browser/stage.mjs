// The stage of the browser tests: one Chromium, a mock server for each test.

import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { Mock } from '../dev/mock.mjs';

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
let browser;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});
after(() => browser?.close());

// What a page may say on its console: the browser's word on sound before a gesture, on requests
// that a test lets fail, and on a live view that is left before it was there.
const expected = /AudioContext was not allowed|Failed to load resource|WebSocket is closed before the connection is established/;

// attempts is how often a test is tried: a browser beside other work on two cores now and then
// answers later than any test should wait. What failed before is told.
const attempts = 3;

// play runs a test in a page over a mock of a scenario. The page's own errors, among them
// breaches of the content security policy, fail it.
export function play(name, options, act) {
  test(name, { timeout: attempts * 60_000 }, async (t) => {
    for (let n = 1; ; n += 1) {
      try {
        await once(options ?? {}, act);
        return;
      } catch (err) {
        if (n === attempts) throw err;
        t.diagnostic(`attempt ${n} failed: ${err.message}`);
      }
    }
  });
}

async function once({ scenario = 'busy', path = '/console', size = { width: 1366, height: 768 }, out = false, setup = false, untouched = false, init, ...context }, act) {
  const mock = await new Mock(scenario).start();
  mock.setupNeeded = setup;
  const ctx = await browser.newContext({ viewport: size, ...context });
  const page = await ctx.newPage();
  const wrong = [];
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && !expected.test(m.text()) && wrong.push(m.text()));
  page.on('pageerror', (e) => wrong.push(String(e)));
  page.setDefaultTimeout(12_000);
  try {
    if (!out) await ctx.addCookies([{ name: 'bongsu_session', value: mock.session(), url: mock.url }]);
    if (init !== undefined) await page.addInitScript(init);
    await page.goto(mock.url + path);
    // Looking into a page counts as a gesture for the browser; some pages are to have had none.
    if (!untouched) await page.locator(out ? '[data-testid=login-user]' : '.top').waitFor();
    await act({ page, mock, ctx, world: mock.world });
    assert.deepEqual(wrong, []);
  } finally {
    await ctx.close();
    await mock.stop();
  }
}

export const id = (name) => `[data-testid="${name}"]`;
export const cards = (page) => page.locator(id('queue-card'));
export const selected = (page) => page.locator(`${id('queue-card')}[aria-selected="true"]`);

// until waits for a condition of the test's own side.
export async function until(what, condition, ms = 6000) {
  const end = Date.now() + ms;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > end) assert.fail(`did not come to be: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

// inPage is true when a function is, in the page, before long.
export const inPage = (page, f, arg) => page.waitForFunction(f, arg);

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const axe = await readFile(axeFile, 'utf8');

// accessible fails on serious findings of axe-core.
export async function accessible(page, where) {
  await page.evaluate(`if (!window.axe) { ${axe} }`);
  const found = await page.evaluate(async () => {
    const r = await window.axe.run(document, { resultTypes: ['violations'] });
    return r.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary?.split('\n')[1]?.trim() ?? ''}`).join(' | ')}`);
  });
  assert.deepEqual(found, [], where);
}

export { assert };
