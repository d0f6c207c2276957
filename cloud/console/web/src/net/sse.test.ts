import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SSEReader } from './sse.ts';

const text = ': hello\n\nid: 7\nevent: alert\ndata: {"a":\ndata: 1}\n\n: ping\n\nevent: cameras\ndata: x\n\ndata:no space\n\nid\nevent: lonely\n\ndata\n\n';
const want = [
  { id: '7', event: 'alert', data: '{"a":\n1}' }, { id: '7', event: 'cameras', data: 'x' },
  { id: '7', event: 'message', data: 'no space' }, { id: '', event: 'message', data: '' },
];

test('messages, comments, lines of data, fields without a value', () => {
  assert.deepEqual(new SSEReader().push(text), want);
});

test('cut anywhere, with any line ends, it reads the same', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const whole = text.replaceAll('\n', end);
    for (let cut = 0; cut <= whole.length; cut++) {
      const r = new SSEReader();
      const got = [...r.push(whole.slice(0, cut)), ...r.push(whole.slice(cut)), ...r.push('')];
      // A CR at the very end waits for its LF: the last empty line is then still open.
      assert.deepEqual(got.slice(0, 3), want.slice(0, 3), `${JSON.stringify(end)} cut at ${cut}`);
    }
  }
});

test('an ID with NUL is ignored', () => {
  assert.deepEqual(new SSEReader().push('id: a\0b\ndata: x\n\n'), [{ id: '', event: 'message', data: 'x' }]);
});
