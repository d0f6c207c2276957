import type { Pair, Rule } from '../net/setup.ts';
import { t, word } from '../i18n/index.ts';
import type { LiveBox } from '../live/boxes.ts';
import { arrowOf, geometryOf, pointsOf } from '../model/draft.ts';
import type { Area } from '../model/overlay.ts';
import { centre } from '../model/zone.ts';
import { Lined } from './overlay.tsx';
import { priorityOf } from './rules.tsx';

export interface SeenProps { boxes: LiveBox[]; rules: Rule[]; area: Area }

// Seen draws zones, lines and what the model saw over a live picture. What is of a rule has the
// colour of its priority; all else is white.
export function Seen({ boxes, rules, area: f }: SeenProps) {
  const px = (p: Pair) => `${(p[0] * f.w).toFixed(1)},${(p[1] * f.h).toFixed(1)}`;
  const priority = (b: LiveBox) => {
    const r = rules.find((x) => b.rules.includes(x.id));
    return r === undefined ? '' : `p-${priorityOf(r)}`;
  };
  return (
    <div class="over seen" style={{ left: `${f.x}px`, top: `${f.y}px`, width: `${f.w}px`, height: `${f.h}px` }} data-testid="seen" data-boxes={boxes.length}>
      <svg width={f.w} height={f.h} aria-hidden="true">
        {rules.map((r) => {
          const ps = pointsOf(r);
          if (ps.length < 2) return null;
          const line = geometryOf(r) === 'line';
          const top = Math.min(...ps.map((p) => p[1]));
          const x = line ? (ps.find((p) => p[1] === top)?.[0] ?? 0) : centre(ps)[0];
          return (
            <g key={r.id} class="seen-rule" data-testid="seen-zone">
              {line ? <Lined line={ps.map((p) => ({ x: p[0], y: p[1] }))} direction={r.direction ?? 'both'} w={f.w} h={f.h} /> : <><polygon class="under" points={ps.map(px).join(' ')} /><polygon class="zone" points={ps.map(px).join(' ')} /></>}
              {arrowOf(r)?.length === 2 && <Lined line={arrowOf(r)!.map((p) => ({ x: p[0], y: p[1] }))} direction="along" w={f.w} h={f.h} />}
              <text x={x * f.w} y={top * f.h + (line ? -8 : 16)} text-anchor="middle">{r.id}</text>
            </g>
          );
        })}
        {boxes.map((b) => <rect key={b.id} class="under" x={b.box[0] * f.w} y={b.box[1] * f.h} width={(b.box[2] - b.box[0]) * f.w} height={(b.box[3] - b.box[1]) * f.h} />)}
        {boxes.map((b) => <rect key={b.id} class={`box ${priority(b)}`} data-testid="live-box" data-class={b.class} data-track={b.id} x={b.box[0] * f.w} y={b.box[1] * f.h} width={(b.box[2] - b.box[0]) * f.w} height={(b.box[3] - b.box[1]) * f.h} />)}
      </svg>
      {boxes.map((b) => <Name key={b.id} b={b} f={f} tone={priority(b)} />)}
    </div>
  );
}

// Name says what a box holds, above it where there is room.
function Name({ b, f, tone }: { b: LiveBox; f: Area; tone: string }) {
  const [x, y] = [b.box[0] * f.w, b.box[1] * f.h];
  const side = x > f.w - 130 ? { right: `${Math.max(0, f.w - b.box[2] * f.w)}px` } : { left: `${Math.max(0, x - 1)}px` };
  return <span class={`tag ${tone}`} style={{ ...side, top: `${y > 22 ? y - 21 : y}px` }}><b>{t('live.box', { class: word('class', b.class), score: b.score.toFixed(2) })} <i>{b.id}</i></b></span>;
}
