import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message } from './fixture.ts';
import { mediaOf, textOf } from './message.ts';

test('the header of a binary message', () => {
  const m = mediaOf(message('fragment', new Uint8Array([7, 8, 9]), { flags: 3, sent: 0xabcd, ageMs: 70_000, seq: 2 ** 40 + 5 }));
  assert.deepEqual({ ...m, data: [...(m?.data ?? [])] }, { kind: 'fragment', key: true, tainted: true, sent: 0xabcd, ageMs: 70_000, seq: 2 ** 40 + 5, data: [7, 8, 9] });
  assert.equal(mediaOf(message('init', new Uint8Array([1])))?.kind, 'init');
  assert.equal(mediaOf(message('jpeg', new Uint8Array([1]), { flags: 2 }))?.tainted, true);
  assert.equal(mediaOf(message('fragment', new Uint8Array([1]), { flags: 1 }))?.tainted, false);
});

test('an age as large as the field is read as it is', () => {
  assert.equal(mediaOf(message('jpeg', new Uint8Array([1]), { ageMs: 0xffff_ffff }))?.ageMs, 0xffff_ffff);
});

test('what is no message is nothing', () => {
  assert.equal(mediaOf(new ArrayBuffer(0)), undefined);
  assert.equal(mediaOf(new ArrayBuffer(15)), undefined);
  assert.equal(mediaOf(message('fragment', new Uint8Array(0))), undefined);
  for (const kind of [0, 4, 255]) assert.equal(mediaOf(message(kind, new Uint8Array([1]))), undefined);
});

test('texts', () => {
  assert.deepEqual(textOf('{"type":"format","mime":"video/mp4; codecs=\\"avc1.64001F\\"","codec":"h264","width_px":1920,"height_px":1080,"fps":15}'),
    { type: 'format', mime: 'video/mp4; codecs="avc1.64001F"', codec: 'h264', width_px: 1920, height_px: 1080, fps: 15 });
  assert.deepEqual(textOf('{"type":"state","state":"waiting","code":"camera-offline","message":"m","more":1}'), { type: 'state', state: 'waiting', code: 'camera-offline', message: 'm' });
  assert.deepEqual(textOf('{"type":"state","state":"live"}'), { type: 'state', state: 'live', code: '', message: '' });
});

test('texts of another kind, broken or hostile, are nothing', () => {
  for (const s of ['', '{', 'null', '7', '"x"', '[]', '{}', '{"type":"new"}', '{"type":"state","state":"__proto__"}', '{"type":"state","state":7}', '{"type":"format"}', '{"type":"format","mime":7}']) {
    assert.equal(textOf(s), undefined, s);
  }
  assert.deepEqual(textOf('{"type":"format","mime":"m","codec":7,"width_px":"1","height_px":-1,"fps":null}'), { type: 'format', mime: 'm', codec: '', width_px: 0, height_px: 0, fps: 0 });
});
