import { useEffect, useRef, useState } from 'preact/hooks';
import type { Pair, Rule } from '../net/setup.ts';
import { t } from '../i18n/index.ts';
import type { Desk } from '../model/desk.ts';
import { arrowOf, flawWords, geometryOf, pointsOf } from '../model/draft.ts';
import { kindName } from '../model/kinds.ts';
import { fitted, type Area } from '../model/overlay.ts';
import { targetOf, type Target } from '../model/target.ts';
import { centre, inserted, middle, moved, place, shifted, without, type Flaw } from '../model/zone.ts';
import { priorityOf } from './rules.tsx';
import { useRoom } from './room.ts';
import { Lined } from './overlay.tsx';
import { Grid } from './ground.tsx';

const snapPx = 8; // so near to the picture's border a point goes onto it
const reachPx = 12; // so near to the first point a click closes the zone
const nudge = 0.005;
const stride = 0.03;

// Board is the picture with what is drawn on it; the chosen rule can be changed.
export function Board({ desk }: { desk: Desk }) {
  const ref = useRef<HTMLDivElement>(null);
  const room = useRoom(ref);
  const p = desk.picture.value;
  const f = fitted(p?.w ?? 16, p?.h ?? 9, room.w, room.h);
  const b = useBoard(desk, f);
  const name = desk.fields.value.name === undefined || desk.fields.value.name === '' ? desk.fields.value.id : desk.fields.value.name;
  return (
    <div class="board-frame" onKeyDown={b.onKey}>
      <Tools b={b} desk={desk} />
      <div class="board player" ref={ref}>
        <div class={`place${p === undefined ? ' blank' : ''}`} style={{ left: `${f.x}px`, top: `${f.y}px`, width: `${f.w}px`, height: `${f.h}px` }}>
          {p !== undefined && <img src={p.url} alt={t('cam.picture.of', { name })} data-testid="board-picture" draggable={false} />}
          <svg width={f.w} height={f.h} ref={b.svg} data-testid="board" data-drawing={b.drawing} id="f-board" onFocus={(e) => e.target === e.currentTarget && b.setPoint(undefined)} tabIndex={b.target === undefined || b.off ? -1 : 0} role="application"
            aria-label={t('draw.of', { name: b.target?.rule?.id ?? name })} class={b.drawing ? 'drawing' : ''} {...b.pointer}>
            <Grid desk={desk} f={f} />
            {(desk.fields.value.exclude ?? []).map((ps, i) => !isAt(b.target, `exclude ${i}`) && <Left key={i} ps={ps} f={f} choose={() => (desk.part.value = { is: 'exclude', at: i })} />)}
            {desk.rules.value.now.map((r, i) => <Other key={i} r={r} f={f} mine={i === desk.chosen.value ? b.target : undefined} choose={() => desk.pick(i)} />)}
            {b.target !== undefined && <Chosen b={b} f={f} />}
          </svg>
        </div>
        {p === undefined && <p class="blank-words">{t('cam.picture.blank')}</p>}
      </div>
      <Hint b={b} />
    </div>
  );
}

type B = ReturnType<typeof useBoard>;

