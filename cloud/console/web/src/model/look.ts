// How the console looks, remembered by this browser.

import { signal } from '@preact/signals';

export type Theme = 'dark' | 'light';
const stored = 'bongsu.theme';

function remembered(): Theme {
  try {
    return localStorage.getItem(stored) === 'light' ? 'light' : 'dark';
  } catch {
    return 'dark';
  }
}

export const theme = signal<Theme>(typeof localStorage === 'undefined' ? 'dark' : remembered());

export function setTheme(t: Theme): void {
  theme.value = t;
  document.documentElement.dataset.theme = t;
  try {
    localStorage.setItem(stored, t);
  } catch {
    // private windows may refuse; the choice then lasts as long as the page
  }
}
