// Setting cameras up: what an edge tells of its cameras, and what may be asked of it. The edge
// answers through the cloud; it needs its time.

import { ask, seg } from './api.ts';
import type { Priority } from './types.ts';

export type Pair = [number, number]; // 0..1 of the picture's width and height
export type Transport = 'tcp' | 'udp';
export type Direction = 'left-to-right' | 'right-to-left' | 'both';

// Rule has the keys that edge.yaml has; those with numbers are named by the edge (RuleKind).
export interface Rule {
  id: string; kind: string; zone?: Pair[]; line?: Pair[]; direction?: Direction;
  classes?: string[]; priority?: Priority; schedule?: string[]; exclude?: Pair[][]; [key: string]: unknown;
}

// Measured is a place of the picture, and where it lies in metres to the right and away.
export type Measured = [Pair, [number, number]];

// Ground says where the ground is: how the camera hangs, or four measured points. A number that is
// being typed may be text.
export interface Ground { height_m?: number | string; tilt_deg?: number | string; hfov_deg?: number | string; roll_deg?: number | string; points?: Measured[]; aspect?: number }

// CameraKeys are the keys of a camera in edge.yaml. Those that this page does not show are kept
// as they are.
export interface CameraKeys {
  id: string; name?: string; url: string; username?: string; transport?: Transport; allow_basic?: boolean;
  model?: string; rules?: Rule[]; purposes?: string[]; ground?: Ground; exclude?: Pair[][]; tls?: { pin_sha256?: string; ca_file?: string }; [key: string]: unknown;
}

// SetupCamera is a camera of an edge: managed ones may be changed here, the others are in edge.yaml.
export interface SetupCamera extends CameraKeys { managed: boolean; has_password?: boolean }

// KindKey is a key of a rule: a number with a range, a word of values, or what its form says. One
// that needs the ground is for a camera that is calibrated.
export interface KindKey {
  name: string; unit?: string; required?: boolean; default?: unknown; min?: number; max?: number; values?: string[];
  form?: 'classes' | 'numbers' | 'schedule' | 'polygons' | 'arrow'; needs?: 'ground';
}
export interface RuleKind { kind: string; keys: KindKey[]; geometry: 'zone' | 'line'; whole?: boolean; experimental?: boolean; purposes?: string[] }
export interface Purpose { id: string; ko: string; en: string; law: string }
export interface SetupModel { name: string; classes: string[] }

export interface Setup {
  revision: string | number; allowed: boolean; cameras: SetupCamera[]; models: SetupModel[];
  defaults: { model?: string; classes?: string[]; [key: string]: unknown }; rule_kinds: RuleKind[];
  purposes?: Purpose[];
}

export interface ProbeWish {
  url: string; username?: string; password?: string; transport?: Transport; allow_basic?: boolean; tls?: unknown;
  camera?: string; // use the password that is stored for it
}
export interface ProbeAnswer {
  codec: string; width_px: number; height_px: number; fps: number; tracks?: string[]; still?: string; took_ms?: number;
}

export interface Saved { revision: string | number; camera?: SetupCamera }
export interface Wish { revision: string | number; camera: CameraKeys; password?: string }

// patienceMs is longer than what the cloud waits for an edge.
const patienceMs = 30_000;

const of = (edge: string) => `/edges/${seg(edge)}`;

export const setupAPI = {
  read: (edge: string) => ask<Setup>('GET', `${of(edge)}/setup`, undefined, patienceMs),
  probe: (edge: string, wish: ProbeWish) => ask<ProbeAnswer>('POST', `${of(edge)}/probe`, wish, patienceMs),
  check: (edge: string, camera: string, wish: Wish) => ask<Saved>('PUT', `${of(edge)}/setup/${seg(camera)}?check=1`, wish, patienceMs),
  save: (edge: string, camera: string, wish: Wish) => ask<Saved>('PUT', `${of(edge)}/setup/${seg(camera)}`, wish, patienceMs),
  remove: (edge: string, camera: string, revision: string | number) =>
    ask<{ revision: string | number }>('DELETE', `${of(edge)}/setup/${seg(camera)}?revision=${seg(String(revision))}`, undefined, patienceMs),
};
