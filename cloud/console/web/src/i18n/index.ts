// Words in two languages. No text for people stands in code: a key that one language lacks
// does not compile, and t says which key is meant where a value is missing.

import { signal } from '@preact/signals';
import { en } from './en.ts';
import { ko } from './ko.ts';

export type Lang = 'ko' | 'en';
export type Key = keyof typeof ko;

const tables: Record<Lang, Record<Key, string>> = { ko, en };
const stored = 'bongsu.lang';

function initial(): Lang {
  try {
    return localStorage.getItem(stored) === 'en' ? 'en' : 'ko';
  } catch {
    return 'ko';
  }
}

export const lang = signal<Lang>(typeof localStorage === 'undefined' ? 'ko' : initial());

export function setLang(l: Lang): void {
  lang.value = l;
  document.documentElement.lang = l;
  try {
    localStorage.setItem(stored, l);
  } catch {
    // private windows may refuse; the choice then lasts as long as the page
  }
}

// t gives the words for a key; {name} in them is replaced from values.
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill(tables[lang.value][key], values);
}

export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? `{${name}}`));
}

// word gives the words for a key made at run time (a state, a code), or the code itself.
export function word(prefix: string, code: string): string {
  const table: Record<string, string> = tables[lang.value];
  return table[`${prefix}.${code}`] ?? code;
}
