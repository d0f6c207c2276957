import { useEffect, useState } from 'preact/hooks';
import type { EdgeRow } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import { splitLogin } from '../model/address.ts';
import type { Desk, Probe } from '../model/desk.ts';
import { stageOf } from '../model/draft.ts';
import { follows } from '../model/route.ts';
import { tick } from '../model/state.ts';
import { marks, Why } from './field.tsx';

const scheme = 'rtsp://'; // every address begins so, whatever the language

// Connect asks where the camera is and how to log in to it, and tries.
export function Connect({ desk, edges }: { desk: Desk; edges: EdgeRow[] }) {
  const c = desk.fields.value;
  const off = desk.readOnly.value || desk.setup.value === undefined;
  const [moved, setMoved] = useState(false);
  // settle looks for a login in the address once it is whole: pasted, or left.
  const settle = (text: string) => {
    const login = splitLogin(text);
    if (login === undefined) return;
    setMoved(true);
    desk.put({ url: login.url, username: login.username });
    if (login.password !== '') desk.password.value = login.password;
  };
  const submit = (e: Event) => {
    e.preventDefault();
    const bad = desk.troubles.value.find((x) => stageOf(x.path) === 'connect');
    if (bad === undefined) return void desk.ask();
    desk.tried.value = new Set([...desk.tried.value, 'connect']);
    desk.focus.value = bad.path;
  };
  return (
    <form class="desk-form" onSubmit={submit}>
      {desk.original === undefined && <Edges desk={desk} edges={edges} />}
      <label class="field">{t('cam.url')}
        <input {...marks(desk, 'url')} data-testid="cam-url" value={c.url} inputMode="url" autocomplete="off" spellcheck={false} disabled={off} placeholder={scheme}
          onInput={(e) => {
            desk.put({ url: e.currentTarget.value });
            if (e.inputType === 'insertFromPaste') settle(e.currentTarget.value);
          }} onChange={(e) => settle(e.currentTarget.value)} autofocus />
        <Why desk={desk} path="url" help={t('cam.url.help')} />
      </label>
      {moved && <p class="hint" role="status" data-testid="login-moved">{t('cam.url.moved')}</p>}
      <div class="two">
        <label class="field">{t('cam.user')}
          <input {...marks(desk, 'username')} data-testid="cam-user" value={c.username ?? ''} autocomplete="off" spellcheck={false} disabled={off} onInput={(e) => desk.put({ username: e.currentTarget.value })} />
          <Why desk={desk} path="username" />
        </label>
        <Password desk={desk} off={off} />
      </div>
      <Ways desk={desk} off={off} />
      <div class="inline end">
        <button class={`button${desk.proven.value ? '' : ' prime'}`} data-testid="probe" disabled={off || desk.probe.value.is === 'asking'}>
          {desk.probe.value.is === 'none' ? t('cam.probe') : t('cam.probe.again')}
        </button>
      </div>
      <Outcome desk={desk} />
    </form>
  );
}

function Edges({ desk, edges }: { desk: Desk; edges: EdgeRow[] }) {
  if (edges.length === 0) return <p class="hint" role="status">{t('cam.edge.none')} <a href="/admin" onClick={follows}>{t('cam.edge.go')}</a></p>;
  return (
    <label class="field">{t('cam.edge')}
      <select data-testid="cam-edge" value={desk.edge.value} onChange={(e) => void desk.read(e.currentTarget.value)}>
        {edges.filter((e) => !e.disabled).map((e) => <option key={e.id} value={e.id} disabled={!e.online}>{e.online ? e.name : t('cam.edge.off', { name: e.name })}</option>)}
      </select>
    </label>
  );
}

function Password({ desk, off }: { desk: Desk; off: boolean }) {
  const [shown, setShown] = useState(false);
  const stored = desk.stored.value?.has_password === true;
  return (
    <label class="field">{t('cam.password')}
      <span class="with">
        <input {...marks(desk, 'password')} data-testid="cam-password" type={(shown ? 'text' : 'password') as 'password'} value={desk.password.value ?? ''} autocomplete="new-password" spellcheck={false} disabled={off}
          placeholder={stored ? '••••••••' : ''} onInput={(e) => {
            desk.password.value = e.currentTarget.value;
            desk.said.value = desk.said.value.filter((f) => f.path !== 'password');
          }} />
        <button type="button" class="chip" aria-pressed={shown} onClick={() => setShown(!shown)}>{t('cam.password.show')}</button>
      </span>
      <Why desk={desk} path="password" help={t(stored ? 'cam.password.stored' : 'cam.password.kept')} />
    </label>
  );
}

