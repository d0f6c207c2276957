import type { RefObject } from 'preact';
import { signal } from '@preact/signals';
import type { Alert, Verdict } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import { act, judge } from '../model/state.ts';
import { say as sentence } from '../model/sentence.ts';

export type Choice = 'real' | 'false';

// choosing is the list of reasons that is open, if one is.
export const choosing = signal<Choice | undefined>(undefined);
export const note = signal('');

export const choices: Record<Choice, Verdict[]> = {
  real: ['real-dispatch', 'real-minor', 'real-watch'],
  false: ['false-animal', 'false-weather', 'false-shadow', 'false-static', 'false-normal'],
};

export function decide(a: Alert, v: Verdict): void {
  choosing.value = undefined;
  void judge(a.id, v, note.value.trim(), sentence('toast.closed', { verdict: word('verdict', v) })).then(() => {
    note.value = '';
  });
}

// Acts are the operator's buttons; each shows its key.
export function Acts({ alert, me, noteRef }: { alert: Alert; me: string; noteRef: RefObject<HTMLTextAreaElement | null> }) {
  const open = choosing.value;
  if (open !== undefined) {
    return (
      <div class="acts" role="group" aria-label={t(open === 'real' ? 'act.choose.real' : 'act.choose.false')}>
        <p class="wide">{t(open === 'real' ? 'act.choose.real' : 'act.choose.false')}</p>
        {choices[open].map((v, i) => (
          <button key={v} type="button" class="act wide" data-testid={`choice-${i + 1}`} onClick={() => decide(alert, v)}>
            {word('verdict', v)} <kbd>{i + 1}</kbd>
          </button>
        ))}
        <button type="button" class="act wide" onClick={() => (choosing.value = undefined)}>{t('act.back')} <kbd>Esc</kbd></button>
      </div>
    );
  }
  const closed = alert.work === 'closed';
  const mine = alert.owner === me;
  return (
    <div class="acts">
      <label class="wide">
        <span class="hidden">{t('act.note')}</span>
        <textarea ref={noteRef} data-testid="note" placeholder={t('act.note.placeholder')} value={note.value}
          onInput={(e) => (note.value = e.currentTarget.value)} />
      </label>
      <button type="button" class="act prime" data-testid="verdict-1" disabled={closed} onClick={() => (choosing.value = 'real')}>{t('act.real')} <kbd>1</kbd></button>
      <button type="button" class="act" data-testid="verdict-2" disabled={closed} onClick={() => (choosing.value = 'false')}>{t('act.false')} <kbd>2</kbd></button>
      <button type="button" class="act" data-testid="verdict-3" disabled={closed} onClick={() => decide(alert, 'duplicate')}>{t('act.duplicate')} <kbd>3</kbd></button>
      <button type="button" class="act" data-testid="verdict-4" disabled={closed} onClick={() => decide(alert, 'technical')}>{t('act.technical')} <kbd>4</kbd></button>
      {mine && !closed
        ? <button type="button" class="act wide" data-testid="release" onClick={() => void act('release', alert.id)}>{t('act.release')} <kbd>U</kbd></button>
        : <button type="button" class="act wide" data-testid="claim" disabled={closed} onClick={() => void act('claim', alert.id)}>{t('act.claim')} <kbd>A</kbd></button>}
    </div>
  );
}
