import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { rowsShown, scrolledTo } from '../model/rows.ts';
import { atTop, cameras, filter, held, letIn, listed, loaded, me, now, paused, select, selected } from '../model/state.ts';
import { alerts } from '../model/state.ts';
import { rank } from '../model/queue.ts';
import { Card } from './card.tsx';
import { Flame, Shape } from './shape.tsx';

const loadedAt = Date.now();

// List is the queue. The focus stays on the list itself while rows come and go (the selected
// row is its active descendant), so it is never lost; only the rows on screen are drawn.
export function List() {
  const ref = useRef<HTMLUListElement>(null);
  const [view, setView] = useState({ top: 0, room: 800, row: 84 });
  const list = listed.value;
  const at = list.findIndex((a) => a.id === selected.value);
  const measure = () => {
    const el = ref.current;
    if (el === null) return;
    const row = Number.parseFloat(getComputedStyle(el).getPropertyValue('--row')) || 84;
    setView((v) => (v.top === el.scrollTop && v.room === el.clientHeight && v.row === row ? v : { top: el.scrollTop, room: el.clientHeight, row }));
    atTop.value = el.scrollTop < 8;
    if (atTop.value && !paused.value) letIn();
  };
  useLayoutEffect(() => {
    atTop.value = true;
    const el = ref.current;
    if (el === null) return undefined;
    const see = new ResizeObserver(measure);
    see.observe(el);
    return () => see.disconnect();
  }, [list.length === 0, loaded.value]);
  useLayoutEffect(() => {
    const el = ref.current;
    if (el !== null && at >= 0) el.scrollTop = scrolledTo(at, view.row, el.scrollTop, el.clientHeight);
  }, [selected.value, at < 0]);
  if (!loaded.value) return <div class="calm" role="status">{t('queue.loading')}</div>;
  const shown = rowsShown(list.length, view.row, view.top, view.room);
  return (
    <>
      <Pill rise={() => ref.current?.scrollTo({ top: 0 })} />
      {list.length === 0 ? <Empty /> : (
        <ul ref={ref} class="list scroll" role="listbox" tabIndex={0} aria-label={t('queue.label')} data-keeper data-testid="queue-list"
          aria-activedescendant={at < 0 ? undefined : `card-${selected.value}`} onScroll={measure}>
          <li role="presentation" class="tall" style={{ height: `${list.length * view.row}px` }} />
          {list.slice(shown.first, shown.last).map((a, i) => (
            <Card key={a.id} alert={a} top={(shown.first + i) * view.row} place={shown.first + i + 1} of={list.length}
              selected={selected.value === a.id} mine={a.owner === me.value?.user.username} now={now.value}
              arrived={Date.parse(a.raised) > loadedAt} onSelect={() => select(a.id)} />
          ))}
        </ul>
      )}
    </>
  );
}

// Pill says that the list stands still, or what waits above it.
function Pill({ rise }: { rise(): void }) {
  const waiting = held.value;
  if (waiting.size === 0 && !paused.value) return null;
  const ids = [...waiting];
  const first = ids.map((id) => alerts.value.get(id)?.priority ?? 'low').sort((a, b) => rank(a) - rank(b))[0];
  const words = [...(ids.length > 0 ? [t('queue.new', { n: ids.length })] : []), ...(paused.value ? [t('queue.paused')] : [])].join(' · ');
  return (
    <button type="button" class="pill" data-testid="pill" onClick={() => {
      if (ids.length === 0) paused.value = false;
      letIn();
      rise();
    }}>
      {first !== undefined && <Shape priority={first} size={13} />}{words}
    </button>
  );
}

function Empty() {
  const live = cameras.value.filter((c) => c.state === 'live').length;
  const all = cameras.value.length;
  const waiting = filter.value === 'unclaimed';
  return (
    <div class="calm" data-testid="calm" data-keeper tabIndex={-1}>
      <Flame size={44} />
      <strong>{waiting ? t('queue.empty.unclaimed') : t('queue.empty.other')}</strong>
      {waiting && <span>{all === 0 ? t('camera.none') : t('queue.empty.calm', { live })}</span>}
      {waiting && live < all && <span>{t('queue.empty.blind', { n: all - live })}</span>}
    </div>
  );
}
