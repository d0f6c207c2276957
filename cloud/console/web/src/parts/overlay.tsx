import type { Event, Point } from '../net/types.ts';
import { word } from '../i18n/index.ts';
import { boxAt, pathUntil, type Area } from '../model/overlay.ts';
import { confidence, reason } from '../model/sentence.ts';

export interface OverlayProps { event: Event; at: number; area: Area; boxes: boolean; zone: boolean }

// Overlay draws zone, line, track and box thinly over the picture, in the picture's own place.
export function Overlay({ event, at, area: f, boxes, zone }: OverlayProps) {
  const px = (p: Point) => `${(p.x * f.w).toFixed(1)},${(p.y * f.h).toFixed(1)}`;
  const box = boxes ? boxAt(event, at) : undefined;
  const path = boxes ? pathUntil(event, at) : [];
  return (
    <div class={`over p-${event.priority}`} style={{ left: `${f.x}px`, top: `${f.y}px`, width: `${f.w}px`, height: `${f.h}px` }}>
      <svg width={f.w} height={f.h} data-testid="overlay" aria-hidden="true">
        {zone && event.zone !== undefined && <polygon class="zone" points={event.zone.map(px).join(' ')} />}
        {zone && event.line !== undefined && <Arrowed line={event.line} direction={event.zone !== undefined ? 'along' : (event.direction ?? 'both')} w={f.w} h={f.h} />}
        {path.length > 1 && <polyline class="path" points={path.map(px).join(' ')} />}
        {box !== undefined && <rect class="box" data-testid="box" x={box.x0 * f.w} y={box.y0 * f.h} width={(box.x1 - box.x0) * f.w} height={(box.y1 - box.y0) * f.h} />}
      </svg>
      {box !== undefined && <Tag event={event} x={box.x0 * f.w} y={box.y0 * f.h} w={f.w} />}
    </div>
  );
}

// Tag names what the box holds, above it where there is room.
function Tag({ event, x, y, w }: { event: Event; x: number; y: number; w: number }) {
  const score = reason(event, 'score');
  const sure = word('confidence', confidence(score?.value ?? event.score, score?.threshold ?? 0.5));
  const side = x > w - 120 ? { right: '0px' } : { left: `${Math.max(0, x - 1)}px` };
  return <span class="tag" style={{ ...side, top: `${y > 24 ? y - 22 : y}px` }}><b>{word('class', event.class)} · {sure}</b></span>;
}

// Lined is a line that is seen on bright pictures as well: dark below, bright above.
export function Lined(props: { line: Point[]; direction: string; w: number; h: number }) {
  return <><g class="under-line"><Arrowed {...props} /></g><Arrowed {...props} /></>;
}

// Arrowed draws a line with an arrow at its middle for each direction that counts. Who looks
// from the first point to the second has the line's right side on the right hand. A line along
// which one may go has its arrow at its end.
function Arrowed({ line, direction, w, h }: { line: Point[]; direction: string; w: number; h: number }) {
  const [a, b] = line;
  if (a === undefined || b === undefined) return null;
  const [ax, ay, bx, by] = [a.x * w, a.y * h, b.x * w, b.y * h];
  const long = Math.hypot(bx - ax, by - ay) || 1;
  const right = { x: -(by - ay) / long, y: (bx - ax) / long };
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  if (direction === 'along') {
    const [ux, uy] = [(bx - ax) / long, (by - ay) / long];
    return <g class="line"><path d={`M${ax},${ay}L${bx},${by}M${bx - ux * 14 - uy * 8},${by - uy * 14 + ux * 8}L${bx},${by}L${bx - ux * 14 + uy * 8},${by - uy * 14 - ux * 8}`} /></g>;
  }
  const arrow = (k: number) => {
    const [tx, ty] = [mx + right.x * 26 * k, my + right.y * 26 * k];
    const side = { x: -right.y * 6, y: right.x * 6 };
    return `M${mx},${my}L${tx},${ty}M${tx - right.x * 9 * k + side.x},${ty - right.y * 9 * k + side.y}L${tx},${ty}L${tx - right.x * 9 * k - side.x},${ty - right.y * 9 * k - side.y}`;
  };
  return (
    <g class="line">
      <path d={`M${ax},${ay}L${bx},${by}`} stroke-dasharray="9 7" />
      {direction !== 'right-to-left' && <path d={arrow(1)} />}
      {direction !== 'left-to-right' && <path d={arrow(-1)} />}
    </g>
  );
}
