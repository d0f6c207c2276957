import { computed } from '@preact/signals';
import { lang, setLang, t } from '../i18n/index.ts';
import { setTheme, theme } from '../model/look.ts';
import { allow, blocked, mutedUntil } from '../model/sound.ts';
import { alerts, cameras, connected, lastHeard, me, now, tick, toast } from '../model/state.ts';
import { follows, path } from '../model/route.ts';
import { full } from '../model/time.ts';
import { undo } from '../model/work.ts';
import { cap } from './kbd.tsx';
import { sheet } from './sheet.tsx';
import { Flame } from './shape.tsx';

const links = [
  ['/console', 'nav.queue', false], ['/wall', 'nav.wall', false], ['/cameras', 'nav.cameras', false], ['/events', 'nav.events', false],
  ['/admin', 'nav.admin', true], ['/audit', 'nav.audit', true],
] as const;

const hourMs = 3600_000;
const minute = computed(() => Math.floor(now.value / 60_000));
const lastHour = computed(() => {
  const from = new Date(minute.value * 60_000 - hourMs).toISOString();
  let n = 0;
  for (const a of alerts.value.values()) if (a.raised > from) n++;
  return n;
});

// Top is the bar above every page.
export function Top({ logout }: { logout(): void }) {
  const admin = me.value?.user.role === 'admin';
  const live = cameras.value.filter((c) => c.state === 'live').length;
  return (
    <header class="top">
      <span class="brand"><Flame /> {t('app.name')}</span>
      <nav class="nav" aria-label={t('nav.label')}>
        {links.filter(([, , only]) => admin || !only).map(([to, key]) => (
          <a key={to} href={to} aria-current={path.value === to || path.value.startsWith(`${to}/`) ? 'page' : undefined} onClick={follows}>{t(key)}</a>
        ))}
      </nav>
      <span class="grow" />
      <Stale />
      <span class="law">{t('app.law')}</span>
      <span class="stat">{t('top.cameras')} <span><b>{live}</b>/{cameras.value.length}</span></span>
      <span class="stat hour">{t('top.hour')} <b>{lastHour.value}</b></span>
      <span class="clock">{full(now.value, lang.value)} <small>KST</small></span>
      <span class="stat user" title={me.value?.user.name}><b>{me.value?.user.name}</b></span>
      <Switches />
      <button type="button" class="chip" data-testid="logout" onClick={logout}>{t('top.logout')}</button>
    </header>
  );
}

// Switches change the language and the light, at the door and inside alike.
export function Switches() {
  const dark = theme.value === 'dark';
  return (
    <>
      <button type="button" class="chip" data-testid="lang" lang={lang.value === 'ko' ? 'en' : 'ko'} onClick={() => setLang(lang.value === 'ko' ? 'en' : 'ko')}>{t('top.lang')}</button>
      <button type="button" class="chip icon" data-testid="theme" aria-label={t('top.theme')} title={t('top.theme')} onClick={() => setTheme(dark ? 'light' : 'dark')}>
        <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
          <circle cx="7" cy="7" r="5.4" fill="none" stroke="currentColor" stroke-width="1.3" /><path d={dark ? 'M7 1.6a5.4 5.4 0 0 1 0 10.8z' : 'M7 1.6a5.4 5.4 0 0 0 0 10.8z'} fill="currentColor" />
        </svg>
      </button>
    </>
  );
}

// heardSeconds is how old what the page shows may be.
function heardSeconds(): number {
  return lastHeard.value === 0 ? 0 : Math.max(0, (tick.value - lastHeard.value) / 1000);
}

const silent = 6; // seconds; the server pings every five

function Stale() {
  const s = heardSeconds();
  if (connected.value && s < silent) return null;
  return <span class="stale" data-testid="stale-badge" role="status">{lastHeard.value === 0 ? t('stale.connecting') : t('stale.badge', { s: Math.floor(s) })}</span>;
}

// SoundBar stays as long as the browser keeps the page silent.
export function SoundBar() {
  if (!blocked.value) return null;
  return (
    <div class="bar-line" data-testid="sound-bar" role="status">
      {t('sound.blocked')} <button type="button" class="button" onClick={() => void allow()}>{t('sound.allow')}</button>
    </div>
  );
}

// Foot names the keys, and says whether all is well behind the page.
export function Foot({ page }: { page: string }) {
  const edges = new Map(cameras.value.map((c) => [c.edge, c.edge_online]));
  const online = [...edges.values()].filter(Boolean).length;
  const muted = Math.ceil((mutedUntil.value - tick.value) / 1000);
  return (
    <footer class="foot">
      {page === '/wall' && <><span><b>1–9</b> {t('foot.tile')}</span><span><b>Enter</b> {t('foot.alone')}</span><span><b>Esc</b> {t('foot.all')}</span></>}
      {page === '/console' && (
        <>
          <span><b>↑↓</b> {t('foot.move')}</span><span><b>Enter</b> {t('foot.open')}</span><span><b>{cap('claim')}</b> {t('foot.claim')}</span>
          <span><b>{cap('real')} · {cap('false')}</b> {t('foot.verdict')}</span><span><b>{cap('live')}</b> {t('foot.live')}</span><span><b>{cap('pause')}</b> {t('foot.pause')}</span>
          <button type="button" data-testid="keys" onClick={() => (sheet.value = true)}><b>?</b> {t('foot.keys')}</button>
        </>
      )}
      <span class="grow" />
      {muted > 0 ? <span data-testid="muted">{t('sound.muted', { s: muted })}</span> : !blocked.value && <span>{t('sound.on')}</span>}
      <span>{t('foot.edges', { online, all: edges.size })}</span>
      <span class="heard">{t('foot.heard', { s: heardSeconds().toFixed(0) })}</span>
    </footer>
  );
}

// Note is a passing word at the foot of the page.
export function Note() {
  const shown = toast.value;
  return (
    <div role="status" class="toasts">
      {shown !== undefined && (
        <div class={`toast${shown.bad === true ? ' bad' : ''}`} data-testid="toast">
          {shown.text}
          {shown.undo !== undefined && <button type="button" data-testid="undo" onClick={() => void undo()}>{t('act.undo')} <kbd aria-hidden="true">Ctrl Z</kbd></button>}
        </div>
      )}
    </div>
  );
}
