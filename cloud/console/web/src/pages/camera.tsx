import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../net/api.ts';
import { setupAPI, type Rule } from '../net/setup.ts';
import type { Camera, Event } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { kindName } from '../model/kinds.ts';
import { explain } from '../model/explain.ts';
import { follows } from '../model/route.ts';
import { alerts, cameras, loaded, me, now } from '../model/state.ts';
import { why } from '../model/sentence.ts';
import { setShowBoxes, showBoxes } from '../model/showboxes.ts';
import { clock, date, full } from '../model/time.ts';
import { Live } from '../parts/live.tsx';
import { Player, type Transport } from '../parts/player.tsx';
import { Shape } from '../parts/shape.tsx';
import { SetupLink } from './setup.tsx';

const recent = 40;

// CameraPage shows one camera: live, how it is, and what it has reported of late.
export function CameraPage({ edge, id }: { edge: string; id: string }) {
  const camera = cameras.value.find((c) => c.edge === edge && c.id === id);
  const [open, setOpen] = useState<Event>();
  const on = showBoxes.value;
  const rules = useRules(edge, id, on);
  const admin = me.value?.user.role === 'admin';
  if (camera === undefined) return <main class="page calm"><span role="status">{loaded.value ? t('camera.unknown', { id }) : t('queue.loading')}</span></main>;
  return (
    <main class="camera-page page">
      <section class="column" aria-label={t('live.of', { name: camera.name || camera.id })}>
        <div class="head">
          <a class="chip" href="/cameras" onClick={follows}>{t('camera.back')}</a>
          <h2 title={camera.name}>{camera.name || camera.id} <small>{camera.id}</small></h2>
          <span class="grow" />
          {on && rules === 'unknown' && <span class="dim" role="status">{t('live.zones.failed')}</span>}
          <button type="button" class="chip" data-testid="show-boxes" aria-pressed={on} onClick={() => setShowBoxes(!on)}>{t('live.boxes')}</button>
          {admin && <SetupLink edge={edge} id={id} />}
        </div>
        <div class="evidence">
          <Live key={`${edge}/${id}`} edge={edge} camera={id} name={camera.name || id} boxes={on} rules={Array.isArray(rules) ? rules : []} />
          {open !== undefined && <Past event={open} close={() => setOpen(undefined)} />}
        </div>
      </section>
      <section class="column" aria-label={t('camera.state')}>
        <div class="head"><h2>{t('camera.state')}</h2></div>
        <Facts camera={camera} />
        <Recent camera={camera} open={open} setOpen={setOpen} />
      </section>
    </main>
  );
}

// useRules reads what is drawn on a camera's picture, when it is to be shown.
function useRules(edge: string, id: string, on: boolean): Rule[] | 'unknown' | undefined {
  const [rules, setRules] = useState<Rule[] | 'unknown'>();
  useEffect(() => {
    if (!on) return undefined;
    let gone = false;
    setupAPI.read(edge).then((s) => gone || setRules(s.cameras.find((c) => c.id === id)?.rules ?? []), () => gone || setRules('unknown'));
    return () => {
      gone = true;
    };
  }, [edge, id, on]);
  return rules;
}

// Past is the recording of one event, below the live picture.
function Past({ event, close }: { event: Event; close(): void }) {
  const transport = useRef<Transport | null>(null);
  return (
    <>
      <div class="inline past">
        <Shape priority={event.priority} size={14} /><strong>{kindName(event.kind)}</strong><span>{full(event.start, lang.value)}</span>
        <span class="grow" /><button type="button" class="chip" data-testid="past-close" onClick={close}>{t('events.close')}</button>
      </div>
      <Player event={event} viewer={me.value?.user.name ?? ''} now={now.value} boxes zone transport={transport} />
    </>
  );
}

function Facts({ camera: c }: { camera: Camera }) {
  const abnormal = c.state !== 'live' && c.state !== 'starting';
  return (
    <div class="camera facts-box" data-state={c.state} data-abnormal={abnormal} data-testid="camera-state">
      <span class="state">{word('state', c.state)}</span>
      {c.code !== undefined && c.code !== '' && <p><b>{word('code', c.code)}</b></p>}
      {c.reason !== undefined && c.reason !== '' && <p class="raw" lang="en">{c.reason}</p>}
      <dl class="facts">
        <dt>{t('camera.from')}</dt><dd>{full(c.since, lang.value)}</dd>
        <dt>{t('why.edge')}</dt><dd>{c.edge_name} {!c.edge_online && <small>{t('camera.edge.offline')}</small>}</dd>
        <dt>{t('camera.picture')}</dt><dd>{c.width_px > 0 && `${c.width_px}×${c.height_px}`} <small>{c.codec}</small></dd>
        <dt>{t('camera.speed')}</dt><dd>{t('camera.rate', { fps: c.fps.toFixed(1), infer: c.infer_ps.toFixed(1) })}</dd>
        <dt>{t('why.model')}</dt><dd>{c.model}</dd>
        <dt>{t('admin.seen')}</dt><dd>{clock(c.last_report)}</dd>
      </dl>
    </div>
  );
}

// Recent lists the latest events; it is loaded anew when an alert of this camera changes.
function Recent({ camera: c, open, setOpen }: { camera: Camera; open: Event | undefined; setOpen(e: Event): void }) {
  const [rows, setRows] = useState<Event[]>();
  const [error, setError] = useState('');
  let latest = 0;
  for (const a of alerts.value.values()) if (a.edge === c.edge && a.camera === c.id) latest = Math.max(latest, a.seq);
  useEffect(() => {
    let gone = false;
    api.events({ camera: c.id, limit: recent }).then((r) => {
      if (gone) return;
      setRows(r.events.filter((e) => e.edge === undefined || e.edge === c.edge));
      setError('');
    }, (err: unknown) => gone || setError(explain(err)));
    return () => {
      gone = true;
    };
  }, [c.edge, c.id, latest]);
  return (
    <>
      <div class="head"><h2>{t('camera.events')}</h2></div>
      <div class="recent scroll" role="region" tabIndex={0} aria-label={t('camera.events')}>
        {error !== '' && <p class="notice" role="alert">{t('events.error', { message: error })}</p>}
        {rows?.length === 0 && <p class="notice">{t('camera.events.none')}</p>}
        {rows?.map((e) => (
          <button key={e.id} type="button" class="past-row" data-testid="camera-event" aria-pressed={open?.id === e.id} onClick={() => setOpen(e)}>
            <span class="thumb">{e.snapshot_url !== undefined && <img src={e.snapshot_url} alt="" loading="lazy" />}</span>
            <span class="said">
              <span class="what"><Shape priority={e.priority} size={12} /> {kindName(e.kind)} <em>{e.verdict === undefined ? t('events.unjudged') : word('verdict', e.verdict)}</em></span>
              <span class="where" title={why(e, now.value)}>{date(e.start, lang.value)} {clock(e.start)}</span>
            </span>
          </button>
        ))}
      </div>
    </>
  );
}
