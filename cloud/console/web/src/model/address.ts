// Addresses of cameras as people type and paste them.

import type { Key } from '../i18n/index.ts';

export interface Split { url: string; username: string; password: string }

const scheme = /^\s*(rtsps?:\/\/)/i;

const plain = (s: string): string => {
  try {
    return decodeURIComponent(s);
  } catch {
    return s; // a password may hold a bare %
  }
};

// splitLogin takes user and password out of an address; undefined when none is in it. Passwords
// are pasted as they are, with @, : and / in them: the login ends at the last @ before the path,
// or, when what looks like the host is none, at the last @ there is.
export function splitLogin(text: string): Split | undefined {
  const m = scheme.exec(text);
  if (m?.[1] === undefined) return undefined;
  const rest = text.slice(m[0].length).trimEnd();
  const slash = rest.search(/[/?#]/);
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  let at = authority.lastIndexOf('@');
  if (at < 0 && authority.includes(':') && !/:\d*$/.test(authority) && !authority.startsWith('[')) at = rest.lastIndexOf('@');
  if (at < 0 || at === rest.length - 1) return undefined;
  const login = rest.slice(0, at);
  const colon = login.indexOf(':');
  return {
    url: m[1].toLowerCase() + rest.slice(at + 1),
    username: plain(colon < 0 ? login : login.slice(0, colon)),
    password: plain(colon < 0 ? '' : login.slice(colon + 1)),
  };
}

// addressTrouble says what is wrong with an address; undefined when nothing is.
export function addressTrouble(url: string): Key | undefined {
  if (url.trim() === '') return 'cam.url.empty';
  if (!scheme.test(url)) return 'cam.url.scheme';
  if (url.includes('#')) return 'cam.url.hash';
  const host = /^\s*rtsps?:\/\/(\[[0-9a-f:.]+(%[\w.-]+)?\]|[^/?#:@\s[\]]+)(:\d{1,5})?([/?]\S*)?\s*$/i.exec(url)?.[1];
  return host === undefined ? 'cam.url.host' : undefined;
}

const nameForm = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;

// validName is the form of all names that the edge files things under.
export const validName = (s: string): boolean => nameForm.test(s);

// nameFrom makes a valid name of a text, "" when nothing of it can be used.
export function nameFrom(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9_-]+/g, '-').slice(0, 60).replace(/^[-_]+|[-_]+$/g, '');
}

// General words of camera addresses tell nothing of the place.
const general = /^(stream\d*|live\d*|main|sub|video\d*|h26[45]|media|channels?|ch\d*|cam|axis-media|media-amp|profile\d*|onvif\d*|\d+)$/;

// suggestID proposes an id for a camera: the last telling word of the path, the host otherwise.
export function suggestID(url: string, taken: readonly string[]): string {
  const m = /^\s*rtsps?:\/\/(\[[^\]]*\]|[^/?#:]*)[^/?#]*\/?([^?#]*)/i.exec(url);
  const words = (m?.[2] ?? '').split('/').map(nameFrom).filter((w) => w !== '' && !general.test(w));
  const host = nameFrom(m?.[1] ?? '');
  return unique(words.at(-1) ?? (host === '' ? 'camera' : `cam-${host}`), taken);
}

// unique adds a number to a name that is taken.
export function unique(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  for (let n = 2; ; n++) if (!taken.includes(`${name}-${n}`)) return `${name}-${n}`;
}
