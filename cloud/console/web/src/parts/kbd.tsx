import { signal } from '@preact/signals';
import { computed } from '@preact/signals';
import { bindingsOf, capOf, codeOf, tableOf, type Bindings, type Mode, type Movable } from '../model/keys.ts';

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

const storedKeys = 'bongsu.keys.map';

function rememberedKeys(): Bindings {
  try {
    return bindingsOf(localStorage.getItem(storedKeys));
  } catch {
    return {};
  }
}

// bindings are the keys that were changed in this browser.
export const bindings = signal<Bindings>(rememberedKeys());
export const table = computed(() => tableOf(bindings.value));

export function setBindings(b: Bindings): void {
  bindings.value = b;
  try {
    localStorage.setItem(storedKeys, JSON.stringify(b));
  } catch {
    // the choice then lasts as long as the page
  }
}

// cap is what is printed on the key of an action.
export function cap(a: Movable): string {
  return capOf(codeOf(a, bindings.value));
}

// Kbd shows the key of a button as it works now: alone, with Alt, or not at all. It is a fixed
// key k, or that of an action.
export function Kbd({ k, act }: { k?: string; act?: Movable }) {
  if (mode.value === 'off') return null;
  const name = act === undefined ? k : cap(act);
  return <kbd aria-hidden="true">{mode.value === 'alt' ? `Alt ${name}` : name}</kbd>;
}
