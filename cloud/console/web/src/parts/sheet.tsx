import { useEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { t, type Key } from '../i18n/index.ts';
import { bindable, rebind, type Movable } from '../model/keys.ts';
import { bindings, cap, mode, setBindings, setMode } from './kbd.tsx';

export const sheet = signal(false);

interface Row { keys?: string[]; acts?: Movable[]; label: Key }

const rows: Row[] = [
  { keys: ['↑', '↓', 'K', 'J'], label: 'keys.move' }, { keys: ['Enter'], label: 'keys.open' }, { acts: ['claim'], label: 'keys.claim' },
  { acts: ['release'], label: 'keys.release' }, { acts: ['real'], label: 'keys.real' }, { acts: ['false'], label: 'keys.false' },
  { acts: ['duplicate'], label: 'keys.dup' }, { acts: ['technical'], label: 'keys.tech' }, { keys: ['Ctrl', 'Z'], label: 'keys.undo' },
  { keys: ['Space'], label: 'keys.play' }, { keys: ['←', '→'], label: 'keys.seek' }, { acts: ['jump-', 'jump+'], label: 'keys.seek10' },
  { acts: ['boxes'], label: 'keys.boxes' }, { acts: ['zone'], label: 'keys.zone' }, { acts: ['live'], label: 'keys.live' }, { acts: ['note'], label: 'keys.note' },
  { acts: ['pause'], label: 'keys.pause' }, { keys: ['F9'], label: 'keys.mute' }, { keys: ['?'], label: 'keys.sheet' }, { keys: ['Esc'], label: 'keys.back' },
  { keys: ['1–9'], label: 'keys.tile' }, { keys: ['Enter'], label: 'keys.alone' },
];

// KeySheet lists every key, and lets single keys be changed, tied to Alt or switched off.
export function KeySheet() {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal(); // keeps the focus inside, and gives it back
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  const close = () => (sheet.value = false);
  const [asking, setAsking] = useState<Movable>();
  const [wrong, setWrong] = useState('');
  // listen takes the next key for the action that asks for one; Escape leaves it as it was.
  const listen = (e: KeyboardEvent) => {
    if (asking === undefined || e.isComposing || ['Tab', 'Shift', 'Alt', 'Control', 'Meta'].includes(e.key)) return;
    e.preventDefault();
    const possible = bindable(e.code);
    if (possible) setBindings(rebind(bindings.value, asking, e.code));
    setWrong(possible || e.code === 'Escape' ? '' : e.key);
    if (possible || e.code === 'Escape') setAsking(undefined);
  };
  return (
    <dialog ref={ref} class="sheet" aria-label={t('keys.title')} data-testid="sheet" onClose={close} onKeyDown={listen} onClick={(e) => e.target === e.currentTarget && close()}>
      <h2>{t('keys.title')}</h2>
      <dl>
        {rows.map((r) => (
          <div key={r.label}>
            <dt>
              {r.keys?.map((k) => <kbd key={k}>{k}</kbd>)}
              {r.acts?.map((a) => (
                <button key={a} type="button" class="key" data-testid={`key-${a}`} aria-pressed={asking === a} aria-label={t('keys.change', { label: t(r.label), key: cap(a) })}
                  onClick={() => { setAsking(a); setWrong(''); }}><kbd>{asking === a ? '…' : cap(a)}</kbd></button>
              ))}
            </dt>
            <dd>{t(r.label)}</dd>
          </div>
        ))}
      </dl>
      <p class="asking" role="status" data-testid="key-asking">
        {wrong !== '' ? t('keys.cannot', { key: wrong }) : asking !== undefined ? t('keys.press') : t('keys.change.how')}
        {Object.keys(bindings.value).length > 0 && <button type="button" class="chip" data-testid="keys-reset" onClick={() => setBindings({})}>{t('keys.reset')}</button>}
      </p>
      <div class="modes" role="group" aria-label={t('keys.mode')}>
        <span>{t('keys.mode')}</span>
        {(['on', 'alt', 'off'] as const).map((m) => (
          <button key={m} type="button" class="chip" data-testid={`mode-${m}`} aria-pressed={mode.value === m} onClick={() => setMode(m)}>{t(`keys.mode.${m}`)}</button>
        ))}
      </div>
      <button type="button" class="button" autofocus onClick={close}>{t('keys.back')} <kbd aria-hidden="true">Esc</kbd></button>
    </dialog>
  );
}
