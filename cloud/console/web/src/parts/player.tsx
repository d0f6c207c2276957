import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';
import type { Event } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { boxAt, fitted, pathUntil } from '../model/overlay.ts';
import { absence, locate, place, timeline, type Line } from '../model/parts.ts';
import { clock, date, full, length } from '../model/time.ts';

// Transport is what keys do to a player.
export interface Transport { toggle(): void; seek(seconds: number): void; frame(n: number): void }

export interface PlayerProps {
  event: Event; viewer: string; now: number; boxes: boolean; zone: boolean;
  transport: RefObject<Transport | null>;
}

const frameSeconds = 0.1;

// Player shows the deciding picture at once and the clip as soon as there is one. Its parts
// are one line; box, zone and track follow the time of the picture shown.
export function Player({ event, viewer, now, boxes, zone, transport }: PlayerProps) {
  const line = useMemo(() => timeline(event), [event]);
  const [index, setIndex] = useState(0);
  const [at, setAt] = useState(0); // seconds on the line
  const [playing, setPlaying] = useState(false);
  const [problem, setProblem] = useState('');
  const [size, setSize] = useState({ w: 16, h: 9 });
  const video = useRef<HTMLVideoElement>(null);
  const wanted = useRef<number | undefined>(undefined); // second to seek to in the next part
  const stay = useRef(true); // keep playing over the border of parts
  const part = line.parts[index];

  useEffect(() => {
    setIndex(0);
    setAt(0);
    setProblem('');
    stay.current = true;
  }, [event.id]);

  const go = (to: number) => {
    const l = locate(line, to);
    setAt(Math.min(Math.max(to, 0), line.seconds));
    if (l.index === index && video.current !== null) video.current.currentTime = l.second;
    else {
      wanted.current = l.second;
      setIndex(l.index);
    }
  };
  transport.current = {
    toggle() {
      const v = video.current;
      if (v === null) return;
      stay.current = v.paused;
      if (v.paused) void v.play().catch(() => undefined);
      else v.pause();
    },
    seek: (s) => go(at + s),
    frame(n) {
      video.current?.pause();
      stay.current = false;
      go(at + n * frameSeconds);
    },
  };

  const onTime = () => {
    if (part !== undefined && video.current !== null) setAt(part.offset + video.current.currentTime);
  };
  usePictures(video, onTime, part?.url);

  const instant = part === undefined || problem !== '' ? Date.parse(event.fired) : part.start + (at - part.offset) * 1000;
  const missing = absence(event, now);
  return (
    <>
      <div class="player">
        {part !== undefined && problem === '' ? (
          <video ref={video} key={part.url} src={part.url} poster={event.snapshot_url ?? ''} muted playsInline autoPlay preload="auto"
            data-testid="evidence-video"
            onLoadedMetadata={(e) => {
              setSize({ w: e.currentTarget.videoWidth, h: e.currentTarget.videoHeight });
              if (wanted.current !== undefined) e.currentTarget.currentTime = wanted.current;
              wanted.current = undefined;
              if (!stay.current) e.currentTarget.pause();
            }}
            onPlay={() => setPlaying(true)} onPause={() => setPlaying(false)} onTimeUpdate={onTime}
            onEnded={() => (index + 1 < line.parts.length ? setIndex(index + 1) : go(0))}
            onError={() => setProblem(cannotPlay(part.codec) ? 'h265' : 'error')} />
        ) : event.snapshot_url !== undefined ? (
          <img src={event.snapshot_url} alt={t('evi.snapshot')} data-testid="evidence-still"
            onLoad={(e) => setSize({ w: e.currentTarget.naturalWidth, h: e.currentTarget.naturalHeight })} />
        ) : (
          <div class="calm">{t('evi.nosnapshot')}</div>
        )}
        <Overlay event={event} at={instant} size={size} boxes={boxes} zone={zone} />
        <span class="badge tl">{date(instant, lang.value)} {clock(instant, true)}</span>
        <span class="badge tr">{t('evi.viewer', { name: viewer, time: clock(now) })}</span>
        <Notes event={event} problem={problem} missing={missing} part={part} retry={() => setProblem('')} />
      </div>
      {line.parts.length > 0 && <Scrub line={line} event={event} at={at} playing={playing} go={go} toggle={() => transport.current?.toggle()} />}
    </>
  );
}

