// What a live tile says of itself.

import type { Key } from '../i18n/index.ts';
import { delayedMs, levelOf } from './age.ts';
import type { Look } from './player.ts';

// Show is what the picture may be called; none is no picture.
export type Show = 'live' | 'delayed' | 'stale' | 'none';
export interface Said { show: Show; why?: Key; again: boolean } // again: only a wish of the operator makes it try once more

const codes: Record<string, Key> = {
  'starting': 'live.code.starting', 'waiting-keyframe': 'live.code.waiting-keyframe', 'camera-offline': 'live.code.camera-offline',
  'edge-offline': 'live.code.edge-offline', 'too-slow': 'live.code.too-slow', 'ended': 'live.code.ended',
  'no-such-camera': 'live.code.no-such-camera', 'refused': 'live.code.refused',
};

// saidOf judges by what the connection is, what the server said, how old the picture is, and how
// long nothing has come.
// Nothing is called live unless all three agree.
export function saidOf(look: Look, ageMs: number | undefined, quietMs: number | undefined): Said {
  const show = showOf(look, ageMs);
  const why = whyOf(look, show, quietMs === undefined || quietMs > delayedMs);
  return { show, again: look.phase === 'over', ...(why === undefined ? {} : { why }) };
}

function showOf(look: Look, ageMs: number | undefined): Show {
  if (ageMs === undefined) return 'none';
  const level = levelOf(ageMs);
  const state = look.state?.state;
  if (level === 'stale' || state === 'stale' || state === 'ended' || look.phase === 'over') return 'stale';
  if (level === 'delayed' || look.phase !== 'open' || state === 'waiting') return 'delayed';
  return 'live';
}

function whyOf(look: Look, show: Show, quiet: boolean): Key | undefined {
  const s = look.state;
  const told = s === undefined || s.state === 'live' ? undefined : codes[s.code];
  switch (look.phase) {
    case 'resting': return 'live.resting';
    case 'over': return told ?? 'live.code.ended';
    case 'lost': return told ?? 'live.lost';
    case 'connecting': return show === 'none' ? 'live.connecting' : 'live.lost';
  }
  if (s?.code === 'too-slow') return 'live.code.too-slow';
  if (told !== undefined) return told;
  if (show === 'none') return 'live.code.starting';
  if (show === 'live') return undefined;
  return quiet ? 'live.frozen' : 'live.late';
}
