// What comes over a live view's WebSocket: text that describes, and binary with a header of 16
// bytes before each piece of video or picture.

import { boxesOf, type Boxes } from './boxes.ts';

export const headerBytes = 16;

export type ServerState = 'waiting' | 'live' | 'stale' | 'ended';

// Format comes before every init segment.
export interface Format { type: 'format'; mime: string; codec: string; width_px: number; height_px: number; fps: number }
export interface State { type: 'state'; state: ServerState; code: string; message: string }

export type Kind = 'init' | 'fragment' | 'jpeg';
const kinds: readonly (Kind | undefined)[] = [undefined, 'init', 'fragment', 'jpeg'];

// Media is one binary message. ageMs is how old its newest picture was when it was sent on; sent
// is its sender's clock then, the low 16 bits of milliseconds.
export interface Media { kind: Kind; key: boolean; tainted: boolean; sent: number; ageMs: number; seq: number; data: Uint8Array<ArrayBuffer> }

// mediaOf reads a binary message; undefined when it is none that this console knows. data is a
// view into the message, not a copy.
export function mediaOf(message: ArrayBuffer): Media | undefined {
  if (message.byteLength <= headerBytes) return undefined;
  const h = new DataView(message, 0, headerBytes);
  const kind = kinds[h.getUint8(0)];
  if (kind === undefined) return undefined;
  const flags = h.getUint8(1);
  return {
    kind, key: (flags & 1) !== 0, tainted: (flags & 2) !== 0, sent: h.getUint16(2), ageMs: h.getUint32(4), seq: Number(h.getBigUint64(8)),
    data: new Uint8Array(message, headerBytes),
  };
}

const states: readonly string[] = ['waiting', 'live', 'stale', 'ended'];
const word = (v: unknown): string => (typeof v === 'string' ? v : '');
const figure = (v: unknown): number => (typeof v === 'number' && Number.isFinite(v) && v > 0 ? v : 0);

// textOf reads a text message; undefined when it is none that this console knows.
export function textOf(message: string): Format | State | Boxes | undefined {
  let m: Record<string, unknown>;
  try {
    const v: unknown = JSON.parse(message);
    if (typeof v !== 'object' || v === null) return undefined;
    m = v as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (m.type === 'format' && word(m.mime) !== '') {
    return { type: 'format', mime: word(m.mime), codec: word(m.codec), width_px: figure(m.width_px), height_px: figure(m.height_px), fps: figure(m.fps) };
  }
  if (m.type === 'state' && states.includes(word(m.state))) {
    return { type: 'state', state: m.state as ServerState, code: word(m.code), message: word(m.message) };
  }
  return boxesOf(m);
}