// useBoard is what one can do on the board with the chosen rule.
function useBoard(desk: Desk, f: Area) {
  const svg = useRef<SVGSVGElement>(null);
  const [open, setOpen] = useState(false); // a zone is being drawn and not closed
  const [point, setPoint] = useState<number>(); // the one that has the focus
  const [ghost, setGhost] = useState<Pair>(); // where the next point would be
  const before = useRef<Pair[] | undefined>(undefined); // what was there before drawing anew
  const drag = useRef<{ at: number | 'all'; last: Pair; n: number } | undefined>(undefined);
  const drags = useRef(0);
  const target = targetOf(desk);
  const off = desk.readOnly.value;
  const points = target?.points ?? [];
  const line = target?.line === true;
  const least = line ? 2 : 3;
  const drawing = target !== undefined && !off && !target.fixed && (points.length < least || (open && !line));
  useEffect(() => {
    setOpen(false);
    setPoint(undefined);
    setGhost(undefined);
    before.current = undefined;
  }, [target?.key]);
  const put = (ps: Pair[], tag = '') => {
    if (target !== undefined && !off) target.put(ps, tag);
  };
  const focus = (n: number | undefined) => {
    setPoint(n);
    requestAnimationFrame(() => (n === undefined ? svg.current : svg.current?.querySelector<SVGElement>(`[data-point="${n}"]`))?.focus());
  };
  const where = (e: PointerEvent | MouseEvent): Pair => {
    const r = svg.current?.getBoundingClientRect() ?? { left: 0, top: 0, width: 1, height: 1 };
    const fit = (v: number, size: number) => (v < snapPx ? 0 : v > size - snapPx ? 1 : v / size);
    return place(fit(e.clientX - r.left, r.width), fit(e.clientY - r.top, r.height));
  };
  const close = () => {
    setOpen(false);
    setGhost(undefined);
    before.current = undefined;
  };
  const add = (p: Pair) => {
    const [first] = points;
    if (!line && first !== undefined && points.length >= least && Math.hypot((p[0] - first[0]) * f.w, (p[1] - first[1]) * f.h) <= reachPx) return close();
    const last = points.at(-1);
    if (last !== undefined && last[0] === p[0] && last[1] === p[1]) return undefined; // the second half of a double click
    setOpen(true);
    put([...points, p]);
    return undefined;
  };
  const insert = (after: number, p?: Pair) => {
    put(inserted(points, after, p ?? middle(points, after)));
    focus(after + 1);
  };
  const remove = (n: number) => {
    put(without(points, n));
    focus(points.length <= 1 ? undefined : Math.max(0, n - 1));
  };
  const redraw = () => {
    before.current = points;
    setOpen(true);
    put([]);
    focus(undefined);
  };
  const giveUp = () => {
    put(before.current ?? (points.length >= least ? points : []));
    close();
  };
  const grab = (e: PointerEvent, n: number | 'all') => {
    if (off || drawing || e.button !== 0) return;
    e.stopPropagation();
    drag.current = { at: n, last: where(e), n: ++drags.current };
    svg.current?.setPointerCapture(e.pointerId);
    if (typeof n === 'number') focus(n);
  };
  const pointer = {
    onClick: (e: MouseEvent) => { if (drawing) add(where(e)); },
    onDblClick: () => { if (drawing && points.length >= least) close(); },
    onPointerMove: (e: PointerEvent) => {
      const d = drag.current;
      if (d === undefined) {
        if (drawing) setGhost(where(e));
        return;
      }
      const to = where(e);
      const tag = `drag ${target?.key} ${d.n}`;
      if (d.at === 'all') put(shifted(points, to[0] - d.last[0], to[1] - d.last[1]), tag);
      else put(moved(points, d.at, to), tag);
      d.last = to;
    },
    onPointerUp: () => { drag.current = undefined; desk.lift(); },
    onPointerCancel: () => { drag.current = undefined; desk.lift(); },
    onPointerLeave: () => { if (drag.current === undefined) setGhost(undefined); },
  };
  const b = { svg, target, line, off, points, least, drawing, point, setPoint, ghost, setGhost, add, insert, remove, redraw, giveUp, close, put, grab, pointer, focus, flaw: target?.flaw };
  return { ...b, onKey: (e: KeyboardEvent) => onKey(e, b, desk) };
}

