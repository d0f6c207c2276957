import { useSignal } from '@preact/signals';
import type { Camera } from '../net/types.ts';
import { api } from '../net/api.ts';
import { lang, t, word } from '../i18n/index.ts';
import { cameras, me, now } from '../model/state.ts';
import { cameraPath, follows } from '../model/route.ts';
import { full, length } from '../model/time.ts';
import { lateAfter } from '../parts/evidence.tsx';

export function Cameras() {
  const only = useSignal(false);
  const all = cameras.value;
  const admin = me.value?.user.role === 'admin';
  const live = all.filter((c) => c.state === 'live').length;
  const list = [...all].filter((c) => !only.value || c.state !== 'live')
    .sort((a, b) => Number(a.state === 'live') - Number(b.state === 'live') || a.name.localeCompare(b.name));
  return (
    <main class="wide-page page">
      <div class="tools">
        <strong>{t('camera.count', { live, all: all.length })}</strong>
        <button type="button" class="chip" aria-pressed={!only.value} onClick={() => (only.value = false)}>{t('camera.all')}</button>
        <button type="button" class="chip" aria-pressed={only.value} onClick={() => (only.value = true)}>{t('camera.abnormal')}</button>
        <span class="grow" />
        {admin && <a class="button" href="/cameras/new" data-testid="camera-add" onClick={follows}>+ {t('cam.add')}</a>}
      </div>
      {all.length === 0
        ? <div class="calm"><strong>{t('camera.none')}</strong><span>{t('camera.none.help')}</span>{admin && <a class="button prime" href="/cameras/new" onClick={follows}>{t('cam.add')}</a>}</div>
        : <div class="cameras scroll" role="region" tabIndex={0} aria-label={t('nav.cameras')}>{list.map((c) => <Tile key={`${c.edge}/${c.id}`} camera={c} />)}</div>}
    </main>
  );
}

function Tile({ camera: c }: { camera: Camera }) {
  const age = c.still_at === undefined ? Infinity : (now.value - Date.parse(c.still_at)) / 1000;
  const late = age > lateAfter;
  const abnormal = c.state !== 'live' && c.state !== 'starting';
  return (
    <article class="camera" data-testid="camera-card" data-camera={c.id} data-state={c.state} data-abnormal={abnormal}>
      <div class={`pic${late && c.has_still ? ' late' : ''}`}>
        {c.has_still ? <img src={api.stillURL(c)} alt={c.name} loading="lazy" /> : t('camera.nostill')}
        {c.has_still && late && <span class="lateness">{t('camera.late', { s: length(age) })}</span>}
      </div>
      <div class="text">
        <span class="name"><a class="whole" href={cameraPath(c.edge, c.id)} onClick={follows}>{c.name || c.id}</a><span class="state">{word('state', c.state)}</span></span>
        <span class="sub">{c.id} · {t('camera.edge', { name: c.edge_name })}{!c.edge_online && ` · ${t('camera.edge.offline')}`}</span>
        {c.code !== undefined && c.code !== '' && <span class="sub" title={c.reason}><b>{word('code', c.code)}</b></span>}
        {c.reason !== undefined && c.reason !== '' && <span class="raw" lang="en">{c.reason}</span>}
        {c.state === 'live'
          ? <span class="sub">{t('camera.rate', { fps: c.fps.toFixed(1), infer: c.infer_ps.toFixed(1) })} · {c.width_px}×{c.height_px}</span>
          : <span class="sub">{t('camera.since', { time: full(c.since, lang.value) })}</span>}
      </div>
    </article>
  );
}
