import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionOf, digitOf, type Action, type Mode, type Stroke } from './keys.ts';

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