const arrows: Record<string, Pair> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// onKey serves the keys of the board: those of taking back anywhere on it, the others where the
// focus is.
function onKey(e: KeyboardEvent, b: Omit<B, 'onKey'>, desk: Desk): void {
  const done = () => e.preventDefault();
  if ((e.ctrlKey || e.metaKey) && ['KeyZ', 'KeyY'].includes(e.code)) {
    done();
    if (e.code === 'KeyY' || e.shiftKey) desk.redo();
    else desk.undo();
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || b.off || b.target === undefined) return;
  if (!(e.target instanceof SVGElement)) return;
  const arrow = arrows[e.key];
  const size = e.shiftKey ? stride : nudge;
  if (b.drawing) {
    const at = b.ghost ?? b.points.at(-1) ?? [0.5, 0.5];
    if (arrow !== undefined) b.setGhost(place(at[0] + arrow[0] * size * 2, at[1] + arrow[1] * size * 2));
    else if (e.key === ' ') b.add(at);
    else if (e.key === 'Enter' && b.points.length >= b.least) b.close();
    else if (e.key === 'Backspace' || e.key === 'Delete') b.put(without(b.points, b.points.length - 1));
    else if (e.key === 'Escape') b.giveUp();
    else return;
    return done();
  }
  const n = b.point;
  const p = n === undefined ? undefined : b.points[n];
  if (n === undefined || p === undefined) return;
  if (arrow !== undefined) b.put(moved(b.points, n, [p[0] + arrow[0] * size, p[1] + arrow[1] * size]), `nudge ${b.target.key} ${n}`);
  else if ((e.key === 'Delete' || e.key === 'Backspace') && !b.target.fixed) b.remove(n);
  else if ((e.key === '+' || e.key === 'Insert') && !b.line && !b.target.fixed) b.insert(n);
  else if (e.key === 'Escape') b.focus(undefined);
  else return;
  done();
}

const px = (p: Pair, f: Area) => `${(p[0] * f.w).toFixed(1)},${(p[1] * f.h).toFixed(1)}`;
const asPoint = (p: Pair) => ({ x: p[0], y: p[1] });

const isAt = (target: Target | undefined, key: string): boolean => target?.key === key;

// Other is what of a rule is not being changed: thin, with its name. mine is what is drawn on when the
// rule is the chosen one.
function Other({ r, f, mine, choose }: { r: Rule; f: Area; mine: Target | undefined; choose(): void }) {
  const ps = mine?.is === 'rule' ? [] : pointsOf(r);
  const arrow = mine?.is === 'arrow' ? undefined : arrowOf(r);
  const line = geometryOf(r) === 'line';
  const top = Math.min(...ps.map((p) => p[1]));
  const x = line ? (ps.find((p) => p[1] === top)?.[0] ?? 0) : centre(ps)[0];
  return (
    <g class={`other over-line p-${priorityOf(r)}`} onPointerDown={choose}>
      {ps.length > 1 && (line ? <Lined line={ps.map(asPoint)} direction={r.direction ?? 'both'} w={f.w} h={f.h} /> : <><polygon class="under" points={ps.map((p) => px(p, f)).join(' ')} /><polygon points={ps.map((p) => px(p, f)).join(' ')} /></>)}
      {arrow !== undefined && arrow.length === 2 && <Lined line={arrow.map(asPoint)} direction="along" w={f.w} h={f.h} />}
      {ps.length > 1 && <text x={x * f.w} y={top * f.h + (line ? -8 : 17)} text-anchor="middle">{r.id}</text>}
    </g>
  );
}

// Left is an area that is left out.
function Left({ ps, f, choose }: { ps: Pair[]; f: Area; choose(): void }) {
  if (ps.length < 2) return null;
  const [x, y] = centre(ps);
  return (
    <g class="other left-out" data-testid="left-out" onPointerDown={choose}>
      <polygon class="under" points={ps.map((p) => px(p, f)).join(' ')} /><polygon points={ps.map((p) => px(p, f)).join(' ')} />
      <text x={x * f.w} y={y * f.h} text-anchor="middle">{t('area.out')}</text>
    </g>
  );
}

