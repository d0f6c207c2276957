// Reads the times of fragmented MP4 (ISO/IEC 14496-12) as far as live view needs them: which
// pictures a fragment holds, so that the one on screen can be told its age.

// Times are media seconds of a fragment: of its first and of its newest picture.
export interface Times { first: number; newest: number }

// Track is what an init segment says of its video.
export interface Track { scale: number; duration: number } // ticks per second; ticks of a sample, 0 when not said

interface Box { type: string; at: number; end: number } // at is where its content begins

function* boxes(v: DataView, at: number, end: number): Generator<Box> {
  while (at + 8 <= end) {
    let size = v.getUint32(at);
    let head = 8;
    if (size === 1 && at + 16 <= end) {
      size = Number(v.getBigUint64(at + 8));
      head = 16;
    } else if (size === 0) size = end - at;
    if (size < head || at + size > end) return;
    const type = String.fromCharCode(v.getUint8(at + 4), v.getUint8(at + 5), v.getUint8(at + 6), v.getUint8(at + 7));
    yield { type, at: at + head, end: at + size };
    at += size;
  }
}

function find(v: DataView, within: { at: number; end: number }, ...path: string[]): Box | undefined {
  let here: Box | { at: number; end: number } | undefined = within;
  for (const type of path) {
    if (here === undefined) return undefined;
    let next: Box | undefined;
    for (const b of boxes(v, here.at, here.end)) {
      if (b.type === type) {
        next = b;
        break;
      }
    }
    here = next;
  }
  return here as Box | undefined;
}

const view = (b: Uint8Array<ArrayBuffer>) => new DataView(b.buffer, b.byteOffset, b.byteLength);

// guarded gives undefined where data ends in the middle of what it says it holds.
function guarded<T>(f: () => T | undefined): T | undefined {
  try {
    return f();
  } catch (err) {
    if (err instanceof RangeError) return undefined;
    throw err;
  }
}

// trackOf reads an init segment; undefined when it is none.
export function trackOf(init: Uint8Array<ArrayBuffer>): Track | undefined {
  return guarded(() => {
    const v = view(init);
    const all = { at: 0, end: v.byteLength };
    const mdhd = find(v, all, 'moov', 'trak', 'mdia', 'mdhd');
    if (mdhd === undefined) return undefined;
    const scale = v.getUint32(mdhd.at + (v.getUint8(mdhd.at) === 1 ? 20 : 12));
    const trex = find(v, all, 'moov', 'mvex', 'trex');
    return scale === 0 ? undefined : { scale, duration: trex === undefined ? 0 : v.getUint32(trex.at + 12) };
  });
}

// timesOf reads a fragment; undefined when it is none.
export function timesOf(fragment: Uint8Array<ArrayBuffer>, track: Track): Times | undefined {
  return guarded(() => {
    const v = view(fragment);
    const traf = find(v, { at: 0, end: v.byteLength }, 'moof', 'traf');
    if (traf === undefined) return undefined;
    const tfdt = find(v, traf, 'tfdt');
    const trun = find(v, traf, 'trun');
    if (tfdt === undefined || trun === undefined) return undefined;
    const base = v.getUint8(tfdt.at) === 1 ? Number(v.getBigUint64(tfdt.at + 4)) : v.getUint32(tfdt.at + 4);
    const r = run(v, trun, defaultDuration(v, traf) ?? track.duration);
    return r === undefined ? undefined : { first: (base + r.first) / track.scale, newest: (base + r.newest) / track.scale };
  });
}

function defaultDuration(v: DataView, traf: Box): number | undefined {
  const tfhd = find(v, traf, 'tfhd');
  if (tfhd === undefined) return undefined;
  const flags = v.getUint32(tfhd.at) & 0xffffff;
  if ((flags & 0x8) === 0) return undefined;
  return v.getUint32(tfhd.at + 8 + ((flags & 0x1) !== 0 ? 8 : 0) + ((flags & 0x2) !== 0 ? 4 : 0));
}

// run gives the first and the last time of presentation of a track run, in ticks after its base;
// undefined when it says that it holds more than it does.
function run(v: DataView, trun: Box, duration: number): { first: number; newest: number } | undefined {
  const flags = v.getUint32(trun.at) & 0xffffff;
  const version = v.getUint8(trun.at);
  const samples = v.getUint32(trun.at + 4);
  const has = (bit: number) => (flags & bit) !== 0;
  let at = trun.at + 8 + (has(0x1) ? 4 : 0) + (has(0x4) ? 4 : 0);
  const each = [0x100, 0x200, 0x400, 0x800].filter(has).length * 4;
  if (samples === 0 || at + samples * each > trun.end) return undefined;
  if (!has(0x100) && !has(0x800)) return { first: 0, newest: (samples - 1) * duration };
  let decode = 0;
  let [first, newest] = [Infinity, -Infinity];
  for (let i = 0; i < samples; i++, at += each) {
    const last = at + each - 4; // the offset stands last, the length first
    const offset = !has(0x800) ? 0 : version === 0 ? v.getUint32(last) : v.getInt32(last);
    first = Math.min(first, decode + offset);
    newest = Math.max(newest, decode + offset);
    decode += has(0x100) ? v.getUint32(at) : duration;
  }
  return { first, newest };
}
