import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../net/api.ts';
import type { Letter } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { explain } from '../model/explain.ts';
import { follows } from '../model/route.ts';
import { fail, say } from '../model/state.ts';
import { full } from '../model/time.ts';

// Letters shows what was received and could not be taken in: an administrator has it tried
// again, or drops it.
export function Letters() {
  const [rows, setRows] = useState<Letter[]>();
  const [total, setTotal] = useState(0);
  const [error, setError] = useState('');
  const [dropping, setDropping] = useState<Letter>();
  const load = () => void api.letters().then((r) => {
    setRows(r.letters);
    setTotal(Math.max(r.total, r.letters.length));
    setError('');
  }, (err: unknown) => setError(explain(err)));
  useEffect(load, []);
  const done = (what: Promise<void>, words: string) => void what.then(() => say(words), fail).finally(load);
  return (
    <main class="page scroll sections">
      <section>
        <div class="inline middle">
          <a class="chip" href="/admin" onClick={follows}>{t('nav.admin')}</a><h2>{t('letters.title')}</h2>
          {total > 0 && <span class="chip still" data-testid="letters-total">{t('letters.total', { n: total })}</span>}
          <span class="grow" /><button type="button" class="button" onClick={load}>{t('letters.reload')}</button>
        </div>
        <p class="about">{t('letters.about')}</p>
        {error !== '' && <p class="notice" role="alert">{t('events.error', { message: error })}</p>}
        {rows?.length === 0 && <p class="notice" data-testid="letters-none">{t('letters.none')}</p>}
        {rows !== undefined && rows.length > 0 && (
          <table class="rows">
            <thead><tr>{(['at', 'source', 'edge', 'what', 'tries', 'reason'] as const).map((k) => <th key={k}>{t(`letters.${k}`)}</th>)}<th><span class="hidden">{t('letters.act')}</span></th></tr></thead>
            <tbody>{rows.map((l) => (
              <tr key={l.id} data-testid="letter" data-letter={l.id}>
                <td>{full(l.buried, lang.value)}</td><td>{word('letters.source', l.source)}</td><td>{l.edge_name}</td>
                <td class="free"><code>{l.event ?? l.entry ?? l.id}</code></td><td>{l.deliveries}</td><td class="free" lang="en">{l.reason}</td>
                <td><span class="pair">
                  <button type="button" class="button" data-testid="letter-retry" onClick={() => done(api.retryLetter(l.id), t('letters.retried'))}>{t('letters.retry')}</button>
                  <button type="button" class="button" data-testid="letter-drop" onClick={() => setDropping(l)}>{t('letters.drop')}</button>
                </span></td>
              </tr>
            ))}</tbody>
          </table>
        )}
      </section>
      {dropping !== undefined && <Sure letter={dropping} no={() => setDropping(undefined)} yes={() => {
        setDropping(undefined);
        done(api.dropLetter(dropping.id), t('letters.dropped'));
      }} />}
    </main>
  );
}

// Sure asks before something is gone for good; the safe answer has the focus.
function Sure({ letter, yes, no }: { letter: Letter; yes(): void; no(): void }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <dialog ref={ref} class="sheet small" aria-labelledby="sure-title" data-testid="sure" onClose={no}>
      <h2 id="sure-title">{t('letters.sure')}</h2>
      <p><code>{letter.event ?? letter.id}</code></p>
      <p>{t('letters.sure.why')}</p>
      <div class="inline end">
        <button type="button" class="button" autofocus onClick={no}>{t('letters.keep')} <kbd aria-hidden="true">Esc</kbd></button>
        <button type="button" class="button prime" data-testid="sure-drop" onClick={yes}>{t('letters.drop')}</button>
      </div>
    </dialog>
  );
}
