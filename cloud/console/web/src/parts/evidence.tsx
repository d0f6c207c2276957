import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';
import type { Alert, Camera, Event } from '../net/types.ts';
import { api } from '../net/api.ts';
import { lang, t, word } from '../i18n/index.ts';
import { isOpen } from '../model/queue.ts';
import { alerts, cameras, detail, detailError, me, now, selected } from '../model/state.ts';
import { clock, full, length } from '../model/time.ts';
import { choosing, openEvidence, stillLooking } from '../model/work.ts';
import { cameraPath, follows } from '../model/route.ts';
import { Kbd } from './kbd.tsx';
import { Live } from './live.tsx';
import { Player, type Transport } from './player.tsx';
import { Flame, Shape } from './shape.tsx';

export const boxes = signal(true);
export const zone = signal(true);
export const live = signal(false); // beside the evidence of the selected card; each card begins without
const shownEvent = signal<string | undefined>(undefined); // of a card that holds several

// current is the event of the selected card whose evidence is shown.
export function current(): Event | undefined {
  const list = detail.value?.event_list;
  return list?.find((e) => e.id === shownEvent.value) ?? list?.[0];
}

// chosen is the selected card as it is now.
export function chosen(): Alert | undefined {
  return selected.value === undefined ? undefined : (alerts.value.get(selected.value) ?? detail.value);
}

// Evidence is the middle of the page: the picture has the most room.
export function Evidence({ transport }: { transport: RefObject<Transport | null> }) {
  const event = current();
  const a = chosen();
  useLooking(event);
  if (a === undefined && selected.value === undefined) return <><div class="head" /><div class="calm faint"><Flame size={44} /><span>{t('queue.select')}</span></div></>;
  return (
    <>
      <div class="head">
        {a !== undefined && <Shape priority={a.priority} size={16} />}
        {a !== undefined && <h2 title={a.camera_name}><a href={cameraPath(a.edge, a.camera)} onClick={follows}>{a.camera_name || a.camera} <small>{a.camera}</small></a></h2>}
        {event !== undefined && <span class="chip still">{full(event.start, lang.value)}</span>}
        <span class="grow" />
        <button type="button" class="chip" aria-pressed={live.value} data-testid="live-toggle" onClick={() => (live.value = !live.value)}>{t('live.live')} <Kbd act="live" /></button>
        <button type="button" class="chip" aria-pressed={boxes.value} data-testid="boxes" onClick={() => (boxes.value = !boxes.value)}>{t('evi.boxes')} <Kbd act="boxes" /></button>
        <button type="button" class="chip" aria-pressed={zone.value} onClick={() => (zone.value = !zone.value)}>{t('evi.zone')} <Kbd act="zone" /></button>
      </div>
      {event !== undefined ? <Shown event={event} transport={transport} />
        : a !== undefined && detailError.value === undefined && a.snapshot_url !== undefined
          ? <div class="evidence"><div class="player"><img src={a.snapshot_url} alt={t('evi.snapshot')} /></div></div>
          : <div class="calm" role="status">{detailError.value ?? t('queue.loading')}</div>}
    </>
  );
}

function Shown({ event, transport }: { event: Event; transport: RefObject<Transport | null> }) {
  return (
    <div class="evidence" data-testid="evidence">
      <Player event={event} viewer={me.value?.user.name ?? ''} now={now.value} boxes={boxes.value} zone={zone.value} transport={transport} seen={seen} />
      {live.value && event.edge !== undefined && <Live key={`${event.edge}/${event.camera}`} edge={event.edge} camera={event.camera} name={event.camera_name || event.camera} />}
      <Strip event={event} />
    </div>
  );
}

// Strip holds the other events of the card, and how the camera looks now.
function Strip({ event }: { event: Event }) {
  const list = detail.value?.event_list ?? [];
  const camera = cameras.value.find((c) => c.id === event.camera && (event.edge === undefined || c.edge === event.edge));
  return (
    <div class="strip">
      {camera !== undefined && <Now camera={camera} />}
      {list.length > 1 && (
        <div class="events" role="group" aria-label={t('evi.count', { n: list.length })}>
          {list.map((e, i) => (
            <button key={e.id} type="button" data-testid="event-tile" aria-pressed={e.id === event.id} onClick={() => (shownEvent.value = e.id)}>
              {e.snapshot_url !== undefined ? <img src={e.snapshot_url} alt="" loading="lazy" /> : <span class="none" />}
              <span><b>{t('evi.event', { n: i + 1 })}</b>{clock(e.start)}</span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

// lateAfter is the age in seconds beyond which a still is shown as late: edges send one every ten.
export const lateAfter = 30;

function Now({ camera: c }: { camera: Camera }) {
  const age = c.still_at === undefined ? Infinity : Math.max(0, (now.value - Date.parse(c.still_at)) / 1000);
  const late = age > lateAfter || c.state !== 'live';
  return (
    <figure class={late ? 'late' : ''} data-testid="now-tile">
      <div class="pic">{c.has_still && <img src={api.stillURL(c)} alt={t('evi.now')} />}</div>
      <figcaption><b>{t('evi.now')}</b><span>{c.state !== 'live' ? word('state', c.state) : late ? t('camera.late', { s: length(age) }) : t('evi.ago', { s: Math.floor(age) })}</span></figcaption>
    </figure>
  );
}

// seen is called when a picture of the selected card is on screen: now its evidence is open.
function seen(): void {
  const a = chosen();
  if (a !== undefined && isOpen(a)) openEvidence(a.id).catch(() => undefined);
}

const leaseMs = 45_000; // the server takes a card back from who does nothing for 120 s
const idleMs = 90_000;

// useLooking begins anew with each card. A card without any picture counts as opened when its
// details are shown. Who works at a card of their own keeps it.
function useLooking(event: Event | undefined): void {
  const id = selected.value;
  const touched = useRef(performance.now());
  useEffect(() => {
    choosing.value = undefined;
    shownEvent.value = undefined;
    live.value = false;
  }, [id]);
  useEffect(() => {
    if (event !== undefined && event.snapshot_url === undefined && event.clips.length === 0) seen();
  }, [event?.id]);
  useEffect(() => {
    if (id === undefined) return undefined;
    const touch = () => (touched.current = performance.now());
    const kinds = ['keydown', 'pointermove', 'pointerdown'];
    for (const k of kinds) addEventListener(k, touch, { passive: true });
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && performance.now() - touched.current < idleMs) stillLooking(id);
    }, leaseMs);
    return () => {
      clearInterval(timer);
      for (const k of kinds) removeEventListener(k, touch);
    };
  }, [id]);
}