function Ways({ desk, off }: { desk: Desk; off: boolean }) {
  const c = desk.fields.value;
  const refused = desk.probe.value.is === 'bad' && desk.probe.value.code === 'basic-refused';
  return (
    <>
      <div class="field" role="group" aria-label={t('cam.transport')}>{t('cam.transport')}
        <span class="inline tight" id="f-transport" tabIndex={-1}>
          {(['tcp', 'udp'] as const).map((w) => (
            <button key={w} type="button" class="chip" data-testid={`transport-${w}`} disabled={off} aria-pressed={(c.transport ?? 'tcp') === w} onClick={() => desk.put({ transport: w })}>{t(`cam.transport.${w}`)}</button>
          ))}
        </span>
        <Why desk={desk} path="transport" help={t('cam.transport.help')} />
      </div>
      {/^\s*rtsps:/i.test(c.url) && (
        <label class="field">{t('cam.pin')}
          <input {...marks(desk, 'tls.pin_sha256')} data-testid="cam-pin" value={c.tls?.pin_sha256 ?? ''} autocomplete="off" spellcheck={false} disabled={off} onInput={(e) => {
            const { pin_sha256: _, ...rest } = c.tls ?? {};
            const pin = e.currentTarget.value.trim();
            desk.put({ tls: pin === '' ? rest : { ...rest, pin_sha256: pin } });
          }} />
          <Why desk={desk} path="tls.pin_sha256" help={t('cam.pin.help')} />
        </label>
      )}
      {(refused || c.allow_basic === true) && (
        <label class="tick"><input type="checkbox" data-testid="allow-basic" checked={c.allow_basic === true} disabled={off} onChange={(e) => desk.put({ allow_basic: e.currentTarget.checked })} />
          <span>{t('cam.basic')}<small>{t('cam.basic.help')}</small></span></label>
      )}
    </>
  );
}

// Outcome tells how a probe goes, and how it went.
function Outcome({ desk }: { desk: Desk }) {
  const p = desk.probe.value;
  return (
    <div role="status" data-testid="probe-outcome" data-is={p.is} data-code={p.is === 'bad' ? p.code : undefined}>
      {p.is === 'asking' && <Asking />}
      {p.is === 'good' && <Good p={p} fresh={desk.proven.value} />}
      {p.is === 'bad' && desk.asked.value && <Bad code={p.code} message={p.message} />}
    </div>
  );
}

function Asking() {
  const [since] = useState(() => performance.now());
  void tick.value;
  return (
    <div class="outcome">
      <div class="going"><i /></div>
      <span>{t('cam.probe.asking')} <b>{t('cam.probe.seconds', { s: Math.floor((performance.now() - since) / 1000) })}</b></span>
    </div>
  );
}

function Good({ p, fresh }: { p: Extract<Probe, { is: 'good' }>; fresh: boolean }) {
  const a = p.answer;
  return (
    <div class="outcome good">
      <strong>✓ {t('cam.probe.good')}</strong>
      <dl class="facts">
        <dt>{t('cam.probe.codec')}</dt><dd>{codecName(a.codec)} · {t('cam.probe.size', { w: a.width_px, h: a.height_px })}{a.fps > 0 && ` · ${t('cam.probe.fps', { fps: round(a.fps) })}`}</dd>
        {a.tracks !== undefined && a.tracks.length > 0 && <><dt>{t('cam.probe.tracks')}</dt><dd>{a.tracks.join(', ')}</dd></>}
      </dl>
      {a.took_ms !== undefined && <small>{t('cam.probe.took', { s: (a.took_ms / 1000).toFixed(1) })}</small>}
      {!fresh && <p class="wrong">{t('cam.probe.changed')}</p>}
    </div>
  );
}

const round = (n: number): string => (Math.abs(n - Math.round(n)) < 0.05 ? String(Math.round(n)) : n.toFixed(1));

// codecName is how people write a codec.
export function codecName(codec: string): string {
  return /^h?\.?26[45]$/i.test(codec) ? `H.${codec.slice(-3)}` : codec;
}

function Bad({ code, message }: { code: string; message: string }) {
  const known = word('probe', code) !== code;
  const key = known ? code : 'other';
  return (
    <div class="outcome bad">
      <strong>{word('probe', key)}</strong>
      <p>{word('probe.do', key)}</p>
      <p class="raw" lang="en">{message}</p>
    </div>
  );
}

// said gives the words for a failure of the set-up itself, with what to do.
export function setupWords(code: string, message: string): string {
  return word('probe', code) === code ? message : `${word('probe', code)}. ${word('probe.do', code)}`;
}

// useFirst reads the only edge that there is to choose, or the first one that is connected.
export function useFirst(desk: Desk, edges: EdgeRow[] | undefined): void {
  useEffect(() => {
    if (desk.edge.value !== '' || edges === undefined) return;
    const first = edges.find((e) => e.online && !e.disabled);
    if (first !== undefined) void desk.read(first.id);
  }, [edges, desk]);
}

