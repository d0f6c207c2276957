import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';

// idOf makes the id of a field's element of its path.
export const idOf = (path: string): string => 'f-' + path.replace(/[^a-z0-9_]+/gi, '-');

// wrongAt gives what is wrong at a path: first what this page noticed, then what the edge said.
export function wrongAt(desk: Desk, path: string): { words: string; foreign: boolean } | undefined {
  const mine = desk.wrong.value.find((x) => x.path === path);
  if (mine !== undefined) return { words: t(mine.key, mine.values), foreign: false };
  const theirs = desk.said.value.find((f) => f.path === path);
  return theirs === undefined ? undefined : { words: theirs.message, foreign: true };
}

// marks are the attributes that tie a field to what is wrong with it.
export function marks(desk: Desk, path: string) {
  const wrong = wrongAt(desk, path) !== undefined;
  return { id: idOf(path), 'aria-invalid': wrong, 'aria-describedby': `${idOf(path)}-why` };
}

// Why says what is wrong with a field, and otherwise what it is for.
export function Why({ desk, path, help }: { desk: Desk; path: string; help?: ComponentChildren }) {
  const w = wrongAt(desk, path);
  return (
    <small id={`${idOf(path)}-why`} class={w === undefined ? '' : 'wrong'} data-testid={w === undefined ? undefined : `wrong-${path}`} lang={w?.foreign === true ? 'en' : undefined}>
      {w === undefined ? help : w.words}
    </small>
  );
}

// useFocus puts the focus where the desk wants it, once it is there.
export function useFocus(desk: Desk): void {
  const path = desk.focus.value;
  useEffect(() => {
    if (path === undefined) return;
    const tries = [path, path.replace(/\.[^.]*$/, '')];
    const found = tries.map((p) => document.getElementById(idOf(p))).find((e) => e !== null);
    if (found instanceof Element && 'focus' in found) {
      (found as HTMLElement).focus();
      found.scrollIntoView({ block: 'nearest' });
    }
    desk.focus.value = undefined;
  });
}