// Chosen is the rule that is being changed: its corners can be taken, and between them new ones made.
function Chosen({ b, f }: { b: B; f: Area }) {
  const { points: ps, line, target } = b;
  const edges = line || b.drawing || target?.fixed === true ? [] : ps.map((_, i) => i);
  const next = b.drawing && b.ghost !== undefined ? [...ps, b.ghost] : ps;
  const bad = badEdges(b.flaw, ps);
  const done = !b.drawing;
  return (
    <g class={`chosen${b.flaw !== undefined && done ? ' flawed' : ''}`}>
      {!line && <polyline class="under" points={[...next, ...(done ? next.slice(0, 1) : [])].map((p) => px(p, f)).join(' ')} />}
      {!line && done && <polygon class="area" points={ps.map((p) => px(p, f)).join(' ')} onPointerDown={(e) => b.grab(e, 'all')} />}
      {!line && !done && <polyline class="draft" points={next.map((p) => px(p, f)).join(' ')} />}
      {!line && !done && ps.length >= 2 && <path class="closing" d={`M${px(next.at(-1)!, f)}L${px(ps[0]!, f)}`} />}
      {line && next.length === 2 && target !== undefined && (
        <g class="over-line" onPointerDown={(e) => b.grab(e, 'all')}><Lined line={next.map(asPoint)} direction={target.direction} w={f.w} h={f.h} /></g>
      )}
      {bad.map((i) => <path key={i} class="bad" d={`M${px(ps[i]!, f)}L${px(ps[(i + 1) % ps.length]!, f)}`} />)}
      {!b.off && edges.map((i) => <Between key={i} at={middle(ps, i)} f={f} add={(e) => { e.stopPropagation(); b.insert(i); }} />)}
      {ps.map((p, i) => <Corner key={i} b={b} f={f} p={p} i={i} />)}
      {b.drawing && b.ghost !== undefined && <path class="cross" d={cross(b.ghost, f)} />}
    </g>
  );
}

const cross = (p: Pair, f: Area) => `M${p[0] * f.w - 9},${p[1] * f.h}h18M${p[0] * f.w},${p[1] * f.h - 9}v18`;

// badEdges are the edges that cross.
function badEdges(flaw: Flaw | undefined, ps: readonly Pair[]): number[] {
  return flaw?.what === 'crosses' && ps.length > 2 ? [flaw.at, flaw.other] : [];
}

function Between({ at, f, add }: { at: Pair; f: Area; add(e: MouseEvent): void }) {
  const [x, y] = [at[0] * f.w, at[1] * f.h];
  return <g class="between" aria-hidden="true" onClick={add} data-testid="between"><circle cx={x} cy={y} r="12" class="reach" /><circle cx={x} cy={y} r="7" /><path d={`M${x - 3.5},${y}h7M${x},${y - 3.5}v7`} /></g>;
}

function Corner({ b, f, p, i }: { b: B; f: Area; p: Pair; i: number }) {
  const label = t('draw.point', { n: i + 1, x: Math.round(p[0] * 100), y: Math.round(p[1] * 100) });
  const [x, y] = [p[0] * f.w, p[1] * f.h];
  return (
    <g class={`corner${b.point === i ? ' taken' : ''}${b.drawing && i === 0 && b.points.length >= b.least ? ' closes' : ''}`} data-point={i} data-testid="corner" tabIndex={b.off || b.drawing ? -1 : 0} role="button"
      aria-label={label} onPointerDown={(e) => b.grab(e, i)} onFocus={() => b.setPoint(i)}>
      <circle cx={x} cy={y} r="14" class="reach" /><circle cx={x} cy={y} r="6" class="rim" /><circle cx={x} cy={y} r="6" class="dot" />
      {b.line && b.target?.is !== 'arrow' && <text x={x} y={y - 12} text-anchor="middle">{i === 0 ? 'A' : 'B'}</text>}
      {b.target?.is === 'ground' && <text x={x} y={y - 14} text-anchor="middle">{i + 1}</text>}
    </g>
  );
}

// outside: what is no part of a rule is not in the history of what was drawn.
const outside = (x: Target | undefined): boolean => x?.is === 'ground' || x?.is === 'exclude';

