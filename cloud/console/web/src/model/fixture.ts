// Values for tests, whole and plausible; each test changes what it is about.

import type { Setup } from '../net/setup.ts';
import type { Alert, Event } from '../net/types.ts';

export const base = Date.parse('2026-11-21T14:40:42Z');
export const iso = (seconds: number): string => new Date(base + seconds * 1000).toISOString();

export function alertOf(o: Partial<Alert> & { id: string }): Alert {
  return {
    seq: 1, edge: 'edge-01', edge_name: 'E', camera: 'cam-1', camera_name: 'C', rule: 'r', kind: 'intrusion', priority: 'high',
    condition: 'active', work: 'unclaimed', event: `e-${o.id}`, events: [`e-${o.id}`], count: 1, raised: iso(0), last_seen: iso(0),
    claim_by: iso(60), verdict_by: iso(180), class: 'person', score: 0.9, clip_parts: 0, ...o,
  };
}

export function eventOf(o: Partial<Event> = {}): Event {
  return {
    id: 'e', revision: 1, edge_name: 'E', camera: 'cam-1', rule: 'r', kind: 'intrusion', priority: 'high', state: 'closed',
    start: iso(0), fired: iso(2), end: iso(13), class: 'person', score: 0.87, track: 1, box: { x0: 0.4, y0: 0.4, x1: 0.5, y1: 0.8 },
    model: { name: 'm', version: '1' }, stamps: {}, clock: { wall_quality: 'synchronised', media_pts_us: 0 }, received: iso(3), clips: [], ...o,
  };
}

// setupOf is what an edge tells of its cameras.
export function setupOf(more: Partial<Setup> = {}): Setup {
  const tuning = [{ name: 'priority', default: 'high', values: ['critical', 'high', 'medium', 'low'] }, { name: 'classes', default: ['person'] }, { name: 'min_score', default: 0.5, min: 0, max: 1 }, { name: 'linger_s', unit: 's', default: 2, min: 0.1, max: 600 }];
  const confirm = { name: 'confirm_s', unit: 's', default: 0.4, min: 0, max: 60 };
  return {
    revision: 'r1', allowed: true, defaults: { model: 'bongsu-nano', classes: ['person'] },
    models: [{ name: 'bongsu-nano', classes: ['person', 'car'] }, { name: 'other', classes: ['bag'] }],
    cameras: [{ managed: true, has_password: true, id: 'yard', name: '야적장', url: 'rtsp://10.0.0.9/a', username: 'viewer', transport: 'tcp', model: 'bongsu-nano', pre_roll_s: 7,
      rules: [{ id: 'fence', kind: 'intrusion', zone: [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], classes: ['person'] }] }],
    rule_kinds: [
      { kind: 'intrusion', geometry: 'zone', keys: [confirm, ...tuning] },
      { kind: 'loitering', geometry: 'zone', keys: [{ name: 'dwell_s', unit: 's', required: true, default: 60, min: 1, max: 86400 }, ...tuning] },
      { kind: 'fire', geometry: 'zone', whole: true, purposes: ['fire-prevention', 'facility-safety'], keys: [confirm, { name: 'classes', form: 'classes', default: ['fire', 'smoke'] }, { name: 'schedule', form: 'schedule' }, { name: 'min_px_per_m', unit: 'px/m', default: 0, min: 0, max: 1000, needs: 'ground' }] },
      { kind: 'wrong-way', geometry: 'zone', keys: [{ name: 'line', form: 'arrow', required: true }, confirm, ...tuning] },
      { kind: 'closed-area', geometry: 'zone', keys: [{ name: 'schedule', form: 'schedule', required: true }, confirm, ...tuning] },
      { kind: 'crowd', geometry: 'zone', experimental: true, keys: [{ name: 'count', default: 10, min: 1, max: 10000 }, { name: 'per_m2', form: 'numbers', unit: '1/m²', min: 0.1, max: 10, needs: 'ground' }, ...tuning] },
      { kind: 'line-crossing', geometry: 'line', keys: [{ name: 'direction', default: 'both', values: ['both', 'left-to-right', 'right-to-left'] }, ...tuning] },
    ],
    ...more,
  };
}
