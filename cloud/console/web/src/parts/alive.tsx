import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t, word } from '../i18n/index.ts';
import { kindName } from '../model/kinds.ts';
import type { Desk } from '../model/desk.ts';
import { cameraPath, follows, go } from '../model/route.ts';
import { alerts, cameras, choose, select } from '../model/state.ts';
import { Live } from './live.tsx';

export interface Seen { picture: boolean; box: boolean }

// useAlive follows a camera that was just saved as it comes alive.
export function useAlive(desk: Desk) {
  const [seen, setSeen] = useState<Seen>({ picture: false, box: false });
  const id = desk.fields.value.id;
  const camera = cameras.value.find((c) => c.edge === desk.edge.value && c.id === id);
  const since = desk.savedAt.value ?? 0;
  // The clock of this page and that of the edge may differ by some seconds.
  const alert = [...alerts.value.values()].filter((a) => a.edge === desk.edge.value && a.camera === id && Date.parse(a.raised) > since - 5000).sort((a, b) => a.seq - b.seq)[0];
  const told = (what: 'picture' | 'box') => setSeen((s) => (s[what] ? s : { ...s, [what]: true }));
  return { camera, alert, seen, told };
}

type A = ReturnType<typeof useAlive>;

// Alive lists what has come to be, and what is still awaited.
export function Alive({ desk, a, another, change }: { desk: Desk; a: A; another(): void; change(): void }) {
  const { camera, alert, seen } = a;
  const live = camera?.state === 'live';
  const trouble = camera !== undefined && camera.code !== undefined && camera.code !== '' && !live;
  const watched = desk.rules.value.now.length > 0;
  useEffect(() => {
    document.getElementById('alive-title')?.focus();
  }, []);
  const see = () => {
    if (alert === undefined) return;
    choose('all');
    select(alert.id);
    go('/console');
  };
  return (
    <div class="desk-form">
      <ol class="alive" aria-live="polite" data-testid="alive">
        <Mark is="yes" id="saved"><span id="alive-title" tabIndex={-1}>{t('alive.saved')}</span></Mark>
        <Mark is={camera !== undefined ? 'yes' : 'now'} id="taken">{t(camera !== undefined ? 'alive.taken' : 'alive.taking')}</Mark>
        <Mark is={live ? 'yes' : trouble ? 'bad' : camera !== undefined ? 'now' : 'wait'} id="live">
          {live ? t('alive.live') : trouble ? word('code', camera.code ?? '') : t('alive.connecting')}
          {trouble && <small class="raw" lang="en">{camera.reason}</small>}
        </Mark>
        <Mark is={seen.picture ? 'yes' : live ? 'now' : 'wait'} id="picture">{t(seen.picture ? 'alive.picture' : 'alive.nopicture')}</Mark>
        <Mark is={seen.box ? 'yes' : seen.picture ? 'now' : 'wait'} id="boxes">{t(seen.box ? 'alive.boxes' : 'alive.noboxes')}</Mark>
        <Mark is={alert !== undefined ? 'yes' : watched && live ? 'now' : 'wait'} id="alert">
          {t(alert !== undefined ? 'alive.alert' : watched ? 'alive.noalert' : 'alive.norules')}
        </Mark>
      </ol>
      {alert !== undefined && <button type="button" class="button prime" data-testid="see-alert" onClick={see}>{t('alive.see')} · {kindName(alert.kind)}</button>}
      <div class="inline">
        <a class="button" data-testid="to-camera" href={cameraPath(desk.edge.value, desk.fields.value.id)} onClick={follows}>{t('alive.camera')}</a>
        <button type="button" class="button" onClick={change}>{t('alive.change')}</button>
        <button type="button" class="button" data-testid="another" onClick={another}>{t('alive.another')}</button>
      </div>
    </div>
  );
}

function Mark({ is, id, children }: { is: 'yes' | 'now' | 'wait' | 'bad'; id: string; children: ComponentChildren }) {
  return <li data-is={is} data-testid={`alive-${id}`}><i aria-hidden="true">{is === 'yes' ? '✓' : is === 'bad' ? '!' : ''}</i><div>{children}</div></li>;
}

// Waking is the picture beside it: live, with what the model sees, as soon as there is one.
export function Waking({ desk, a }: { desk: Desk; a: A }) {
  const p = desk.picture.value;
  const name = desk.fields.value.name ?? desk.fields.value.id;
  if (a.camera?.state === 'live' || a.seen.picture) {
    return <div class="evidence"><Live edge={desk.edge.value} camera={desk.fields.value.id} name={name} boxes rules={desk.rules.value.now} told={a.told} /></div>;
  }
  return (
    <div class="evidence">
      <div class="player waking">
        {p !== undefined && <img src={p.url} alt={t('cam.picture.of', { name })} />}
        <span class="badge bl"><span>{t(a.camera === undefined ? 'alive.taking' : 'alive.connecting')}</span></span>
      </div>
    </div>
  );
}