function titleOf(x: Target | undefined): string {
  if (x?.is === 'ground') return t('ground.title');
  if (x?.is === 'exclude') return t('area.title');
  return x?.rule === undefined ? t('draw.label') : `${kindName(x.rule.kind)} · ${x.rule.id}`;
}

function Tools({ b, desk }: { b: B; desk: Desk }) {
  const h = desk.rules.value;
  const n = b.point;
  const drawn = b.target !== undefined && b.points.length > 0;
  const free = b.target !== undefined && !b.target.fixed;
  return (
    <div class="tools" role="toolbar" aria-label={t('draw.tools')}>
      <strong>{titleOf(b.target)}</strong>
      <span class="grow" />
      {!b.off && free && (
        <>
          {b.drawing && !b.line && <button type="button" class="chip" data-testid="draw-finish" disabled={b.points.length < b.least} onClick={b.close}>{t('draw.finish')} <kbd aria-hidden="true">Enter</kbd></button>}
          {!b.line && <button type="button" class="chip" data-testid="draw-whole" onClick={() => { b.put([[0, 0], [1, 0], [1, 1], [0, 1]]); b.close(); }}>{t('draw.whole')}</button>}
          <button type="button" class="chip" data-testid="draw-again" disabled={!drawn || b.drawing} onClick={b.redraw}>{t('draw.redraw')}</button>
          {!b.line && <button type="button" class="chip" data-testid="draw-add" disabled={n === undefined} onPointerDown={(e) => e.preventDefault()} onClick={() => n !== undefined && b.insert(n)}>{t('draw.add')} <kbd aria-hidden="true">+</kbd></button>}
          <button type="button" class="chip" data-testid="draw-remove" disabled={n === undefined} onPointerDown={(e) => e.preventDefault()} onClick={() => n !== undefined && b.remove(n)}>{t('draw.remove')} <kbd aria-hidden="true">Del</kbd></button>
        </>
      )}
      {!b.off && !outside(b.target) && <button type="button" class="chip" data-testid="undo" disabled={h.past.length === 0} onClick={() => desk.undo()}>{t('draw.undo')} <kbd aria-hidden="true">Ctrl Z</kbd></button>}
      {!b.off && !outside(b.target) && <button type="button" class="chip" data-testid="redo" disabled={h.future.length === 0} onClick={() => desk.redo()}>{t('draw.redo')}</button>}
    </div>
  );
}

// Hint says what to do next, or what is wrong, where the eyes are.
function Hint({ b }: { b: B }) {
  const flaw = b.flaw !== undefined && !b.drawing ? flawWords(b.flaw, b.line) : undefined;
  const crossing = b.drawing && b.flaw !== undefined && b.flaw.what !== 'few' ? flawWords(b.flaw, b.line) : undefined;
  const bad = flaw ?? crossing;
  return (
    <p class={`board-hint${bad === undefined ? '' : ' bad'}`} role="status" data-testid="draw-hint" data-flaw={bad === undefined ? undefined : b.flaw?.what}>
      {bad !== undefined && <><b aria-hidden="true">!</b> {t(bad.key, bad.values)} </>}
      {bad === undefined && (b.target === undefined ? t('draw.hint.none') : b.off ? '' : b.drawing ? drawHint(b) : restHint(b, b.target))}
    </p>
  );
}

function restHint(b: B, x: Target): string {
  if (x.is === 'ground') return t('draw.hint.ground');
  if (x.is === 'arrow') return t('draw.hint.arrow');
  return b.line ? t('draw.hint.line') : b.point !== undefined ? t('draw.hint.point') : t('draw.hint.edit');
}

function drawHint(b: B): string {
  if (b.points.length === 0) return t(b.line ? 'draw.hint.start.line' : 'draw.hint.start.zone');
  return b.points.length < b.least ? t(b.line ? 'draw.hint.start.line' : 'draw.hint.more') : t('draw.hint.close');
}
