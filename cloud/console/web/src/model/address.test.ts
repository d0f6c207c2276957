import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressTrouble, nameFrom, splitLogin, suggestID, unique, validName } from './address.ts';

test('a login in an address is taken out, whatever the password holds', () => {
  const cases: [string, string, string, string][] = [
    ['rtsp://admin:secret@10.0.0.5/stream1', 'rtsp://10.0.0.5/stream1', 'admin', 'secret'],
    ['RTSP://admin:p@ss:w@10.0.0.5:554/x', 'rtsp://10.0.0.5:554/x', 'admin', 'p@ss:w'],
    ['rtsp://admin:a/b@10.0.0.5/x', 'rtsp://10.0.0.5/x', 'admin', 'a/b'],
    ['rtsp://admin:a%40b%@h/x', 'rtsp://h/x', 'admin', 'a%40b%'],
    ['rtsp://admin:a%40b@h/x', 'rtsp://h/x', 'admin', 'a@b'],
    ['rtsps://viewer@h/x', 'rtsps://h/x', 'viewer', ''],
    [' rtsp://u:p@[fe80::1]:554/x ', 'rtsp://[fe80::1]:554/x', 'u', 'p'],
    ['rtsp://u:p@h', 'rtsp://h', 'u', 'p'],
  ];
  for (const [text, url, username, password] of cases) assert.deepEqual(splitLogin(text), { url, username, password }, text);
});

test('an address without a login is left alone', () => {
  for (const s of ['rtsp://10.0.0.5/stream1', 'rtsp://10.0.0.5:554/a@b', 'rtsp://[fe80::1]/x@y', 'http://u:p@h/', 'u:p@h', 'rtsp://u:p@', '']) assert.equal(splitLogin(s), undefined, s);
});

test('what is wrong with an address is told', () => {
  for (const s of ['rtsp://10.0.0.5', 'rtsp://h:8554/a/b?c=1', 'rtsps://[fe80::1%25eth0]:322/x', 'RTSP://cam.local/x']) assert.equal(addressTrouble(s), undefined, s);
  assert.equal(addressTrouble('  '), 'cam.url.empty');
  assert.equal(addressTrouble('http://h/x'), 'cam.url.scheme');
  assert.equal(addressTrouble('10.0.0.5/x'), 'cam.url.scheme');
  assert.equal(addressTrouble('rtsp://h/x#1'), 'cam.url.hash');
  for (const s of ['rtsp://', 'rtsp:///x', 'rtsp://h:port/x', 'rtsp://a b/x', 'rtsp://h/a b']) assert.equal(addressTrouble(s), 'cam.url.host', s);
});

test('an id is proposed from what the address tells', () => {
  assert.equal(suggestID('rtsp://127.0.0.1:8554/gate', []), 'gate');
  assert.equal(suggestID('rtsp://10.0.0.5/Streaming/channels/101', []), 'streaming');
  assert.equal(suggestID('rtsp://10.0.0.5/stream1', []), 'cam-10-0-0-5');
  assert.equal(suggestID('rtsp://10.0.0.5/stream1', ['cam-10-0-0-5']), 'cam-10-0-0-5-2');
  assert.equal(suggestID('', []), 'camera');
  assert.equal(unique('a', ['a', 'a-2']), 'a-3');
});

test('names are what the edge takes', () => {
  for (const s of ['a', 'cam-1', '0_0', 'x'.repeat(64)]) assert.ok(validName(s), s);
  for (const s of ['', '-a', 'a-', 'A', '정문', 'a b', 'x'.repeat(65)]) assert.ok(!validName(s), s);
  assert.equal(nameFrom('북문 Gate #2!'), 'gate-2');
  assert.equal(nameFrom('정문'), '');
});
