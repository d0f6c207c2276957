// The console begins here: who may see what, which page is shown, and the frame around it.

import { render } from 'preact';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { lang, t } from './i18n/index.ts';
import { api, ApiError } from './net/api.ts';
import { connect, disconnect, hurry } from './model/live.ts';
import { idle, watchHands } from './model/idle.ts';
import { setTheme, theme } from './model/look.ts';
import { cameraAt, go, path, returned, setupAt } from './model/route.ts';
import { listen, play, probe } from './model/sound.ts';
import { beat, counts, fail, me, ringing, say, sessionLost } from './model/state.ts';
import { forgetOpened } from './model/work.ts';
import { Admin, Audit } from './pages/admin.tsx';
import { CameraPage } from './pages/camera.tsx';
import { Cameras } from './pages/cameras.tsx';
import { Events } from './pages/events.tsx';
import { Letters } from './pages/letters.tsx';
import { Lock } from './pages/lock.tsx';
import { Queue } from './pages/queue.tsx';
import { SetupPage } from './pages/setup.tsx';
import { Sign } from './pages/sign.tsx';
import { Wall } from './pages/wall.tsx';
import { KeySheet, sheet } from './parts/sheet.tsx';
import { Flame } from './parts/shape.tsx';
import { Foot, Note, SoundBar, Top } from './parts/top.tsx';

const beatMs = 500;
const againMs = 2000;
const repeatMs = 4000;

const phase = signal<'asking' | 'setup' | 'login' | 'in'>('asking');

// enter finds out who is there, and begins to follow the server. It tries until it knows.
async function enter(): Promise<void> {
  try {
    me.value = await api.me();
    sessionLost.value = false;
    idle.look(me.value.user.username);
    phase.value = 'in';
    if (['/', '/login', '/setup'].includes(path.value)) go('/console');
    probe();
    await connect();
  } catch (err) {
    if (err instanceof ApiError && err.status === 401) return door();
    fail(err);
    setTimeout(() => void enter(), againMs);
  }
}

async function door(): Promise<void> {
  try {
    const { needed } = await api.setupNeeded();
    phase.value = needed ? 'setup' : 'login';
  } catch (err) {
    fail(err);
    setTimeout(() => void door(), againMs);
  }
}

function leave(): void {
  disconnect();
  forgetOpened();
  sheet.value = false;
  phase.value = 'login';
}

function logout(): void {
  idle.open();
  void api.logout().catch(() => undefined).finally(() => {
    leave();
    go('/login');
  });
}

// expire shows the door when the session has ended; who comes back finds the same page.
function expire(): void {
  leave();
  say(t('error.session'));
}

// entered is after the door: who has just proved to be there is not locked out.
function entered(): void {
  idle.open();
  void enter();
}

function everyBeat(): void {
  beat();
  if (phase.value === 'in' && me.value !== undefined) idle.look(me.value.user.username);
}

// useRepeat rings for unclaimed critical alerts until somebody claims them, on whichever page.
function useRepeat(): void {
  const on = ringing.value;
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => play('critical'), repeatMs);
    return () => clearInterval(timer);
  }, [on]);
}

function Page() {
  switch (path.value) {
    case '/console': return <Queue />;
    case '/cameras': return <Cameras />;
    case '/wall': return <Wall />;
    case '/events': return <Events />;
    case '/admin': return <Admin />;
    case '/admin/letters': return <Letters />;
    case '/audit': return <Audit />;
  }
  const admin = me.value?.user.role === 'admin';
  if (admin && path.value === '/cameras/new') return <SetupPage key="new" />;
  const on = setupAt(path.value);
  if (admin && on !== undefined) return <SetupPage key={path.value} edge={on.edge} id={on.camera} />;
  const at = cameraAt(path.value);
  if (at !== undefined) return <CameraPage key={path.value} edge={at.edge} id={at.camera} />;
  return <main class="page calm">{t('error.page')}</main>;
}

function App() {
  useRepeat();
  useEffect(() => {
    setInterval(everyBeat, beatMs);
    watchHands();
    addEventListener('popstate', returned);
    addEventListener('online', hurry);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && hurry());
    listen();
    void enter();
  }, []);
  useEffect(() => {
    if (sessionLost.value && phase.value === 'in') expire();
  }, [sessionLost.value]);
  const waiting = counts.value.unclaimed;
  useEffect(() => {
    document.title = (waiting > 0 ? `(${waiting}) ` : '') + t('app.name');
  }, [lang.value, waiting]);
  if (phase.value === 'asking') return <div class="calm"><Flame size={44} /><Note /></div>;
  if (phase.value !== 'in') return <><Sign setup={phase.value === 'setup'} done={entered} /><Note /></>;
  if (idle.locked.value) return <div class="frame"><SoundBar /><Lock logout={logout} /><Note /></div>;
  return (
    <div class="frame">
      <Top logout={logout} />
      <SoundBar />
      <Page />
      <Foot page={path.value} />
      <Note />
      {sheet.value && <KeySheet />}
    </div>
  );
}

document.documentElement.lang = lang.value;
setTheme(theme.value);
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
