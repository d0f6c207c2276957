// Tones by priority, made by the browser itself. A page may only sound after a gesture: until
// then blocked is true and a bar says so.

import { signal } from '@preact/signals';
import type { Priority } from '../net/types.ts';

export const blocked = signal(false); // until probe has found out
export const mutedUntil = signal(0); // performance.now() milliseconds

const tones: Record<Priority, { hz: number[]; each: number; gap: number }> = {
  critical: { hz: [880, 660, 880, 660], each: 0.16, gap: 0.04 },
  high: { hz: [740, 740], each: 0.16, gap: 0.08 },
  medium: { hz: [520], each: 0.22, gap: 0 },
  low: { hz: [], each: 0, gap: 0 },
};

const probeMs = 400; // for the browser to start the sound, where it may

let context: AudioContext | undefined;

function update(): void {
  blocked.value = context === undefined || context.state !== 'running';
}

// allow is called from a gesture.
export async function allow(): Promise<void> {
  context ??= new AudioContext();
  context.onstatechange = update;
  if (context.state !== 'running') await context.resume().catch(() => undefined);
  update();
}

// probe finds out whether the browser lets the page sound already.
export function probe(): void {
  try {
    context ??= new AudioContext();
    context.onstatechange = update;
    void context.resume().catch(() => undefined);
  } catch {
    context = undefined;
  }
  setTimeout(update, probeMs);
}

// listen lets any gesture free the sound; who begins a shift need not find the button.
export function listen(): void {
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, () => blocked.value && void allow(), { capture: true, passive: true });
}

export function mute(seconds: number): void {
  mutedUntil.value = performance.now() + seconds * 1000;
}

export function play(p: Priority, soft = false): void {
  if (context === undefined || context.state !== 'running' || performance.now() < mutedUntil.value) return;
  const tone = tones[p];
  let at = context.currentTime + 0.02;
  for (const hz of soft ? tone.hz.slice(0, 1) : tone.hz) {
    note(context, hz, at, tone.each, soft ? 0.06 : 0.18);
    at += tone.each + tone.gap;
  }
}

function note(c: AudioContext, hz: number, at: number, length: number, volume: number): void {
  const osc = c.createOscillator();
  const gain = c.createGain();
  osc.type = 'triangle';
  osc.frequency.value = hz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.015);
  gain.gain.setValueAtTime(volume, at + length - 0.03);
  gain.gain.linearRampToValueAtTime(0, at + length);
  osc.connect(gain).connect(c.destination);
  osc.start(at);
  osc.stop(at + length);
}
