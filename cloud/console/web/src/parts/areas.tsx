import { t } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { wrongAt } from './field.tsx';

// Areas lists the parts of the picture in which nothing counts, for every rule of the camera.
export function Areas({ desk }: { desk: Desk }) {
  const all = desk.fields.value.exclude ?? [];
  const off = desk.readOnly.value;
  const part = desk.part.value;
  if (off && all.length === 0) return null;
  const add = () => {
    desk.put({ exclude: [...all, []] });
    desk.part.value = { is: 'exclude', at: all.length };
    desk.focus.value = 'board';
  };
  const drop = (i: number) => {
    desk.part.value = { is: 'rule' };
    desk.put({ exclude: all.filter((_, j) => j !== i) });
  };
  return (
    <section class="sub" aria-label={t('area.title')}>
      <h3>{t('area.title')}</h3>
      <p class="small dim">{t('area.help')}</p>
      {all.map((ps, i) => {
        const w = wrongAt(desk, `exclude[${i}]`);
        return (
          <div key={i} class="inline tight" data-testid="area" id={`f-exclude-${i}-`} tabIndex={-1}>
            <button type="button" class="chip" data-testid="area-draw" aria-pressed={part.is === 'exclude' && part.at === i} onClick={() => (desk.part.value = { is: 'exclude', at: i })}>{t('area.one', { n: i + 1 })} · {t('cam.rule.points', { n: ps.length })}</button>
            {!off && <button type="button" class="chip" data-testid="area-remove" onClick={() => drop(i)}>{t('area.remove')}</button>}
            {w !== undefined && <small class="wrong" lang={w.foreign ? 'en' : undefined}>{w.words}</small>}
          </div>
        );
      })}
      {!off && <button type="button" class="chip" data-testid="area-add" onClick={add}>{t('area.add')}</button>}
    </section>
  );
}
