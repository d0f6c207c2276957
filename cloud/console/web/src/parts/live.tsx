import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Rule } from '../net/setup.ts';
import { Player, type Look } from '../live/player.ts';
import { saidOf, type Said } from '../live/said.ts';
import { t } from '../i18n/index.ts';
import { fitted, type Area } from '../model/overlay.ts';
import { cameras, connected, me, now, tick } from '../model/state.ts';
import { clock } from '../model/time.ts';
import { useRoom } from './room.ts';
import { Seen } from './seen.tsx';

// LiveProps: boxes asks for what the model saw, and shows it with these rules; told is called when
// the first picture, and when the first box, is on screen.
export interface LiveProps { edge: string; camera: string; name: string; boxes?: boolean; rules?: Rule[]; told?(what: 'picture' | 'box'): void }

const blank: Look = { phase: 'connecting', mode: 'video' };

// Live shows one camera as it is now, for as long as it is on the page. Give it a key of the
// camera: another camera is another Live.
export function Live({ edge, camera, name, boxes = false, rules = [], told }: LiveProps) {
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<Player | undefined>(undefined);
  const [look, setLook] = useState(blank);
  const [life, setLife] = useState(0);
  const frame = useRef<HTMLDivElement>(null);
  const room = useRoom(frame);
  const [size, setSize] = useState({ w: 0, h: 0 }); // of the picture
  const painted = useSignal(0);
  // A page that is left by its address may be kept frozen, with its connection open and no timer
  // running: nobody looks, so the pull ends at once, and begins anew if the page comes back.
  useEffect(() => {
    const leave = () => player.current?.close();
    const back = (e: PageTransitionEvent) => {
      if (e.persisted) setLife((n) => n + 1);
    };
    addEventListener('pagehide', leave);
    addEventListener('pageshow', back);
    return () => {
      removeEventListener('pagehide', leave);
      removeEventListener('pageshow', back);
    };
  }, []);
  useEffect(() => {
    const p = (player.current = new Player(`/api/v1/cameras/${encodeURIComponent(edge)}/${encodeURIComponent(camera)}/live`, setLook));
    p.painted = () => void (painted.value += 1);
    p.want(boxes);
    if (video.current !== null) p.open(video.current);
    return () => {
      p.close();
      player.current = undefined;
    };
  }, [edge, camera, life]);
  useEffect(() => player.current?.want(boxes), [boxes]);
  useEffect(() => {
    if (look.firstMs !== undefined) told?.('picture');
  }, [look.firstMs]);
  const there = cameras.value.find((c) => c.edge === edge && c.id === camera)?.state === 'live';
  useEffect(() => {
    if (there && connected.value) player.current?.again();
  }, [there, connected.value]);
  void tick.value; // ages change by themselves
  const age = player.current?.ages.of(performance.now());
  const said = saidOf(look, age, player.current?.ages.quiet(performance.now()));
  const still = look.mode === 'still';
  return (
    <div class="player live" ref={frame} data-testid="live" data-edge={edge} data-camera={camera} data-show={said.show} data-phase={look.phase} data-mode={look.mode}
      data-age-ms={age === undefined ? undefined : Math.round(age)} data-first-ms={look.firstMs === undefined ? undefined : Math.round(look.firstMs)}>
      <video ref={video} muted playsInline autoPlay disablePictureInPicture hidden={still} tabIndex={-1} aria-label={t('live.of', { name })}
        onResize={(e) => setSize({ w: e.currentTarget.videoWidth, h: e.currentTarget.videoHeight })} onLoadedMetadata={(e) => setSize({ w: e.currentTarget.videoWidth, h: e.currentTarget.videoHeight })} />
      {still && look.still !== undefined && <img src={look.still} alt={t('live.still.of', { name })} onLoad={(e) => {
        setSize({ w: e.currentTarget.naturalWidth, h: e.currentTarget.naturalHeight });
        player.current?.stillLoaded(e.currentTarget.src);
      }} />}
      {boxes && (said.show === 'live' || said.show === 'delayed') && <Now player={player} painted={painted} area={fitted(size.w, size.h, room.w, room.h)} rules={rules} told={told} />}
      {said.show === 'stale' && <div class="veil"><strong>{t('live.notlive')}</strong><span>{t('live.ago', { s: seconds(age) })}</span></div>}
      {said.show === 'none' && (
        <div class="calm">
          <span role="status" data-testid="live-words">{said.why !== undefined && t(said.why)}</span>
          {said.again && <button type="button" onClick={() => player.current?.again()}>{t('live.again')}</button>}
        </div>
      )}
      <Tag said={said} age={age} tainted={player.current?.ages.tainted === true} />
      {said.show !== 'none' && <span class="badge tr">{t('evi.viewer', { name: me.value?.user.name ?? '', time: clock(now.value) })}</span>}
      {said.show !== 'none' && <Words look={look} said={said} again={() => player.current?.again()} />}
    </div>
  );
}

// Now draws what was seen in the very picture that is on screen, picture by picture.
function Now({ player, painted, area, rules, told }: { player: { current: Player | undefined }; painted: Signal<number>; area: Area; rules: Rule[]; told: LiveProps['told'] }) {
  void painted.value;
  const boxes = player.current?.boxes() ?? [];
  const any = boxes.length > 0;
  useEffect(() => {
    if (any) told?.('box');
  }, [any]);
  return <Seen boxes={boxes} rules={rules} area={area} />;
}

function seconds(ageMs: number | undefined): string {
  const s = (ageMs ?? 0) / 1000;
  return s < 10 ? s.toFixed(1) : String(Math.floor(s));
}

// Tag says what the picture may be called, and how old it is.
function Tag({ said, age, tainted }: { said: Said; age: number | undefined; tainted: boolean }) {
  if (said.show === 'none') return null;
  return (
    <span class={`badge tl show-${said.show}`} data-testid="live-tag">
      <b>{t(`live.${said.show}`)}</b> {t('live.age', { s: seconds(age) })}{tainted && ` · ${t('live.tainted')}`}
    </span>
  );
}

// Words say why the picture is not what one would expect. Only they are read out.
function Words({ look, said, again }: { look: Look; said: Said; again(): void }) {
  const why = said.why === undefined ? undefined : t(said.why);
  const instead = look.fallback === undefined ? undefined : t(`live.fallback.${look.fallback}`);
  return (
    <span class={`badge bl${why === undefined && instead === undefined && !said.again ? ' hidden' : ''}`} role="status" data-testid="live-words">
      {why !== undefined && <span>{why}</span>}
      {instead !== undefined && <span>{instead}</span>}
      {said.again && <button type="button" onClick={again}>{t('live.again')}</button>}
    </span>
  );
}
