import { computed, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Alert, Camera } from '../net/types.ts';
import { t, word } from '../i18n/index.ts';
import { kindName } from '../model/kinds.ts';
import { digitOf, inText } from '../model/keys.ts';
import { go, path, restate, search } from '../model/route.ts';
import { alerts, cameras, choose, me, select } from '../model/state.ts';
import { choiceOf, filled, keyOf, put, queryOf, sized, sizes, split, urgent, type Choice } from '../model/wall.ts';
import { Kbd, mode } from '../parts/kbd.tsx';
import { Live } from '../parts/live.tsx';
import { Shape } from '../parts/shape.tsx';

const empty: Choice = { size: 4, places: ['', '', '', ''] };
const stored = () => `bongsu.wall.${me.value?.user.username ?? ''}`;

function remembered(): Choice {
  try {
    return choiceOf(localStorage.getItem(stored()) ?? '') ?? empty;
  } catch {
    return empty;
  }
}

// change shows another choice, in the address and for the next time.
function change(c: Choice): void {
  try {
    localStorage.setItem(stored(), queryOf(c));
  } catch {
    // private windows may refuse; the address holds it
  }
  restate('/wall' + queryOf(c));
}

const big = signal<number | undefined>(undefined); // the tile that is shown alone
const marks = computed(() => urgent(alerts.value.values()));

// Wall shows four or nine cameras side by side.
export function Wall() {
  const ref = useRef<HTMLElement>(null);
  const choice = choiceOf(search.value) ?? remembered();
  useEffect(() => {
    if (path.value === '/wall' && choiceOf(search.value) === undefined) restate('/wall' + queryOf(remembered()));
  }, [search.value]);
  useEffect(() => () => {
    big.value = undefined;
  }, []);
  useWallKeys(ref, choice.size);
  const alone = big.value !== undefined && big.value < choice.size ? big.value : undefined;
  return (
    <main class="wide-page page" ref={ref}>
      <div class="tools">
        <div class="group" role="group" aria-label={t('wall.size')}>
          {sizes.map((n) => <button key={n} type="button" class="chip" data-testid={`wall-${n}`} aria-pressed={choice.size === n} onClick={() => change(sized(choice, n))}>{t(`wall.size.${n}`)}</button>)}
        </div>
        {choice.places.includes('') && <button type="button" class="chip" data-testid="wall-fill" onClick={() => change(filled(choice, cameras.value))}>{t('wall.fill')}</button>}
        <span class="grow" />
        {alone !== undefined && <button type="button" class="chip" data-testid="wall-back" onClick={() => shrink()}>{t('wall.back')} <kbd aria-hidden="true">Esc</kbd></button>}
      </div>
      <div class={`wall n${choice.size}${alone === undefined ? '' : ' alone'}`} data-testid="wall">
        {choice.places.map((place, i) => (
          <Tile key={place === '' ? `none-${i}` : place} index={i} place={place} shown={alone === undefined || alone === i} alone={alone === i}
            pick={(p) => change(put(choice, i, p))} />
        ))}
      </div>
    </main>
  );
}

const tileAt = (root: ParentNode | null, i: number) => root?.querySelector<HTMLElement>(`[data-tile="${i}"]`) ?? null;

function shrink(): void {
  const was = big.value;
  big.value = undefined;
  if (was !== undefined) requestAnimationFrame(() => tileAt(document, was)?.focus());
}

interface TileProps { index: number; place: string; shown: boolean; alone: boolean; pick(place: string): void }

function Tile({ index, place, shown, alone, pick }: TileProps) {
  const { edge, camera } = split(place);
  const c = cameras.value.find((x) => keyOf(x.edge, x.id) === place);
  const name = c === undefined ? camera : c.name || c.id;
  const alert = place === '' ? undefined : marks.value.get(place);
  return (
    <section class={`tile${alert === undefined ? '' : ` marked p-${alert.priority}`}`} data-testid="wall-tile" data-tile={index} data-place={place}
      data-alert={alert?.id} data-alone={alone} tabIndex={0} hidden={!shown}
      aria-label={place === '' ? t('wall.empty', { n: index + 1 }) : t('wall.tile', { n: index + 1, name })}
      onDblClick={() => place !== '' && (big.value = alone ? undefined : index)}>
      <header>
        <Kbd k={String(index + 1)} />
        <Picker index={index} place={place} pick={pick} />
        <span class="grow" />
        {alert !== undefined && <Mark alert={alert} />}
      </header>
      {place === '' ? <div class="player calm">{t('wall.choose')}</div> : <Live edge={edge} camera={camera} name={name} />}
    </section>
  );
}

// Mark says by shape, word and colour that something waits at this camera, and leads to it.
function Mark({ alert }: { alert: Alert }) {
  const open = () => {
    choose('all');
    select(alert.id);
    go('/console');
  };
  return (
    <button type="button" class="mark" data-testid="wall-mark" onClick={open}>
      <Shape priority={alert.priority} size={14} /><b>{kindName(alert.kind)}</b> {word('work', alert.work)}
    </button>
  );
}

const edgesOf = computed(() => {
  const out = new Map<string, Camera[]>();
  for (const c of [...cameras.value].sort((a, b) => a.name.localeCompare(b.name))) out.set(c.edge_name, [...(out.get(c.edge_name) ?? []), c]);
  return [...out];
});

function Picker({ index, place, pick }: { index: number; place: string; pick(p: string): void }) {
  const known = cameras.value.some((c) => keyOf(c.edge, c.id) === place);
  return (
    <select class="plain" data-testid="wall-pick" aria-label={t('wall.pick', { n: index + 1 })} value={place} onChange={(e) => pick(e.currentTarget.value)}>
      <option value="">{t('wall.none')}</option>
      {place !== '' && !known && <option value={place}>{split(place).camera}</option>}
      {edgesOf.value.map(([edge, list]) => (
        <optgroup key={edge} label={edge}>{list.map((c) => <option key={c.id} value={keyOf(c.edge, c.id)}>{c.name || c.id}</option>)}</optgroup>
      ))}
    </select>
  );
}

// useWallKeys: digits select a tile, Enter shows it alone, Escape goes back.
function useWallKeys(ref: { current: HTMLElement | null }, size: number): void {
  useEffect(() => {
    const down = (e: KeyboardEvent) => {
      const target = e.target instanceof HTMLElement ? e.target : null;
      if (document.querySelector('dialog[open]') !== null || e.isComposing || inText(target)) return;
      const digit = digitOf({ ...strokeOf(e), inText: false }, mode.value);
      if (e.code === 'Escape' && big.value !== undefined) shrink();
      else if (e.code === 'Enter' && target?.dataset.place !== undefined && target.dataset.place !== '') big.value = Number(target.dataset.tile);
      else if (digit !== undefined && digit <= size) selectTile(ref.current, digit - 1);
      else return;
      e.preventDefault();
    };
    document.addEventListener('keydown', down);
    return () => document.removeEventListener('keydown', down);
  }, [size]);
}

function strokeOf(e: KeyboardEvent) {
  const { code, key, isComposing, altKey, ctrlKey, metaKey, shiftKey } = e;
  return { code, key, isComposing, altKey, ctrlKey, metaKey, shiftKey };
}

// selectTile gives a tile the focus; while one is shown alone, another takes its place.
function selectTile(root: ParentNode | null, i: number): void {
  if (big.value !== undefined && tileAt(root, i)?.dataset.place !== '') big.value = i;
  requestAnimationFrame(() => tileAt(root, i)?.focus());
}
