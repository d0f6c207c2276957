// What is being drawn on the picture: a rule's zone or line, the arrow of a rule that has both, an
// area that is left out, or the four points by which the ground is measured.

import type { Pair, Rule } from '../net/setup.ts';
import type { Desk } from './desk.ts';
import { arrowOf, flawOf, geometryOf, pointsOf, withPoints } from './draft.ts';
import { lineFlaw, zoneFlaw, type Flaw } from './zone.ts';

export type Part = { is: 'rule' } | { is: 'arrow' } | { is: 'ground' } | { is: 'exclude'; at: number };

export interface Target {
  key: string; // another target is another drawing
  is: Part['is'];
  points: Pair[];
  line: boolean;
  fixed: boolean; // its points are moved, none is made or taken away
  direction: string; // of an arrow across the line: as Rule has it, or "along" it
  rule?: Rule;
  flaw?: Flaw | undefined;
  put(ps: Pair[], tag: string): void;
}

// targetOf gives what is drawn on now; nothing when there is nothing.
export function targetOf(desk: Desk): Target | undefined {
  const part = desk.part.value;
  const rules = desk.rules.value.now;
  const at = desk.chosen.value;
  const rule = rules[at];
  if (part.is === 'ground') return groundTarget(desk);
  if (part.is === 'exclude') return excludeTarget(desk, part.at);
  if (rule === undefined) return undefined;
  const change = (r: Rule, tag: string) => desk.draw(rules.map((o, i) => (i === at ? r : o)), tag);
  const arrow = arrowOf(rule);
  if (part.is === 'arrow' && arrow !== undefined) {
    return {
      key: `arrow ${at} ${rule.id}`, is: 'arrow', points: arrow, line: true, fixed: true, direction: 'along', rule, flaw: lineFlaw(arrow),
      put: (ps, tag) => change({ ...rule, line: ps }, tag),
    };
  }
  return {
    key: `rule ${at} ${rule.id}`, is: 'rule', points: pointsOf(rule), line: geometryOf(rule) === 'line', fixed: false, direction: rule.direction ?? 'both', rule, flaw: flawOf(rule),
    put: (ps, tag) => change(withPoints(rule, ps), tag),
  };
}

function groundTarget(desk: Desk): Target | undefined {
  const g = desk.fields.value.ground;
  if (g?.points === undefined) return undefined;
  const points = g.points.map((p) => p[0]);
  return {
    key: 'ground', is: 'ground', points, line: false, fixed: true, direction: '', flaw: zoneFlaw(points),
    put: (ps) => desk.put({ ground: { ...g, points: g.points!.map((m, i) => [ps[i] ?? m[0], m[1]]) } }),
  };
}

function excludeTarget(desk: Desk, at: number): Target | undefined {
  const all = desk.fields.value.exclude ?? [];
  const points = all[at];
  if (points === undefined) return undefined;
  return {
    key: `exclude ${at}`, is: 'exclude', points, line: false, fixed: false, direction: '', flaw: zoneFlaw(points),
    put: (ps) => desk.put({ exclude: all.map((o, i) => (i === at ? ps : o)) }),
  };
}
