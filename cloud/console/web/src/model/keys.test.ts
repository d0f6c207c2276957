import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionOf, bindable, bindingsOf, capOf, codeOf, digitOf, movable, rebind, tableOf, type Action, type Mode, type Stroke } from './keys.ts';

const stroke = (code: string, o: Partial<Stroke> = {}): Stroke =>
  ({ code, key: '', isComposing: false, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, inText: false, ...o });
const act = (code: string, o: Partial<Stroke> = {}, mode: Mode = 'on', choosing = false) => actionOf(stroke(code, o), mode, choosing);

test('the keyboard map', () => {
  const want: [string, Partial<Stroke>, Action][] = [
    ['ArrowUp', {}, 'up'], ['ArrowDown', {}, 'down'], ['KeyK', {}, 'up'], ['KeyJ', {}, 'down'], ['Enter', {}, 'open'], ['Escape', {}, 'back'],
    ['KeyA', {}, 'claim'], ['KeyU', {}, 'release'], ['Digit1', {}, 'real'], ['Digit2', {}, 'false'], ['Digit3', {}, 'duplicate'], ['Digit4', {}, 'technical'],
    ['Numpad2', {}, 'false'], ['Space', {}, 'play'], ['ArrowLeft', {}, 'seek-'], ['ArrowRight', {}, 'seek+'], ['ArrowLeft', { shiftKey: true }, 'frame-'],
    ['ArrowRight', { shiftKey: true }, 'frame+'], ['BracketLeft', {}, 'jump-'], ['BracketRight', {}, 'jump+'], ['KeyB', {}, 'boxes'], ['KeyZ', {}, 'zone'],
    ['KeyP', {}, 'pause'], ['KeyL', {}, 'live'], ['KeyC', {}, 'note'], ['F9', {}, 'mute'], ['Slash', { shiftKey: true }, 'sheet'], ['Minus', { key: '?' }, 'sheet'],
    ['KeyZ', { ctrlKey: true }, 'undo'], ['KeyZ', { metaKey: true }, 'undo'],
  ];
  for (const [code, o, a] of want) assert.equal(act(code, o), a, `${code} ${JSON.stringify(o)}`);
});

test('in text only Escape acts', () => {
  for (const code of ['KeyA', 'Digit2', 'Space', 'ArrowUp', 'Enter', 'F9']) assert.equal(act(code, { inText: true }), undefined, code);
  assert.equal(act('KeyZ', { inText: true, ctrlKey: true }), undefined);
  assert.equal(act('Escape', { inText: true }), 'back');
});

test('the place on the keyboard counts, whatever letter it writes; a composition is left alone', () => {
  assert.equal(act('KeyA', { key: 'ㅁ' }), 'claim');
  assert.equal(act('KeyA', { key: 'Process' }), 'claim');
  assert.equal(act('KeyA', { key: 'ㅁ', isComposing: true }), undefined);
  assert.equal(act('Escape', { isComposing: true }), undefined);
});

test('browser shortcuts stay the browser’s', () => {
  assert.equal(act('KeyA', { ctrlKey: true }), undefined);
  assert.equal(act('KeyP', { metaKey: true }), undefined);
  assert.equal(act('ArrowLeft', { altKey: true }), undefined);
  assert.equal(act('KeyZ', { ctrlKey: true, shiftKey: true }), undefined);
  assert.equal(act('KeyA', { altKey: true }), undefined);
  assert.equal(act('KeyZ', { ctrlKey: true, altKey: true }), undefined);
});

test('while reasons are shown digits mean its rows', () => {
  assert.equal(act('Digit1', {}, 'on', true), 'digit1');
  assert.equal(act('Numpad5', {}, 'on', true), 'digit5');
  assert.equal(act('KeyA', {}, 'on', true), 'claim');
});

test('single keys with Alt only', () => {
  assert.equal(act('KeyA', {}, 'alt'), undefined);
  assert.equal(act('KeyA', { altKey: true }, 'alt'), 'claim');
  assert.equal(act('Digit1', { altKey: true }, 'alt', true), 'digit1');
  assert.equal(act('Digit1', {}, 'alt', true), undefined);
  assert.equal(act('ArrowDown', {}, 'alt'), 'down');
  assert.equal(act('Space', {}, 'alt'), 'play');
});

