import { useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { api, ApiError } from '../net/api.ts';
import { explain } from '../model/explain.ts';
import { allow, play } from '../model/sound.ts';
import { Flame } from '../parts/shape.tsx';
import { Switches } from '../parts/top.tsx';

function words(err: unknown, setup: boolean): string {
  if (err instanceof ApiError) {
    if (err.status === 401 || (setup && err.status === 403)) return t(setup ? 'error.setup' : 'login.failed');
    if (err.code === 'invalid') return err.message; // names the field and what is wrong with it
  }
  return explain(err);
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
    call.then(done, (err: unknown) => setError(words(err, setup))).finally(() => setBusy(false));
  };
  return (
    <main class="sign">
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
          <span class="grow" /><Switches />
        </div>
        {heard && <p>{t('login.sound.ok')}</p>}
        <span class="law">{t('app.law')}</span>
      </form>
    </main>
  );
}
