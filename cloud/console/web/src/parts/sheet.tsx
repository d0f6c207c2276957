import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t, type Key } from '../i18n/index.ts';
import type { Mode } from '../model/keys.ts';

const stored = 'bongsu.keys';

function remembered(): Mode {
  try {
    const m = localStorage.getItem(stored);
    return m === 'alt' || m === 'off' ? m : 'on';
  } catch {
    return 'on';
  }
}

// mode says whether single keys act, act with Alt only, or not at all.
export const mode = signal<Mode>(remembered());

function setMode(m: Mode): void {
  mode.value = m;
  try {
    localStorage.setItem(stored, m);
  } catch {
    // the choice then lasts as long as the page
  }
}

const rows: [string[], Key][] = [
  [['↑', '↓', 'K', 'J'], 'keys.move'], [['Enter'], 'keys.open'], [['A'], 'keys.claim'], [['U'], 'keys.release'],
  [['1'], 'keys.real'], [['2'], 'keys.false'], [['3'], 'keys.dup'], [['4'], 'keys.tech'], [['Ctrl', 'Z'], 'keys.undo'],
  [['Space'], 'keys.play'], [['←', '→'], 'keys.seek'], [['[', ']'], 'keys.seek10'], [['B'], 'keys.boxes'], [['Z'], 'keys.zone'],
  [['C'], 'keys.note'], [['P'], 'keys.pause'], [['F9'], 'keys.mute'], [['?'], 'keys.sheet'], [['Esc'], 'keys.back'],
];

// KeySheet lists every key, and lets single keys be tied to Alt or switched off.
export function KeySheet({ close }: { close(): void }) {
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => ref.current?.focus(), []);
  return (
    <div class="sheet-back" onClick={(e) => e.target === e.currentTarget && close()}>
      <div class="sheet scroll" role="dialog" aria-modal="true" aria-label={t('keys.title')}>
        <h2>{t('keys.title')}</h2>
        <dl>
          {rows.map(([keys, label]) => (
            <>
              <dt>{keys.map((k) => <kbd>{k}</kbd>)}</dt>
              <dd>{t(label)}</dd>
            </>
          ))}
        </dl>
        <div class="inline">
          <span>{t('keys.mode')}</span>
          {(['on', 'alt', 'off'] as const).map((m) => (
            <button type="button" class="chip" aria-pressed={mode.value === m} onClick={() => setMode(m)}>{t(`keys.mode.${m}`)}</button>
          ))}
        </div>
        <button ref={ref} type="button" class="button" onClick={close}>{t('keys.back')} <kbd>Esc</kbd></button>
      </div>
    </div>
  );
}
