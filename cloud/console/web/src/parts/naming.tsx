import { t, word } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { classesOf } from '../model/draft.ts';
import { marks, Why } from './field.tsx';

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
      <button class="hidden" tabIndex={-1}>{t('cam.next')}</button>
    </form>
  );
}
