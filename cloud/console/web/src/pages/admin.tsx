import { useEffect, useState } from 'preact/hooks';
import { api } from '../net/api.ts';
import type { Account, AuditRecord, EdgeRow } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { follows } from '../model/route.ts';
import { fail } from '../model/state.ts';
import { full } from '../model/time.ts';

// Admin keeps edges and users.
export function Admin() {
  return <main class="page scroll sections"><Edges /><Users /><Lost /></main>;
}

function Edges() {
  const [rows, setRows] = useState<EdgeRow[]>([]);
  const [token, setToken] = useState<{ token: string; expires: string }>();
  const load = () => void api.edges().then(setRows, fail);
  useEffect(load, []);
  const make = (e: SubmitEvent) => {
    e.preventDefault();
    const name = String(new FormData(e.currentTarget as HTMLFormElement).get('name') ?? '').trim();
    api.edgeToken(name).then(setToken, fail);
  };
  return (
    <section>
      <h2>{t('admin.edges')}</h2>
      <form class="inline" onSubmit={make}>
        <label class="field">{t('admin.token.name')}<input name="name" required pattern="[a-z0-9][a-z0-9_\-]*" /></label>
        <button class="button">{t('admin.token.make')}</button>
      </form>
      {token !== undefined && <p class="inline"><span class="secret">{token.token}</span> {t('admin.token.once', { time: full(token.expires, lang.value) })}</p>}
      <table class="rows">
        <thead><tr><th>{t('why.edge')}</th><th>{t('admin.state')}</th><th>{t('admin.seen')}</th><th>{t('admin.pending')}</th></tr></thead>
        <tbody>{rows.map((r) => (
          <tr key={r.id}>
            <td>{r.name}</td><td>{r.online ? t('admin.online') : t('admin.offline')}{r.disabled && ` · ${t('admin.disabled')}`}</td>
            <td>{r.last_seen === undefined ? '' : full(r.last_seen, lang.value)}</td>
            <td>{t('admin.pending.value', { events: r.pending.events, clips: r.pending.clips })}</td>
          </tr>
        ))}</tbody>
      </table>
    </section>
  );
}

// Lost leads to what could not be taken in.
function Lost() {
  const [total, setTotal] = useState<number>();
  useEffect(() => void api.letters().then((r) => setTotal(Math.max(r.total, r.letters.length)), fail), []);
  return (
    <section>
      <h2>{t('letters.title')}</h2>
      <p class="inline">
        <a class="button" href="/admin/letters" onClick={follows} data-testid="letters-link">{t('letters.open')}</a>
        {total !== undefined && <span class={total > 0 ? 'p-high' : ''}>{total > 0 ? t('letters.total', { n: total }) : t('letters.none')}</span>}
      </p>
    </section>
  );
}

function Users() {
  const [rows, setRows] = useState<Account[]>([]);
  const load = () => void api.users().then(setRows, fail);
  useEffect(load, []);
  const add = (e: SubmitEvent) => {
    e.preventDefault();
    const form = e.currentTarget as HTMLFormElement;
    const f = Object.fromEntries(new FormData(form)) as Record<string, string>;
    api.addUser({ username: f.username ?? '', name: f.name ?? '', role: f.role === 'admin' ? 'admin' : 'operator', password: f.password ?? '' })
      .then(() => { form.reset(); load(); }, fail);
  };
  return (
    <section>
      <h2>{t('admin.users')}</h2>
      <form class="inline" onSubmit={add}>
        <label class="field">{t('login.user')}<input name="username" required autocomplete="off" /></label>
        <label class="field">{t('setup.name')}<input name="name" required /></label>
        <label class="field">{t('admin.role')}<select name="role"><option value="operator">{t('admin.role.operator')}</option><option value="admin">{t('admin.role.admin')}</option></select></label>
        <label class="field">{t('login.password')}<input name="password" type="password" required autocomplete="new-password" /></label>
        <button class="button">{t('admin.user.add')}</button>
      </form>
      <table class="rows">
        <thead><tr><th>{t('login.user')}</th><th>{t('setup.name')}</th><th>{t('admin.role')}</th><th>{t('admin.state')}</th></tr></thead>
        <tbody>{rows.map((r) => (
          <tr key={r.username}>
            <td>{r.username}</td><td>{r.name}</td><td>{word('admin.role', r.role)}</td>
            <td>{r.disabled ? t('admin.disabled') : <button type="button" class="chip" onClick={() => api.disableUser(r.username).then(load, fail)}>{t('admin.disable')}</button>}</td>
          </tr>
        ))}</tbody>
      </table>
    </section>
  );
}

// Audit shows who saw or changed what, the latest first.
export function Audit() {
  const [rows, setRows] = useState<AuditRecord[]>([]);
  const [next, setNext] = useState<string>();
  const load = (after?: string) => api.audit(after).then((r) => {
    setRows((old) => (after === undefined ? r.records : [...old, ...r.records]));
    setNext(r.next);
  }, fail);
  useEffect(() => void load(), []);
  return (
    <main class="page scroll" tabIndex={0}>
      <table class="rows">
        <thead><tr>{(['at', 'actor', 'action', 'target', 'client', 'detail'] as const).map((k) => <th key={k}>{t(`audit.${k}`)}</th>)}</tr></thead>
        <tbody>{rows.map((r) => (
          <tr key={r.seq}><td>{full(r.at, lang.value)}</td><td>{r.actor}</td><td>{r.action}</td><td class="free">{r.target}</td><td>{r.client}</td><td class="free">{r.detail}</td></tr>
        ))}</tbody>
      </table>
      {next !== undefined && <p class="notice"><button type="button" class="button" onClick={() => void load(next)}>{t('events.more')}</button></p>}
    </main>
  );
}
