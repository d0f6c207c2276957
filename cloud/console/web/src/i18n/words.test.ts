import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verdicts } from '../net/types.ts';
import { kinds } from '../model/kinds.ts';
import { en } from './en.ts';
import { ko } from './ko.ts';

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const path = join(dir, e.name);
    if (e.isDirectory()) return sources(path);
    return /\.tsx?$/.test(e.name) && !/\.test\.ts$|i18n\/(ko|en)(-setup)?\.ts$|fixture\.ts$/.test(path) ? [path] : [];
  });
}

const files = sources('src').map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const code = (text: string) => text.replace(/^\s*\/\/.*$/gm, '').replace(/\/\*[\s\S]*?\*\//g, '');
const all = files.map((f) => code(f.text)).join('\n');
const places = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

test('both languages have the same keys, and the same places in each text', () => {
  assert.deepEqual(Object.keys(en).sort(), Object.keys(ko).sort());
  for (const [key, text] of Object.entries(ko)) {
    const other = (en as Record<string, string>)[key] ?? '';
    assert.notEqual(other.trim(), '', key);
    assert.notEqual(text.trim(), '', key);
    if (key !== 'top.lang') assert.doesNotMatch(other, /[가-힣ㄱ-ㅣ]/, key);
    assert.deepEqual(places(other), places(text), key);
  }
});

test('every key is used', () => {
  const made = new Set([...all.matchAll(/word\('([\w.]+)'/g), ...all.matchAll(/t\(`([\w.]+)\.\$\{/g)].map((m) => m[1]));
  const idle = Object.keys(ko).filter((k) => !all.includes(`'${k}'`) && !made.has(k.slice(0, k.lastIndexOf('.'))));
  assert.deepEqual(idle, []);
});

test('there are words for every code of the API', () => {
  const needed: Record<string, readonly string[]> = {
    verdict: verdicts, priority: ['critical', 'high', 'medium', 'low'], 'cam.rule.new': kinds,
    work: ['unclaimed', 'claimed', 'reviewing', 'confirmed', 'closed'], condition: ['active', 'cleared'],
    state: ['starting', 'live', 'waiting-key', 'offline', 'busy', 'denied', 'failed'],
    history: ['raise', 'fold', 'claim', 'release', 'expire', 'evidence', 'verdict', 'undo'],
    code: ['bad-url', 'unreachable', 'silent', 'wrong-password', 'need-password', 'basic-refused', 'busy', 'not-found', 'no-video',
      'bad-certificate', 'no-parameter-sets', 'protocol', 'ended', 'closed', 'clock-set', 'tainted', 'untrusted', 'model', 'edge-silent'],
    probe: ['auth-failed', 'auth-needed', 'basic-refused', 'bad-certificate', 'no-route', 'not-rtsp', 'no-stream', 'no-video', 'no-picture', 'codec-unsupported',
      'busy', 'timeout', 'probe-crashed', 'edge-offline', 'edge-silent', 'edge-too-old', 'not-allowed', 'not-managed', 'box-config', 'throttled', 'invalid', 'not_found', 'unavailable', 'other'],
    class: ['person', 'bicycle', 'motorcycle', 'car', 'bus', 'truck', 'bag', 'animal', 'fire', 'smoke', 'fallen-person', 'large-vehicle'],
    reason: ['score', 'dwell_s', 'inside_s', 'coalesced'], 'why.clock': ['synchronised', 'unsynchronised', 'unknown'],
    'evi.noclip': ['writing', 'none', 'evicted', 'failed'], towards: ['left', 'right', 'up', 'down', 'either'],
  };
  for (const code of needed.probe ?? []) assert.ok(`probe.do.${code}` in ko, code);
  for (const [prefix, codes] of Object.entries(needed)) for (const c of codes) assert.ok(`${prefix}.${c}` in ko, `${prefix}.${c}`);
});

// The edge names what decided; each name has words here.
test('there are words for every reason of the rules', () => {
  const dir = '../../../edge/rules';
  const said = readdirSync(dir).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go')).flatMap((f) => [...readFileSync(join(dir, f), 'utf8').matchAll(/(?:reason\(f, |Reason\{Name: |Name: )"(\w+)"/g)].map((m) => m[1] ?? ''));
  assert.ok(said.length > 10, `${said.length} reasons found`);
  for (const name of said.filter((n) => n !== 'count_')) assert.ok(`reason.${name}` in ko, name);
});

test('no Hangul stands in code', () => {
  for (const f of files) {
    if (/sentence\.ts$|time\.ts$/.test(f.path)) continue; // particles and the days' letters
    assert.doesNotMatch(code(f.text), /[가-힣ㄱ-ㅣ]/, f.path);
  }
});

// keycaps are printed on keyboards as they stand here.
const keycaps = ['Esc', 'Enter', 'Ctrl Z'];

test('no English for people stands in markup', () => {
  for (const f of files.filter((x) => x.path.endsWith('.tsx'))) {
    const text = code(f.text);
    const said = [...text.matchAll(/<[a-z][^<>]*>\s*([A-Za-z][A-Za-z ]{3,})\s*</g), ...text.matchAll(/(?:aria-label|title|alt|placeholder)="([^"]*[A-Za-z][^"]*)"/g)]
      .map((m) => m[1]?.trim()).filter((s) => !keycaps.includes(s ?? ''));
    assert.deepEqual(said, [], f.path);
  }
});

test('files are short', () => {
  for (const f of files) assert.ok(f.text.split('\n').length <= 600, f.path);
});
