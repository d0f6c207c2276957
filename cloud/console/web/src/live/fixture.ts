// Messages and boxes for tests.

import { headerBytes, type Kind } from './message.ts';

const numbers: Record<Kind, number> = { init: 1, fragment: 2, jpeg: 3 };

export function message(kind: Kind | number, payload: Uint8Array, o: { flags?: number; sent?: number; ageMs?: number; seq?: number } = {}): ArrayBuffer {
  const out = new ArrayBuffer(headerBytes + payload.byteLength);
  const h = new DataView(out);
  h.setUint8(0, typeof kind === 'number' ? kind : numbers[kind]);
  h.setUint8(1, o.flags ?? 0);
  h.setUint16(2, o.sent ?? 0);
  h.setUint32(4, o.ageMs ?? 0);
  h.setBigUint64(8, BigInt(o.seq ?? 1));
  new Uint8Array(out, headerBytes).set(payload);
  return out;
}

export const u32 = (...v: number[]) => v.flatMap((n) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const u64 = (n: number) => u32(Math.floor(n / 2 ** 32), n % 2 ** 32);

export function box(type: string, ...parts: number[][]): number[] {
  const body = parts.flat();
  return [...u32(body.length + 8), ...[...type].map((c) => c.charCodeAt(0)), ...body];
}

export interface InitSaid { scale?: number; version?: 0 | 1; duration?: number }

export function initSegment({ scale = 90_000, version = 0, duration = 0 }: InitSaid = {}): Uint8Array<ArrayBuffer> {
  const mdhd = box('mdhd', version === 1 ? [...u32(1 << 24), ...u64(0), ...u64(0), ...u32(scale), ...u64(0)] : [...u32(0, 0, 0, scale, 0)], u32(0));
  return new Uint8Array([
    ...box('ftyp', u32(0, 0)),
    ...box('moov', box('mvhd', u32(0)), box('trak', box('tkhd', u32(0)), box('mdia', mdhd)), box('mvex', box('trex', u32(0, 1, 1, duration, 0, 0)))),
  ]);
}

export interface FragmentSaid { time: number; version?: 0 | 1; lasts?: number[]; offsets?: number[]; preset?: number; runVersion?: 0 | 1 }

// fragment makes one with a sample for each of lasts (one of unknown length else).
export function fragment({ time, version = 1, lasts, offsets, preset, runVersion = 1 }: FragmentSaid): Uint8Array<ArrayBuffer> {
  const n = lasts?.length ?? offsets?.length ?? 1;
  const flags = (lasts === undefined ? 0 : 0x100) | 0x200 | (offsets === undefined ? 0 : 0x800) | 1;
  const samples = Array.from({ length: n }, (_, i) => [...(lasts === undefined ? [] : u32(lasts[i] ?? 0)), ...u32(5), ...(offsets === undefined ? [] : u32(offsets[i] ?? 0))]).flat();
  const tfhd = preset === undefined ? u32(0x020000, 1) : [...u32(0x020008, 1), ...u32(preset)];
  const traf = box('traf', box('tfhd', tfhd), box('tfdt', version === 1 ? [...u32(1 << 24), ...u64(time)] : u32(0, time)), box('trun', u32((runVersion << 24) | flags, n, 0), samples));
  return new Uint8Array([...box('moof', box('mfhd', u32(0, 1)), traf), ...box('mdat', [1, 2, 3])]);
}
