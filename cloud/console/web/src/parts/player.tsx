import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';
import type { Event } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { fitted } from '../model/overlay.ts';
import { absence, locate, timeline, type Part } from '../model/parts.ts';
import { clock, date } from '../model/time.ts';
import { Overlay } from './overlay.tsx';
import { useRoom } from './room.ts';
import { Scrub } from './scrub.tsx';

// Transport is what keys do to a player.
export interface Transport { toggle(): void; seek(seconds: number): void; frame(n: number): void }

export interface PlayerProps {
  event: Event; viewer: string; now: number; boxes: boolean; zone: boolean;
  transport: RefObject<Transport | null>;
  seen?(): void; // called when a picture is on screen
}

const frameSeconds = 0.1;
type Trouble = '' | 'h265' | 'error';

// Player shows the deciding picture at once and the clip as soon as there is one. Its parts
// are one line; box, zone and track follow the time of the picture shown.
export function Player({ event, viewer, now, boxes, zone, transport, seen }: PlayerProps) {
  const reel = useReel(event);
  const { part, line } = reel;
  const [size, setSize] = useState({ w: 16, h: 9 });
  const ref = useRef<HTMLDivElement>(null);
  const room = useRoom(ref);
  transport.current = reel.transport;
  const moving = part !== undefined && reel.trouble === '';
  const instant = moving ? part.start + (reel.at - part.offset) * 1000 : Date.parse(event.fired);
  return (
    <>
      <div class="player" ref={ref}>
        {moving ? (
          <video ref={reel.video} key={part.url} src={part.url} poster={event.snapshot_url} muted playsInline autoPlay preload="auto"
            data-testid="evidence-video" aria-label={t('evi.clip')}
            onLoadedMetadata={(e) => {
              setSize({ w: e.currentTarget.videoWidth, h: e.currentTarget.videoHeight });
              reel.arrived(e.currentTarget);
            }}
            onLoadedData={seen} onPlay={() => reel.setPlaying(true)} onPause={() => reel.setPlaying(false)} onTimeUpdate={reel.onTime}
            onEnded={reel.onEnded} onError={() => reel.setTrouble(cannotPlay(part.codec) ? 'h265' : 'error')} />
        ) : event.snapshot_url !== undefined ? (
          <img src={event.snapshot_url} alt={t('evi.snapshot')} data-testid="evidence-still"
            onLoad={(e) => { setSize({ w: e.currentTarget.naturalWidth, h: e.currentTarget.naturalHeight }); seen?.(); }} />
        ) : (
          <div class="calm">{t('evi.nosnapshot')}</div>
        )}
        <Overlay event={event} at={instant} area={fitted(size.w, size.h, room.w, room.h)} boxes={boxes} zone={zone} />
        <span class="badge tl">{date(instant, lang.value)} {clock(instant, true)}</span>
        <span class="badge tr">{t('evi.viewer', { name: viewer, time: clock(now) })}</span>
        <Notes event={event} trouble={reel.trouble} now={now} part={part} retry={() => reel.setTrouble('')} />
      </div>
      {line.parts.length > 0 && <Scrub line={line} event={event} at={reel.at} playing={reel.playing} go={reel.go} toggle={reel.transport.toggle} />}
    </>
  );
}

// useReel runs the parts of a clip as one. The part on screen is known by its address, so that
// parts which arrive later, before or after it, disturb nothing.
function useReel(event: Event) {
  const line = useMemo(() => timeline(event), [event]);
  const [url, setURL] = useState<string>();
  const [at, setAt] = useState(0); // seconds on the line
  const [playing, setPlaying] = useState(false);
  const [trouble, setTrouble] = useState<Trouble>('');
  const video = useRef<HTMLVideoElement>(null);
  const wanted = useRef<number | undefined>(undefined); // second to seek to in the part that is loading
  const rolling = useRef(true); // go on over the border of parts
  const index = Math.max(0, line.parts.findIndex((p) => p.url === url));
  const part = line.parts[index];
  useEffect(() => {
    setURL(undefined);
    setAt(0);
    setTrouble('');
    rolling.current = true;
  }, [event.id]);
  useEffect(() => {
    if (part !== undefined && url === undefined) setURL(part.url);
  }, [part?.url, url]);
  const go = (to: number) => {
    const l = locate(line, to);
    const p = line.parts[l.index];
    setAt(p === undefined ? 0 : p.offset + l.second);
    if (l.index === index && video.current !== null) video.current.currentTime = l.second;
    else if (p !== undefined) {
      wanted.current = l.second;
      setURL(p.url);
    }
  };
  const toggle = () => {
    const v = video.current;
    if (v === null) return;
    rolling.current = v.paused;
    if (v.paused) void v.play().catch(() => undefined);
    else v.pause();
  };
  const hold = () => {
    video.current?.pause();
    rolling.current = false;
  };
  const onTime = () => {
    if (part !== undefined && video.current !== null) setAt(part.offset + video.current.currentTime);
  };
  usePictures(video, onTime, trouble === '' ? part?.url : undefined);
  return {
    line, part, at, playing, setPlaying, trouble, setTrouble, video, go, onTime,
    transport: { toggle, seek: (s: number) => go(at + s), frame: (n: number) => { hold(); go(at + n * frameSeconds); } },
    onEnded: () => { const next = line.parts[index + 1]; wanted.current = 0; if (next !== undefined) setURL(next.url); else { go(0); void video.current?.play().catch(() => undefined); } },
    arrived: (v: HTMLVideoElement) => {
      if (wanted.current !== undefined) v.currentTime = wanted.current;
      wanted.current = undefined;
      if (!rolling.current) v.pause();
    },
  };
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

interface NotesProps { event: Event; trouble: Trouble; now: number; part: Part | undefined; retry(): void }

// Notes say in words what is missing or wrong with what is shown.
function Notes({ event, trouble, now, part, retry }: NotesProps) {
  if (trouble !== '') {
    return (
      <span class="badge bl" role="status" data-testid="clip-note">
        {trouble === 'h265' ? t('evi.h265') : t('evi.error')}
        {part !== undefined && <a href={part.url} download={`${event.id}.mp4`}>{t('evi.download')}</a>}
        {trouble !== 'h265' && <button type="button" onClick={retry}>{t('evi.retry')}</button>}
      </span>
    );
  }
  const missing = absence(event, now);
  const words = missing !== undefined ? word('evi.noclip', missing)
    : part?.state === 'torn' ? t('evi.torn')
    : part?.tainted === true ? t('evi.tainted')
    : undefined;
  return words === undefined ? null : <span class="badge bl" role="status" data-testid="clip-note">{words}</span>;
}
