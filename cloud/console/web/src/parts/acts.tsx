import type { RefObject } from 'preact';
import type { Alert } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import type { Movable } from '../model/keys.ts';
import { choices, choosing, claim, judge, note, release, type Choice } from '../model/work.ts';
import { Kbd } from './kbd.tsx';

interface ActsProps { alert: Alert; me: string; admin: boolean; noteRef: RefObject<HTMLTextAreaElement | null> }

// Acts are the operator's buttons; each shows its key.
export function Acts({ alert, me, admin, noteRef }: ActsProps) {
  const open = choosing.value;
  if (alert.work === 'closed') return <div class="acts"><p class="wide">{closedWords(alert)}</p></div>;
  if (open !== undefined) return <Reasons alert={alert} choice={open} />;
  const mine = alert.owner === me;
  const free = alert.work === 'unclaimed';
  const others = !mine && !free;
  const locked = others && !admin;
  const verdict = (n: string, key: Movable, label: string, act: () => void, prime = false) => (
    <button type="button" class={`act${prime ? ' prime' : ''}`} data-testid={`verdict-${n}`} disabled={locked} onClick={act}>{label} <Kbd act={key} /></button>
  );
  return (
    <div class="acts">
      {others && <p class="wide held" data-testid="held">{t('act.heldby', { name: alert.owner_name ?? alert.owner ?? '' })}</p>}
      <label class="wide note">
        <span class="hidden">{t('act.note')}</span>
        <textarea ref={noteRef} data-testid="note" maxLength={2000} placeholder={t('act.note.placeholder')} value={note.value}
          onInput={(e) => (note.value = e.currentTarget.value)} />
        <Kbd act="note" />
      </label>
      {verdict('1', 'real', t('act.real'), () => (choosing.value = 'real'), true)}
      {verdict('2', 'false', t('act.false'), () => (choosing.value = 'false'))}
      {verdict('3', 'duplicate', t('act.duplicate'), () => void judge(alert.id, 'duplicate'))}
      {verdict('4', 'technical', t('act.technical'), () => void judge(alert.id, 'technical'))}
      {mine || (others && admin)
        ? <button type="button" class="act wide" data-testid="release" disabled={alert.work === 'confirmed'} onClick={() => void release(alert.id)}>{t('act.release')} <Kbd act="release" /></button>
        : <button type="button" class="act wide" data-testid="claim" disabled={others} onClick={() => void claim(alert.id)}>{t('act.claim')} <Kbd act="claim" /></button>}
    </div>
  );
}

function closedWords(a: Alert): string {
  return [a.verdict === undefined ? word('work', a.work) : word('verdict', a.verdict), ...(a.owner_name ? [a.owner_name] : [])].join(' · ');
}

// Reasons are the second key of a verdict.
function Reasons({ alert, choice }: { alert: Alert; choice: Choice }) {
  const title = choice === 'real' ? t('act.choose.real') : t('act.choose.false');
  return (
    <div class="acts" role="group" aria-label={title}>
      <p class="wide">{title}</p>
      {choices[choice].map((v, i) => (
        <button key={v} type="button" class="act wide" data-testid={`choice-${i + 1}`} onClick={() => void judge(alert.id, v)}>
          {word('verdict', v)} <Kbd k={String(i + 1)} />
        </button>
      ))}
      <button type="button" class="act wide" onClick={() => (choosing.value = undefined)}>{t('act.back')} <kbd aria-hidden="true">Esc</kbd></button>
    </div>
  );
}