// usePictures calls f for every picture that is shown, where the browser tells it.
function usePictures(video: RefObject<HTMLVideoElement | null>, f: () => void, key: string | undefined): void {
  const latest = useRef(f);
  latest.current = f;
  useEffect(() => {
    const v = video.current;
    if (v === null || !('requestVideoFrameCallback' in v)) return undefined;
    let handle = 0;
    const next = () => {
      latest.current();
      handle = v.requestVideoFrameCallback(next);
    };
    handle = v.requestVideoFrameCallback(next);
    return () => v.cancelVideoFrameCallback(handle);
  }, [key]);
}

function cannotPlay(codec: string): boolean {
  return /^(hvc1|hev1)/.test(codec) && document.createElement('video').canPlayType(`video/mp4; codecs="${codec}"`) === '';
}

interface NotesProps {
  event: Event; problem: string; missing: ReturnType<typeof absence>; part: Line['parts'][number] | undefined; retry(): void;
}

// Notes say in words what is missing or wrong with what is shown.
function Notes({ event, problem, missing, part, retry }: NotesProps) {
  if (problem !== '') {
    return (
      <span class="badge bl" role="status">
        {problem === 'h265' ? t('evi.h265') : t('evi.error')}{' '}
        {part !== undefined && <a href={part.url} download={`${event.id}-${part.offset}.mp4`}><u>{t('evi.download')}</u></a>}{' '}
        {problem !== 'h265' && <button type="button" onClick={retry}><u>{t('evi.retry')}</u></button>}
      </span>
    );
  }
  if (missing !== undefined) return <span class="badge bl" role="status">{word('evi.noclip', missing)}</span>;
  if (part?.state === 'torn') return <span class="badge bl" role="status">{t('evi.torn')}</span>;
  if (part?.tainted === true) return <span class="badge bl" role="status">{t('evi.tainted')}</span>;
  return null;
}

interface ScrubProps { line: Line; event: Event; at: number; playing: boolean; go(to: number): void; toggle(): void }

// Scrub is the line of the whole clip: what came before the event, the event, and now.
function Scrub({ line, event, at, playing, go, toggle }: ScrubProps) {
  const from = place(line, Date.parse(event.start));
  const to = place(line, event.end === undefined ? line.parts.at(-1)?.end ?? line.start : Date.parse(event.end));
  const pick = (e: PointerEvent) => {
    const r = (e.currentTarget as HTMLElement).getBoundingClientRect();
    go(((e.clientX - r.left) / r.width) * line.seconds);
  };
  const pct = (v: number) => `${(v * 100).toFixed(2)}%`;
  return (
    <div class="scrub">
      <button type="button" class="button" aria-label={t('evi.play')} onClick={toggle}>
        <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><path fill="currentColor" d={playing ? 'M2 1h3v10H2zM7 1h3v10H7z' : 'M2 1l9 5-9 5z'} /></svg>
      </button>
      <div class={`bar p-${event.priority}`} onPointerDown={pick} onPointerMove={(e) => e.buttons === 1 && pick(e)} title={full(event.start, lang.value)}>
        <div class="pre" style={{ width: pct(from) }} />
        <div class="span" style={{ left: pct(from), width: pct(Math.max(to - from, 0)) }} />
        <div class="now" style={{ left: pct(line.seconds === 0 ? 0 : at / line.seconds) }} />
      </div>
      <span>{length(at)} / {length(line.seconds)}</span>
    </div>
  );
}

