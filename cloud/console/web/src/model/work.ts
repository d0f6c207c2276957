// What the operator does. Each act shows at once and is taken back when the server refuses.

import { signal } from '@preact/signals';
import { api, ApiError } from '../net/api.ts';
import type { Alert, Verdict } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import { explain } from './explain.ts';
import { follower, isOpen } from './queue.ts';
import { say as sentence } from './sentence.ts';
import { alerts, fail, guesses, listed, me, now, put, refreshDetail, say, select, selected, toast, type Guess } from './state.ts';

export type Choice = 'real' | 'false';

// choosing is the list of reasons that is open, if one is.
export const choosing = signal<Choice | undefined>(undefined);
export const note = signal('');

export const choices: Record<Choice, Verdict[]> = {
  real: ['real-dispatch', 'real-minor', 'real-watch'],
  false: ['false-animal', 'false-weather', 'false-shadow', 'false-static', 'false-normal'],
};

// change shows a guess, asks the server, and puts its answer, or what it last said, in place.
async function change(id: string, guess: Partial<Alert>, call: () => Promise<Alert>): Promise<Alert> {
  const before = alerts.value.get(id);
  const earlier = guesses.get(id);
  const mine: Guess | undefined = before === undefined ? undefined : { change: { ...earlier?.change, ...guess }, truth: earlier?.truth ?? before };
  if (mine !== undefined) {
    guesses.set(id, mine);
    put(mine.truth);
  }
  try {
    const a = await call();
    end(id, mine);
    put(a);
    return a;
  } catch (err) {
    end(id, mine);
    throw err;
  }
}

// end shows the truth again, unless a later guess is under way.
function end(id: string, g: Guess | undefined): void {
  if (g === undefined || guesses.get(id) !== g) return;
  guesses.delete(id);
  put(g.truth);
}

function self(): { owner: string; owner_name: string } {
  const u = me.value?.user;
  return { owner: u?.username ?? '', owner_name: u?.name ?? '' };
}

export async function claim(id: string): Promise<void> {
  const a = alerts.value.get(id);
  if (a === undefined || !isOpen(a)) return;
  const guess = a.work === 'unclaimed' ? { work: 'claimed' as const, ...self() } : {};
  try {
    await change(id, guess, () => api.claim(id));
    if (opened.has(id)) await tell(id); // the claim of what is being looked at is a review
    void refreshDetail();
  } catch (err) {
    if (err instanceof ApiError && err.status === 409 && err.ownerName !== undefined) say(t('toast.claimed', { name: err.ownerName }));
    else fail(err);
  }
}

export async function release(id: string): Promise<void> {
  const a = alerts.value.get(id);
  if (a === undefined || a.work === 'unclaimed' || !isOpen(a)) return;
  try {
    await change(id, a.work === 'confirmed' ? {} : { work: 'unclaimed', owner: '', owner_name: '' }, () => api.release(id));
    void refreshDetail();
  } catch (err) {
    fail(err);
  }
}

// opened holds, by alert, the telling of the server that its evidence is before these eyes.
const opened = new Map<string, Promise<unknown>>();

function tell(id: string): Promise<unknown> {
  const told = api.evidence(id).then(put);
  opened.set(id, told);
  told.catch(() => {
    if (opened.get(id) === told) opened.delete(id);
  });
  return told;
}

// openEvidence tells the server once that this user has opened an alert's evidence: a verdict
// needs that.
export function openEvidence(id: string): Promise<unknown> {
  return opened.get(id) ?? tell(id);
}

// stillLooking keeps the lease of a card that its owner is looking at.
export function stillLooking(id: string): void {
  const a = alerts.value.get(id);
  if (a !== undefined && a.owner === me.value?.user.username && (a.work === 'claimed' || a.work === 'reviewing')) tell(id).catch(() => undefined);
}

export function forgetOpened(): void {
  opened.clear();
  choosing.value = undefined;
  note.value = '';
}

const judging = new Map<string, Promise<unknown>>();

// judge gives a verdict. The card leaves at once and the next one gets the focus.
export async function judge(id: string, v: Verdict): Promise<void> {
  const a = alerts.value.get(id);
  choosing.value = undefined;
  if (a === undefined || !isOpen(a)) return;
  const text = note.value.trim();
  const stays = v === 'real-dispatch' && a.work !== 'confirmed';
  const next = follower(listed.value, id);
  const guess: Partial<Alert> = { verdict: v, ...self(), ...(stays ? { work: 'confirmed' } : { work: 'closed', closed_at: new Date(now.value).toISOString() }) };
  const sent = change(id, guess, () => openEvidence(id).then(() => api.verdict(id, v, text)));
  judging.set(id, sent);
  note.value = '';
  if (!stays && selected.value === id) select(next);
  say(sentence('toast.closed', { verdict: word('verdict', v) }), id);
  try {
    await sent;
    if (selected.value === id) void refreshDetail();
  } catch (err) {
    fail(err);
    if (alerts.value.get(id)?.work !== 'closed') { // else somebody else was first
      note.value = text;
      select(id);
    }
  } finally {
    if (judging.get(id) === sent) judging.delete(id);
  }
}

// undo takes the verdict back that the message on screen speaks of.
export async function undo(): Promise<void> {
  const id = toast.value?.undo;
  if (id === undefined) return;
  toast.value = undefined;
  try {
    await judging.get(id);
  } catch {
    return; // there is no verdict to take back
  }
  try {
    put(await api.undo(id));
    select(id);
    say(t('toast.undone'));
    void refreshDetail();
  } catch (err) {
    toast.value = { text: t('toast.undo.failed', { message: explain(err) }), until: performance.now() + 6000, bad: true };
  }
}
