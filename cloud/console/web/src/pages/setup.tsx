import { useEffect, useState } from 'preact/hooks';
import { api, ApiError } from '../net/api.ts';
import type { EdgeRow } from '../net/types.ts';
import { t } from '../i18n/index.ts';
import { Desk } from '../model/desk.ts';
import { stages, type Stage } from '../model/draft.ts';
import { explain } from '../model/explain.ts';
import { idle } from '../model/idle.ts';
import { cameraPath, follows, go } from '../model/route.ts';
import { cameras, fail, me, say } from '../model/state.ts';
import { Alive, useAlive, Waking } from '../parts/alive.tsx';
import { Board } from '../parts/board.tsx';
import { Connect, setupWords, useFirst } from '../parts/connect.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { useFocus } from '../parts/field.tsx';
import { Naming } from '../parts/naming.tsx';
import { Rules } from '../parts/rules.tsx';

const checkMs = 700;

// kept is the desk of the page, so that what is on it outlives the lock.
let kept: { key: string; desk: Desk } | undefined;

function deskOf(edge: string | undefined, id: string | undefined, n: number): Desk {
  const key = `${me.value?.user.username ?? ''} ${edge ?? ''}/${id ?? ''} ${n}`;
  if (kept?.key !== key) {
    kept?.desk.forgetPicture();
    kept = { key, desk: new Desk(id) };
  }
  return kept.desk;
}

// SetupPage sets up a camera: a new one, or one that an edge has.
export function SetupPage({ edge, id }: { edge?: string; id?: string }) {
  const [n, setN] = useState(0); // how many were added, one after another
  const desk = deskOf(edge, id, n);
  const [edges, setEdges] = useState<EdgeRow[]>();
  useEffect(() => void (id === undefined && api.edges().then(setEdges, fail)), [n]);
  useEffect(() => {
    if (edge !== undefined && desk.edge.value === '') void desk.read(edge).then(() => showStill(desk, edge, id));
    return () => {
      if (idle.locked.value) return;
      kept?.desk.forgetPicture();
      kept = undefined;
    };
  }, []);
  useFirst(desk, edges);
  useFocus(desk);
  useKeep(desk);
  useCheck(desk);
  const alive = useAlive(desk);
  const done = desk.stage.value === 'alive';
  return (
    <main class="desk page" data-testid="desk" data-stage={desk.stage.value}>
      <section class="column" aria-label={t('cam.steps')}>
        <Head desk={desk} fresh={id === undefined} />
        <div class="scroll desk-scroll">
          <Notices desk={desk} id={id} />
          {desk.stage.value === 'connect' && <Connect desk={desk} edges={edges ?? []} />}
          {desk.stage.value === 'name' && <Naming desk={desk} />}
          {desk.stage.value === 'rules' && <Rules desk={desk} />}
          {done && <Alive desk={desk} a={alive} another={() => (id === undefined ? setN(n + 1) : go('/cameras/new'))} change={() => go(setupPath(desk.edge.value, desk.fields.value.id))} />}
        </div>
        {!done && <Foot desk={desk} fresh={id === undefined} />}
      </section>
      <section class="column" aria-label={t('draw.label')}>
        {done ? <Waking desk={desk} a={alive} /> : desk.stage.value === 'rules' ? <Board desk={desk} /> : <Preview desk={desk} />}
      </section>
      <Conflict desk={desk} />
    </main>
  );
}

export const setupPath = (edge: string, id: string): string => `${cameraPath(edge, id)}/setup`;

// showStill draws on the latest still of a camera that is there already.
function showStill(desk: Desk, edge: string, id: string | undefined): void {
  const c = cameras.value.find((x) => x.edge === edge && x.id === id);
  if (c !== undefined && c.has_still && desk.picture.value === undefined) desk.picture.value = { url: api.stillURL(c), w: c.width_px || 16, h: c.height_px || 9 };
}