test('single keys off', () => {
  for (const code of ['KeyA', 'Digit2', 'KeyP', 'Slash']) {
    assert.equal(act(code, {}, 'off'), undefined, code);
    assert.equal(act(code, { altKey: true }, 'off'), undefined, code);
  }
  assert.equal(act('Digit1', {}, 'off', true), undefined);
  assert.equal(act('ArrowUp', {}, 'off'), 'up');
  assert.equal(act('F9', {}, 'off'), 'mute');
});

test('digits by themselves follow the mode', () => {
  const digit = (code: string, o: Partial<Stroke> = {}, mode: Mode = 'on') => digitOf(stroke(code, o), mode);
  assert.equal(digit('Digit3'), 3);
  assert.equal(digit('Numpad9'), 9);
  assert.equal(digit('Digit0'), undefined);
  assert.equal(digit('KeyA'), undefined);
  assert.equal(digit('Digit3', { altKey: true }), undefined);
  assert.equal(digit('Digit3', { altKey: true }, 'alt'), 3);
  assert.equal(digit('Digit3', {}, 'alt'), undefined);
  for (const o of [{ inText: true }, { isComposing: true }, { ctrlKey: true }, { metaKey: true }]) assert.equal(digit('Digit3', o), undefined);
  assert.equal(digit('Digit3', {}, 'off'), undefined);
});

test('a changed key means its action, the usual one no longer does', () => {
  const b = rebind({}, 'claim', 'KeyQ');
  const t = tableOf(b);
  assert.equal(actionOf(stroke('KeyQ'), 'on', false, t), 'claim');
  assert.equal(actionOf(stroke('KeyA'), 'on', false, t), undefined);
  assert.equal(actionOf(stroke('KeyU'), 'on', false, t), 'release');
  assert.equal(actionOf(stroke('KeyQ', { altKey: true }), 'alt', false, t), 'claim');
  assert.deepEqual(rebind(b, 'claim', 'KeyA'), {});
});

test('a key that is taken changes places', () => {
  const b = rebind({}, 'real', 'Digit2');
  assert.deepEqual([codeOf('real', b), codeOf('false', b)], ['Digit2', 'Digit1']);
  const t = tableOf(b);
  assert.deepEqual([t.Digit1, t.Numpad1, t.Digit2, t.Numpad2], ['false', 'false', 'real', 'real']);
  const c = rebind(b, 'claim', 'Digit1');
  assert.deepEqual([codeOf('claim', c), codeOf('false', c)], ['Digit1', 'KeyA']);
});

test('however keys are changed, each action has one key and each key one action', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  console.log(`# seed ${seed}`);
  let state = seed;
  const random = (n: number) => ((state = (state * 1103515245 + 12345) & 0x7fffffff) % 65_536) % n;
  const codes = [...'ABCDEFGHILMNOPQRSTUVWXYZ'].map((l) => `Key${l}`).concat(['Digit0', 'Digit1', 'Digit9', 'Comma']);
  let b = {};
  for (let i = 0; i < 2000; i++) {
    b = rebind(b, movable[random(movable.length)] ?? 'claim', codes[random(codes.length)] ?? 'KeyA');
    const now = movable.map((m) => codeOf(m, b));
    assert.equal(new Set(now).size, movable.length);
    for (const m of movable) assert.equal(tableOf(b)[codeOf(m, b)], m);
    assert.deepEqual(bindingsOf(JSON.stringify(b)), b);
  }
});

test('keys that always mean the same cannot be given away; broken memory is forgotten', () => {
  for (const code of ['Escape', 'Enter', 'Space', 'KeyK', 'KeyJ', 'Slash', 'F9', 'ArrowUp', 'Numpad1', '']) assert.equal(bindable(code), false, code);
  for (const text of [null, '', '{', 'null', '7', '{"claim":"Enter"}', '{"claim":7}', '{"up":"KeyQ"}', '{"claim":"KeyU"}']) assert.deepEqual(bindingsOf(text), {}, String(text));
});

test('what is printed on keys', () => {
  assert.deepEqual(['KeyA', 'Digit1', 'BracketLeft', 'Comma'].map(capOf), ['A', '1', '[', ',']);
});
