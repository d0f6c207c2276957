import { t, word } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { classesOf } from '../model/draft.ts';
import { purposeName } from '../model/kinds.ts';
import { idOf, marks, Why } from './field.tsx';

// Naming asks what the camera is called, and what looks at it.
export function Naming({ desk }: { desk: Desk }) {
  const c = desk.fields.value;
  const s = desk.setup.value;
  const off = desk.readOnly.value || s === undefined;
  const classes = s === undefined ? [] : classesOf(s, c.model);
  return (
    <form class="desk-form" onSubmit={(e) => { e.preventDefault(); desk.to('rules'); }}>
      <label class="field">{t('cam.name')}
        <input {...marks(desk, 'name')} data-testid="cam-name" value={c.name ?? ''} disabled={off} autocomplete="off" onInput={(e) => desk.put({ name: e.currentTarget.value })} />
        <Why desk={desk} path="name" help={t('cam.name.help')} />
      </label>
      <label class="field">{t('cam.id')}
        <input {...marks(desk, 'id')} data-testid="cam-id" value={c.id} disabled={off || desk.original !== undefined} autocomplete="off" spellcheck={false} onInput={(e) => desk.put({ id: e.currentTarget.value })} />
        <Why desk={desk} path="id" help={t('cam.id.help')} />
      </label>
      <label class="field">{t('cam.model')}
        <select {...marks(desk, 'model')} data-testid="cam-model" value={c.model ?? ''} disabled={off} onChange={(e) => desk.put({ model: e.currentTarget.value })}>
          {c.model === undefined && <option value="" />}
          {s?.models.map((m) => <option key={m.name} value={m.name}>{m.name}</option>)}
        </select>
        <Why desk={desk} path="model" help={s?.models.length === 0 ? t('cam.model.missing') : t('cam.model.help')} />
      </label>
      {classes.length > 0 && <ul class="words" aria-label={t('cam.model.help')}>{classes.map((x) => <li key={x} class="chip still">{word('class', x)}</li>)}</ul>}
      <Purposes desk={desk} off={off} />
      <button class="hidden" tabIndex={-1}>{t('cam.next')}</button>
    </form>
  );
}

// Purposes asks what the camera is there for: a rule beyond that is refused.
function Purposes({ desk, off }: { desk: Desk; off: boolean }) {
  const all = desk.setup.value?.purposes ?? [];
  const mine = desk.fields.value.purposes ?? [];
  if (all.length === 0) return null;
  const flip = (id: string) => desk.put({ purposes: all.map((p) => p.id).filter((p) => (p === id ? !mine.includes(p) : mine.includes(p))) });
  return (
    <div class="field" role="group" aria-label={t('cam.purposes')}>{t('cam.purposes')}
      <span class="inline tight" id={idOf('purposes')} tabIndex={-1}>
        {all.map((p) => <button key={p.id} type="button" class="chip" data-testid={`purpose-${p.id}`} title={p.law} disabled={off} aria-pressed={mine.includes(p.id)} onClick={() => flip(p.id)}>{purposeName(p.id)}</button>)}
      </span>
      <Why desk={desk} path="purposes" help={t(mine.length === 0 ? 'cam.purposes.none' : 'cam.purposes.help')} />
    </div>
  );
}