// useKeep has the browser ask before a page with unsaved work is left by its address.
function useKeep(desk: Desk): void {
  const dirty = desk.dirty.value;
  useEffect(() => {
    if (!dirty) return undefined;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [dirty]);
}

// useCheck has the edge look at what is drawn, when the hand rests.
function useCheck(desk: Desk): void {
  const { rules, fields } = desk;
  const { ground, exclude } = fields.value;
  const drawing = desk.stage.value === 'rules';
  useEffect(() => {
    if (!drawing) return undefined;
    const timer = setTimeout(() => void desk.check(), checkMs);
    return () => clearTimeout(timer);
  }, [rules.value.now, ground, exclude, drawing]);
}

function Head({ desk, fresh }: { desk: Desk; fresh: boolean }) {
  const at = desk.stage.value;
  const name = desk.fields.value.name || desk.fields.value.id;
  const title = fresh ? t('cam.title.new') : t(desk.readOnly.value ? 'cam.title.view' : 'cam.title.edit', { name: name || desk.original || '' });
  const all: readonly (Stage | 'alive')[] = [...stages, 'alive'];
  const index = all.indexOf(at);
  return (
    <>
      <div class="head"><h2>{title}</h2><span class="grow" /><Leave desk={desk} fresh={fresh} /></div>
      <ol class="steps" aria-label={t('cam.steps')}>
        {all.map((s, i) => (
          <li key={s} data-done={i < index} aria-current={s === at ? 'step' : undefined}>
            {s === 'alive' || at === 'alive' || desk.setup.value === undefined
              ? <span class="step"><i>{i < index ? '✓' : i + 1}</i>{t(`cam.step.${s}`)}</span>
              : <button type="button" class="step" data-testid={`step-${s}`} onClick={() => (desk.readOnly.value ? (desk.stage.value = s) : desk.to(s))}><i>{i < index ? '✓' : i + 1}</i>{t(`cam.step.${s}`)}{i < index && <span class="hidden"> {t('cam.step.done')}</span>}</button>}
          </li>
        ))}
      </ol>
    </>
  );
}

// Leave goes back to where one came from, and asks when something would be lost.
function Leave({ desk, fresh }: { desk: Desk; fresh: boolean }) {
  const [asking, setAsking] = useState(false);
  const to = fresh ? '/cameras' : cameraPath(desk.edge.value, desk.original ?? '');
  return (
    <>
      {!fresh && !desk.readOnly.value && desk.stored.value !== undefined && desk.stage.value !== 'alive' && <Remove desk={desk} />}
      <button type="button" class="chip" data-testid="desk-leave" onClick={() => (desk.dirty.value ? setAsking(true) : go(to))}>{t(fresh && desk.stage.value !== 'alive' ? 'cam.cancel' : fresh ? 'camera.back' : 'cam.back')}</button>
      {asking && (
        <Dialog id="leave" title={t('cam.leave')} close={() => setAsking(false)}>
          <p>{t('cam.leave.why')}</p>
          <div class="inline end">
            <button type="button" class="button" autofocus onClick={() => setAsking(false)}>{t('cam.leave.stay')} <kbd aria-hidden="true">Esc</kbd></button>
            <button type="button" class="button prime" data-testid="leave-go" onClick={() => go(to)}>{t('cam.leave.go')}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

// Remove takes the camera away, once it was said what is lost with it.
function Remove({ desk }: { desk: Desk }) {
  const [asking, setAsking] = useState(false);
  const c = desk.stored.value;
  if (c === undefined) return null;
  const name = c.name || c.id;
  const rules = c.rules ?? [];
  const remove = () => {
    setAsking(false);
    desk.remove().then(() => {
      say(t('cam.removed', { name }));
      go('/cameras');
    }, (err: unknown) => {
      if (err instanceof ApiError && err.code === 'conflict') desk.conflict.value = true;
      else desk.failure.value = err;
    });
  };
  return (
    <>
      <button type="button" class="chip" data-testid="camera-remove" onClick={() => setAsking(true)}>{t('cam.remove')}</button>
      {asking && (
        <Dialog id="remove" title={t('cam.remove.title', { name })} close={() => setAsking(false)}>
          <p>{t('cam.remove.lost')}</p>
          <ul class="lost">
            <li>{t('cam.remove.watch')}</li>
            <li>{rules.length > 0 ? t('cam.remove.rules', { n: rules.length, names: rules.map((r) => r.id).join(', ') }) : t('cam.remove.norules')}</li>
            {c.has_password === true && <li>{t('cam.remove.password')}</li>}
          </ul>
          <p>{t('cam.remove.kept')}</p>
          <div class="inline end">
            <button type="button" class="button" autofocus onClick={() => setAsking(false)}>{t('cam.remove.keep')} <kbd aria-hidden="true">Esc</kbd></button>
            <button type="button" class="button prime" data-testid="remove-yes" onClick={remove}>{t('cam.remove')}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

const wordsOf = (err: unknown): string => (err instanceof ApiError && err.status !== 401 ? setupWords(err.status === 0 ? 'unavailable' : err.code, err.message) : explain(err));

// Notices say what holds for the whole camera.
function Notices({ desk, id }: { desk: Desk; id: string | undefined }) {
  const s = desk.setup.value;
  return (
    <>
      {desk.edge.value !== '' && s === undefined && desk.unreadable.value === undefined && <p class="hint" role="status">{t('cam.edge.reading')}</p>}
      {desk.unreadable.value !== undefined && (
        <div class="hint bad" role="alert" data-testid="unreadable">{t('cam.edge.failed', { message: wordsOf(desk.unreadable.value) })}
          <button type="button" class="button" onClick={() => void desk.read(desk.edge.value)}>{t('cam.edge.again')}</button></div>
      )}
      {s?.allowed === false && <p class="hint" role="status" data-testid="not-allowed">{t('cam.readonly.off')}</p>}
      {s !== undefined && id !== undefined && desk.stored.value === undefined && desk.stage.value !== 'alive' && <p class="hint bad" role="alert">{t('cam.unknown', { id })}</p>}
      {desk.stored.value?.managed === false && <p class="hint" role="status" data-testid="read-only"><b>{t('cam.readonly.file')}</b> {t('cam.readonly.file.help')}</p>}
      {desk.theirs.value !== undefined && (
        <div class="hint" role="status" data-testid="theirs">{t('cam.theirs')}
          <span class="inline tight">
            <button type="button" class="button" onClick={() => (desk.theirs.value = undefined)}>{t('cam.theirs.mine')}</button>
            <button type="button" class="button" data-testid="adopt" onClick={() => desk.adopt()}>{t('cam.theirs.take')}</button>
          </span></div>
      )}
      {desk.failure.value !== undefined && <p class="hint bad" role="alert" data-testid="save-failed">{t('cam.save.failed', { message: wordsOf(desk.failure.value) })}</p>}
    </>
  );
}

// Foot goes on, or back.
function Foot({ desk, fresh }: { desk: Desk; fresh: boolean }) {
  const at = desk.stage.value as Stage;
  const i = stages.indexOf(at);
  const off = desk.readOnly.value;
  const [before, after] = [stages[i - 1], stages[i + 1]];
  const step = (s: Stage) => (off ? void (desk.stage.value = s) : void desk.to(s));
  const unproven = at === 'connect' && !desk.proven.value && fresh;
  return (
    <div class="desk-foot">
      {before !== undefined && <button type="button" class="button" onClick={() => step(before)}>{t('cam.prev')}</button>}
      <span class="grow" />
      {after !== undefined && <button type="button" class={`button${unproven ? '' : ' prime'}`} data-testid="next" disabled={desk.setup.value === undefined} onClick={() => step(after)}>{unproven ? t('cam.probe.without') : t('cam.next')}</button>}
      {(after === undefined || !fresh) && !off && (
        <button type="button" class="button prime" data-testid="save" disabled={desk.busy.value !== '' || desk.setup.value === undefined} onClick={() => void desk.save()}>
          {desk.busy.value === 'save' ? t('cam.saving') : t(fresh ? 'cam.save' : 'cam.save.edit')}
        </button>
      )}
    </div>
  );
}

// Preview is the camera's picture while nothing is drawn on it.
function Preview({ desk }: { desk: Desk }) {
  const p = desk.picture.value;
  const name = desk.fields.value.name || desk.fields.value.id;
  return (
    <div class="evidence">
      <div class="player preview">
        {p === undefined ? <div class="calm"><Lens />{t('cam.picture.none')}</div> : <img src={p.url} alt={t('cam.picture.of', { name })} data-testid="preview" />}
        {p !== undefined && <span class="badge tl">{t('cam.probe.still')}</span>}
      </div>
    </div>
  );
}

// Lens is a camera on a wall.
function Lens() {
  return <svg width="48" height="36" viewBox="0 0 48 36" aria-hidden="true"><path d="M4 4v16M4 12h8M12 8l24-4 4 12-24 4zM36 8l6-1 2 6-6 1M20 20l4 8" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" /></svg>;
}

// Conflict offers to load what somebody else has saved, without losing what was drawn here.
function Conflict({ desk }: { desk: Desk }) {
  if (!desk.conflict.value) return null;
  return (
    <Dialog id="conflict" title={t('cam.conflict.title')} close={() => (desk.conflict.value = false)}>
      <p>{t('cam.conflict.why')}</p>
      <div class="inline end">
        <button type="button" class="button" onClick={() => (desk.conflict.value = false)}>{t('cam.conflict.later')}</button>
        <button type="button" class="button prime" autofocus data-testid="conflict-reload" onClick={() => desk.renew().catch(fail)}>{t('cam.conflict.reload')}</button>
      </div>
    </Dialog>
  );
}

// SetupLink leads to the set-up of a camera.
export function SetupLink({ edge, id }: { edge: string; id: string }) {
  return <a class="chip" href={setupPath(edge, id)} data-testid="to-setup" onClick={follows}>{t('cam.edit')}</a>;
}
