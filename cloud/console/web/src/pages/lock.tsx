import { useState } from 'preact/hooks';
import { t, word } from '../i18n/index.ts';
import { api, ApiError } from '../net/api.ts';
import type { Priority } from '../net/types.ts';
import { explain } from '../model/explain.ts';
import { idle } from '../model/idle.ts';
import { alerts, me } from '../model/state.ts';
import { Flame, Shape } from '../parts/shape.tsx';

const priorities: Priority[] = ['critical', 'high', 'medium', 'low'];

// Lock stands in place of all pages while nobody is at the desk. It shows how many alerts wait,
// and no picture.
export function Lock({ logout }: { logout(): void }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const user = me.value?.user;
  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    const password = String(new FormData(e.currentTarget as HTMLFormElement).get('password') ?? '');
    setBusy(true);
    setError('');
    api.login(user?.username ?? '', password).then(() => idle.open(), (err: unknown) => {
      setError(err instanceof ApiError && err.status === 401 ? t('login.failed') : explain(err));
    }).finally(() => setBusy(false));
  };
  const waiting = (p: Priority) => {
    let n = 0;
    for (const a of alerts.value.values()) if (a.work === 'unclaimed' && a.priority === p) n++;
    return n;
  };
  return (
    <main class="page sign" data-testid="lock">
      <form onSubmit={submit}>
        <h1><Flame size={24} /> {t('lock.title')}</h1>
        <p>{t('lock.about')}</p>
        <ul class="waiting" aria-label={t('filter.unclaimed')}>{priorities.map((p) => <li key={p}><Shape priority={p} size={14} />{word('priority', p)} <b>{waiting(p)}</b></li>)}</ul>
        <input type="hidden" name="username" autocomplete="username" value={user?.username} />
        <label class="field">{t('lock.password', { name: user?.name ?? '' })}<input name="password" type="password" required autofocus autocomplete="current-password" data-testid="lock-password" /></label>
        {error !== '' && <p class="error" role="alert">{error}</p>}
        <button class="button prime" disabled={busy}>{t('lock.open')}</button>
        <button type="button" class="button" onClick={logout}>{t('top.logout')}</button>
      </form>
    </main>
  );
}
