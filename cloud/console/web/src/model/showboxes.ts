// Whether a user wants to see what the model saw on live views, remembered by this browser.

import { computed, signal } from '@preact/signals';
import { me } from './state.ts';

const stored = () => `bongsu.boxes.${me.value?.user.username ?? ''}`;
const changed = signal(0);

export const showBoxes = computed((): boolean => {
  void changed.value;
  try {
    return localStorage.getItem(stored()) === '1';
  } catch {
    return session.value;
  }
});

const session = signal(false);

export function setShowBoxes(on: boolean): void {
  session.value = on;
  try {
    localStorage.setItem(stored(), on ? '1' : '0');
  } catch {
    // private windows may refuse; the choice then lasts as long as the page
  }
  changed.value++;
}
