import { signal } from '@preact/signals';
import type { Mode } from '../model/keys.ts';

const stored = 'bongsu.keys';

function remembered(): Mode {
  try {
    const m = localStorage.getItem(stored);
    return m === 'alt' || m === 'off' ? m : 'on';
  } catch {
    return 'on';
  }
}

// mode says whether single keys act, act with Alt only, or not at all.
export const mode = signal<Mode>(remembered());

export function setMode(m: Mode): void {
  mode.value = m;
  try {
    localStorage.setItem(stored, m);
  } catch {
    // the choice then lasts as long as the page
  }
}

// Kbd shows the key of a button as it works now: alone, with Alt, or not at all.
export function Kbd({ k }: { k: string }) {
  if (mode.value === 'off') return null;
  return <kbd aria-hidden="true">{mode.value === 'alt' ? `Alt ${k}` : k}</kbd>;
}