interface OverlayProps { event: Event; at: number; size: { w: number; h: number }; boxes: boolean; zone: boolean }

// Overlay draws zone, line, track and box thinly over the picture, in the picture's own place.
function Overlay({ event, at, size, boxes, zone }: OverlayProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState({ w: 0, h: 0 });
  useEffect(() => {
    const el = ref.current?.parentElement;
    if (el === null || el === undefined) return undefined;
    const see = new ResizeObserver(() => setRoom({ w: el.clientWidth, h: el.clientHeight }));
    see.observe(el);
    return () => see.disconnect();
  }, []);
  const f = fitted(size.w, size.h, room.w, room.h);
  const px = (p: { x: number; y: number }) => `${(p.x * f.w).toFixed(1)},${(p.y * f.h).toFixed(1)}`;
  const box = boxAt(event, at);
  const path = pathUntil(event, at);
  return (
    <div ref={ref} class="over" style={{ left: `${f.x}px`, top: `${f.y}px`, width: `${f.w}px`, height: `${f.h}px` }}>
      <svg width={f.w} height={f.h} class={`p-${event.priority}`} data-testid="overlay" aria-hidden="true">
        {zone && event.zone !== undefined && <polygon points={event.zone.map(px).join(' ')} fill="#ffffff0d" stroke="#ffffffb0" stroke-width="1.5" stroke-dasharray="9 7" />}
        {zone && event.line !== undefined && <Arrowed line={event.line} direction={event.direction ?? 'both'} w={f.w} h={f.h} />}
        {boxes && path.length > 1 && <polyline points={path.map(px).join(' ')} fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3 4" />}
        {boxes && box !== undefined && (
          <>
            <rect x={box.x0 * f.w} y={box.y0 * f.h} width={(box.x1 - box.x0) * f.w} height={(box.y1 - box.y0) * f.h} fill="none" stroke="currentColor" stroke-width="2.5" />
            <Label x={box.x0 * f.w} y={box.y0 * f.h} text={word('class', event.class)} />
          </>
        )}
      </svg>
    </div>
  );
}

function Label({ x, y, text }: { x: number; y: number; text: string }) {
  const top = y > 22 ? y - 20 : y;
  return (
    <g>
      <rect x={x - 1} y={top} width={text.length * 13 + 14} height="20" fill="currentColor" />
      <text x={x + 6} y={top + 14.5} font-size="12.5" font-weight="600" fill="#0d1013">{text}</text>
    </g>
  );
}

// Arrowed draws a line with an arrow at its middle for each direction that counts. Who looks
// from the first point to the second has the line's right side on the right hand.
function Arrowed({ line, direction, w, h }: { line: { x: number; y: number }[]; direction: string; w: number; h: number }) {
  const [a, b] = line;
  if (a === undefined || b === undefined) return null;
  const [ax, ay, bx, by] = [a.x * w, a.y * h, b.x * w, b.y * h];
  const long = Math.hypot(bx - ax, by - ay) || 1;
  const right = { x: -(by - ay) / long, y: (bx - ax) / long };
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  const arrow = (k: number) => {
    const [tx, ty] = [mx + right.x * 26 * k, my + right.y * 26 * k];
    const side = { x: -right.y * 6, y: right.x * 6 };
    return `M${mx},${my}L${tx},${ty}M${tx - right.x * 9 * k + side.x},${ty - right.y * 9 * k + side.y}L${tx},${ty}L${tx - right.x * 9 * k - side.x},${ty - right.y * 9 * k - side.y}`;
  };
  return (
    <g fill="none" stroke="#ffffffc8" stroke-width="2">
      <path d={`M${ax},${ay}L${bx},${by}`} stroke-dasharray="9 7" />
      {direction !== 'right-to-left' && <path d={arrow(1)} />}
      {direction !== 'left-to-right' && <path d={arrow(-1)} />}
    </g>
  );
}
