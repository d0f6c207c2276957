import { useState } from 'preact/hooks';
import { lang, setLang, t } from '../i18n/index.ts';
import { api, ApiError } from '../net/api.ts';
import { allow, play } from '../model/sound.ts';
import { Flame } from '../parts/shape.tsx';

function words(err: unknown): string {
  if (err instanceof ApiError) {
    if (err.status === 0) return t('error.unreachable');
    if (err.status === 401) return t('login.failed');
    if (err.status === 429) return t('login.throttled');
    return err.message;
  }
  return String(err);
}

async function hear(): Promise<void> {
  await allow();
  play('high');
}

// Sign is the door: who begins a shift signs in and checks that sound works.
export function Sign({ setup, done }: { setup: boolean; done(): void }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const [heard, setHeard] = useState(false);
  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    const f = new FormData(e.currentTarget as HTMLFormElement);
    const of = (name: string) => String(f.get(name) ?? '');
    setBusy(true);
    setError('');
    void allow();
    const call = setup
      ? api.setup({ code: of('code').trim(), username: of('username').trim(), password: of('password'), name: of('name').trim() })
      : api.login(of('username').trim(), of('password'));
    call.then(done, (err: unknown) => setError(words(err))).finally(() => setBusy(false));
  };
  return (
    <div class="sign">
      <form onSubmit={submit}>
        <h1><Flame size={24} /> {t('app.name')} · {setup ? t('setup.title') : t('login.title')}</h1>
        {setup && <label class="field">{t('setup.code')}<input name="code" required autocomplete="off" spellcheck={false} data-testid="setup-code" /><small>{t('setup.code.help')}</small></label>}
        <label class="field">{t('login.user')}<input name="username" required autocomplete="username" autofocus={!setup} data-testid="login-user" /></label>
        {setup && <label class="field">{t('setup.name')}<input name="name" required /></label>}
        <label class="field">{t('login.password')}<input name="password" type="password" required autocomplete={setup ? 'new-password' : 'current-password'} data-testid="login-password" />{setup && <small>{t('setup.password.help')}</small>}</label>
        {error !== '' && <p class="error" role="alert">{error}</p>}
        <button class="button prime" disabled={busy} data-testid="login-submit">{setup ? t('setup.submit') : t('login.submit')}</button>
        <div class="inline">
          <button type="button" class="chip" onClick={() => { void hear(); setHeard(true); }}>{t('login.sound')}</button>
          <button type="button" class="chip" onClick={() => setLang(lang.value === 'ko' ? 'en' : 'ko')}>{t('top.lang')}</button>
        </div>
        {heard && <p>{t('login.sound.ok')}</p>}
        <span class="law">{t('app.law')}</span>
      </form>
    </div>
  );
}
