import { useEffect, useRef } from 'preact/hooks';
import { signal } from '@preact/signals';
import { t, type Key } from '../i18n/index.ts';
import { mode, setMode } from './kbd.tsx';

export const sheet = signal(false);

const rows: [string[], Key][] = [
  [['↑', '↓', 'K', 'J'], 'keys.move'], [['Enter'], 'keys.open'], [['A'], 'keys.claim'], [['U'], 'keys.release'],
  [['1'], 'keys.real'], [['2'], 'keys.false'], [['3'], 'keys.dup'], [['4'], 'keys.tech'], [['Ctrl', 'Z'], 'keys.undo'],
  [['Space'], 'keys.play'], [['←', '→'], 'keys.seek'], [['[', ']'], 'keys.seek10'], [['B'], 'keys.boxes'], [['Z'], 'keys.zone'], [['L'], 'keys.live'],
  [['C'], 'keys.note'], [['P'], 'keys.pause'], [['F9'], 'keys.mute'], [['?'], 'keys.sheet'], [['Esc'], 'keys.back'],
  [['1–9'], 'keys.tile'], [['Enter'], 'keys.alone'],
];

// KeySheet lists every key, and lets single keys be tied to Alt or switched off.
export function KeySheet() {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal(); // keeps the focus inside, and gives it back
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  const close = () => (sheet.value = false);
  return (
    <dialog ref={ref} class="sheet" aria-label={t('keys.title')} data-testid="sheet" onClose={close} onClick={(e) => e.target === e.currentTarget && close()}>
      <h2>{t('keys.title')}</h2>
      <dl>
        {rows.map(([keys, label]) => (
          <div key={label}>
            <dt>{keys.map((k) => <kbd key={k}>{k}</kbd>)}</dt>
            <dd>{t(label)}</dd>
          </div>
        ))}
      </dl>
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
