// Who leaves the desk leaves no pictures on the screen: after ten minutes without a hand on
// keyboard or mouse, in whichever window of this browser, all of them show a lock in place of
// their pages. What is to be heard is heard all the same.

import { signal } from '@preact/signals';

export const idleMs = 600_000;
const tellMs = 5000; // windows tell one another this often

export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const lockKey = 'bongsu.locked';
const touchKey = 'bongsu.touched';

// Idle keeps the lock of one window in step with the others by what they store.
export class Idle {
  readonly locked = signal(false);
  #touched: number;
  #told = -Infinity;

  constructor(
    private readonly store: Store,
    private readonly now: () => number = () => Date.now(),
  ) {
    this.#touched = now();
  }

  // touch notes that somebody is there.
  touch(): void {
    if (this.locked.value) return;
    this.#touched = this.now();
    if (this.#touched - this.#told < tellMs) return;
    this.#told = this.#touched;
    this.#write(touchKey, String(this.#touched));
  }

  // look is called often; user is who is signed in.
  look(user: string): void {
    if (this.#read(lockKey) === user) {
      this.locked.value = true;
      return;
    }
    if (this.locked.value) this.#begin(); // another window was unlocked
    const elsewhere = Number(this.#read(touchKey));
    const last = Math.max(this.#touched, elsewhere <= this.now() ? elsewhere : 0);
    if (this.now() - last > idleMs) this.lock(user);
  }

  lock(user: string): void {
    this.#write(lockKey, user);
    this.locked.value = true;
  }

  // open is called when the user has proved to be there, or has left.
  open(): void {
    try {
      this.store.removeItem(lockKey);
    } catch {
      // nothing was stored then
    }
    this.#begin();
    this.touch();
  }

  #begin(): void {
    this.locked.value = false;
    this.#touched = this.now();
    this.#told = -Infinity;
  }

  #read(key: string): string | null {
    try {
      return this.store.getItem(key);
    } catch {
      return null;
    }
  }

  #write(key: string, value: string): void {
    try {
      this.store.setItem(key, value);
    } catch {
      // private windows may refuse; each window then keeps its own time
    }
  }
}

const none: Store = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };

export const idle = new Idle(typeof localStorage === 'undefined' ? none : localStorage);

// watchHands notes every sign of somebody being there.
export function watchHands(): void {
  for (const kind of ['keydown', 'pointermove', 'pointerdown', 'wheel']) addEventListener(kind, () => idle.touch(), { capture: true, passive: true });
}
