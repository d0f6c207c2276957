// Which page is shown: the address says it.

import { batch, signal } from '@preact/signals';

const here = typeof location === 'undefined' ? { pathname: '/', search: '' } : location;

export const path = signal(here.pathname);
export const search = signal(here.search);

function follow(to: URL): void {
  batch(() => {
    path.value = to.pathname;
    search.value = to.search;
  });
}

// go shows another page.
export function go(to: string): void {
  const url = new URL(to, location.origin);
  if (url.pathname + url.search !== location.pathname + location.search) history.pushState(null, '', to);
  follow(url);
}

// restate gives the page that is shown another address, as when a choice on it has changed.
export function restate(to: string): void {
  history.replaceState(history.state, '', to);
  follow(new URL(to, location.origin));
}

// returned is for the browser's own back and forward.
export function returned(): void {
  follow(new URL(location.href));
}

// follows is for links within the console; with a modifier they stay the browser's.
export function follows(e: MouseEvent): void {
  const a = e.currentTarget;
  if (!(a instanceof HTMLAnchorElement) || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey || e.button !== 0) return;
  e.preventDefault();
  go(a.pathname + a.search);
}

export interface CameraKey { edge: string; camera: string }

// cameraAt reads /cameras/{edge}/{camera}.
export const cameraAt = (p: string): CameraKey | undefined => keyIn(/^\/cameras\/([^/]+)\/([^/]+)\/?$/.exec(p));

// setupAt reads /cameras/{edge}/{camera}/setup.
export const setupAt = (p: string): CameraKey | undefined => keyIn(/^\/cameras\/([^/]+)\/([^/]+)\/setup\/?$/.exec(p));

function keyIn(m: RegExpExecArray | null): CameraKey | undefined {
  if (m?.[1] === undefined || m[2] === undefined) return undefined;
  try {
    return { edge: decodeURIComponent(m[1]), camera: decodeURIComponent(m[2]) };
  } catch {
    return undefined;
  }
}

export function cameraPath(edge: string, camera: string): string {
  return `/cameras/${encodeURIComponent(edge)}/${encodeURIComponent(camera)}`;
}
