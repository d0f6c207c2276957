import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

// useRoom is the size of an element on screen.
export function useRoom(ref: RefObject<HTMLElement | null>): { w: number; h: number } {
  const [room, setRoom] = useState({ w: 0, h: 0 });
  useEffect(() => {
    const el = ref.current;
    if (el === null) return undefined;
    const see = new ResizeObserver(() => setRoom({ w: el.clientWidth, h: el.clientHeight }));
    see.observe(el);
    return () => see.disconnect();
  }, []);
  return room;
}
