// The console begins here: who may see what, which page is shown, and the frame around it.

import { render } from 'preact';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { lang, setLang, t } from './i18n/index.ts';
import { api, ApiError } from './net/api.ts';
import { alerts, beat, cameras, connect, connected, disconnect, fail, lastHeard, me, now, sessionLost, tick, toast, undo } from './model/state.ts';
import { allow, blocked, mutedUntil } from './model/sound.ts';
import { full } from './model/time.ts';
import { Admin, Audit } from './pages/admin.tsx';
import { Cameras } from './pages/cameras.tsx';
import { Events } from './pages/events.tsx';
import { Queue, sheet } from './pages/queue.tsx';
import { Sign } from './pages/sign.tsx';
import { Flame } from './parts/shape.tsx';

const path = signal(location.pathname);
const phase = signal<'asking' | 'setup' | 'login' | 'in'>('asking');

export function go(to: string): void {
  if (to !== location.pathname) history.pushState(null, '', to);
  path.value = to;
}

// enter finds out who is there, and begins to follow the server.
async function enter(): Promise<void> {
  try {
    me.value = await api.me();
    sessionLost.value = false;
    phase.value = 'in';
    if (['/', '/login', '/setup'].includes(path.value)) go('/console');
    await connect();
  } catch (err) {
    if (err instanceof ApiError && err.status === 401) {
      const { needed } = await api.setupNeeded();
      phase.value = needed ? 'setup' : 'login';
      return;
    }
    fail(err);
    setTimeout(() => void enter(), 3000);
  }
}

const links = [
  ['/console', 'nav.queue', false], ['/cameras', 'nav.cameras', false], ['/events', 'nav.events', false],
  ['/admin', 'nav.admin', true], ['/audit', 'nav.audit', true],
] as const;

function Top() {
  const admin = me.value?.user.role === 'admin';
  const live = cameras.value.filter((c) => c.state === 'live').length;
  const hour = [...alerts.value.values()].filter((a) => Date.parse(a.raised) > now.value - 3600_000).length;
  return (
    <header class="top">
      <span class="brand"><Flame /> {t('app.name')}</span>
      <nav class="nav">
        {links.filter(([, , only]) => admin || !only).map(([to, key]) => (
          <a key={to} href={to} aria-current={path.value === to ? 'page' : undefined} onClick={(e) => { e.preventDefault(); go(to); }}>{t(key)}</a>
        ))}
      </nav>
      <span class="grow" />
      <Stale />
      <span class="law">{t('app.law')}</span>
      <span class="stat">{t('top.cameras')} <b>{live}</b>/{cameras.value.length}</span>
      <span class="stat">{t('top.hour')} <b>{hour}</b></span>
      <span class="clock">{full(now.value, lang.value)}</span>
      <span class="stat"><b>{me.value?.user.name}</b></span>
      <button type="button" class="chip" data-testid="lang" onClick={() => setLang(lang.value === 'ko' ? 'en' : 'ko')}>{t('top.lang')}</button>
      <button type="button" class="chip" onClick={() => void api.logout().finally(leave)}>{t('top.logout')}</button>
    </header>
  );
}

// heardSeconds is how old what the page shows may be.
function heardSeconds(): number {
  return lastHeard.value === 0 ? 0 : Math.max(0, (tick.value - lastHeard.value) / 1000);
}

function Stale() {
  const s = heardSeconds();
  if (connected.value && s < 7) return null;
  return <span class="stale" data-testid="stale-badge" role="status">{lastHeard.value === 0 ? t('stale.connecting') : t('stale.badge', { s: Math.floor(s) })}</span>;
}

function SoundBar() {
  if (!blocked.value) return null;
  return (
    <div class="bar-line" data-testid="sound-bar" role="status">
      {t('sound.blocked')} <button type="button" class="button" onClick={() => void allow()}>{t('sound.allow')}</button>
    </div>
  );
}

function Foot() {
  const edges = new Map(cameras.value.map((c) => [c.edge, c.edge_online]));
  const online = [...edges.values()].filter(Boolean).length;
  const muted = Math.ceil((mutedUntil.value - tick.value) / 1000);
  return (
    <footer class="foot">
      <span><b>↑↓</b> {t('foot.move')}</span><span><b>Enter</b> {t('foot.open')}</span><span><b>A</b> {t('foot.claim')}</span>
      <span><b>1 · 2</b> {t('foot.verdict')}</span>
      <button type="button" onClick={() => (sheet.value = true)}><b>?</b> {t('foot.keys')}</button>
      <span class="grow" />
      {muted > 0 ? <span>{t('sound.muted', { s: muted })}</span> : !blocked.value && <span>{t('sound.on')}</span>}
      <span>{t('foot.edges', { online, all: edges.size })}</span>
      <span>{t('foot.heard', { s: heardSeconds().toFixed(0) })}</span>
    </footer>
  );
}

function Toast() {
  const shown = toast.value;
  if (shown === undefined) return null;
  return (
    <div class="toast" role="status" data-testid="toast">
      {shown.text}
      {shown.undo !== undefined && <button type="button" data-testid="undo" onClick={() => void undo(t('toast.undone'))}>{t('act.undo')} <kbd>Ctrl Z</kbd></button>}
    </div>
  );
}

function Page() {
  switch (path.value) {
    case '/console': return <Queue />;
    case '/cameras': return <Cameras />;
    case '/events': return <Events />;
    case '/admin': return <Admin />;
    case '/audit': return <Audit />;
  }
  return <main class="page calm">{t('error.page')}</main>;
}

function leave(): void {
  disconnect();
  me.value = undefined;
  phase.value = 'login';
  go('/login');
}

function App() {
  useEffect(() => {
    const timer = setInterval(beat, 500);
    const pop = () => (path.value = location.pathname);
    addEventListener('popstate', pop);
    void enter();
    return () => {
      clearInterval(timer);
      removeEventListener('popstate', pop);
    };
  }, []);
  useEffect(() => {
    if (sessionLost.value) leave();
  }, [sessionLost.value]);
  if (phase.value === 'asking') return <div class="calm"><Flame size={40} /><Toast /></div>;
  if (phase.value !== 'in') return <Sign setup={phase.value === 'setup'} done={() => void enter()} />;
  return <div class="frame"><Top /><SoundBar /><Page /><Foot /><Toast /></div>;
}

document.documentElement.lang = lang.value;
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
