// What the API gives, as /api/openapi.json describes it. Times are RFC 3339 strings in UTC;
// boxes and points are 0..1 of the picture.

export type Priority = 'critical' | 'high' | 'medium' | 'low';
export type Condition = 'active' | 'cleared';
export type Work = 'unclaimed' | 'claimed' | 'reviewing' | 'confirmed' | 'closed';
export type Kind = string; // see model/kinds.ts
export type CameraState = 'starting' | 'live' | 'waiting-key' | 'offline' | 'busy' | 'denied' | 'failed';
export type ClipState = 'writing' | 'ready' | 'torn' | 'evicted' | 'failed';

export const verdicts = [
  'real-dispatch', 'real-minor', 'real-watch',
  'false-animal', 'false-weather', 'false-shadow', 'false-static', 'false-normal',
  'duplicate', 'technical', 'training', 'undecidable',
] as const;
export type Verdict = (typeof verdicts)[number];

export interface Point { x: number; y: number }
export interface Box { x0: number; y0: number; x1: number; y1: number }
export interface TrailPoint { at: string; box: Box }
export interface DecidingFrame { at: string; pts_us: number; seq: number; box: Box; score: number }
export interface Reason { name: string; value: number; threshold?: number }
export interface Stamps {
  packet_us?: number; decoded_us?: number; inferred_us?: number; fired_us?: number;
  durable_us?: number; sent_us?: number; received_us?: number; alerted_us?: number;
}

export interface Clip {
  part: number; state: ClipState; bytes: number; start: string; duration_us: number;
  codec?: string; sha256?: string; tainted?: boolean; url?: string;
}

export interface Event {
  id: string; revision: number; edge?: string; edge_name: string; camera: string; camera_name?: string;
  rule: string; kind: Kind; priority: Priority; state: 'open' | 'closed'; close_reason?: string;
  start: string; fired: string; end?: string;
  class: string; score: number; track: number; box: Box;
  zone?: Point[]; line?: Point[]; direction?: string; trail?: TrailPoint[]; reasons?: Reason[];
  rule_version?: string; frames?: DecidingFrame[]; experimental?: boolean;
  model: { name: string; version: string; sha256?: string }; tainted?: boolean; stamps: Stamps;
  clock: { camera_claim?: string; wall_quality: string; media_pts_us: number };
  received: string; alert?: string; verdict?: Verdict; snapshot_url?: string; clips: Clip[];
}

export interface Alert {
  id: string; seq: number; edge: string; edge_name: string; camera: string; camera_name: string;
  rule: string; kind: Kind; priority: Priority; condition: Condition; work: Work;
  owner?: string; owner_name?: string; event: string; events: string[]; count: number;
  raised: string; last_seen: string; claim_by?: string; verdict_by?: string;
  verdict?: Verdict; note?: string; closed_at?: string; class: string; score: number;
  snapshot_url?: string; clip_parts: number;
}

export interface HistoryStep {
  at: string; actor: string; actor_name?: string; action: string; from: Work; to: Work;
  verdict?: Verdict; note?: string;
}

export interface AlertDetail extends Alert { event_list: Event[]; history: HistoryStep[] }

export interface Camera {
  edge: string; edge_name: string; edge_online: boolean; id: string; name: string;
  state: CameraState; code?: string; reason?: string; since: string; fps: number; infer_ps: number;
  width_px: number; height_px: number; codec?: string; model?: string;
  still_at?: string; has_still: boolean; last_report: string;
}

export interface User { username: string; name: string; role: 'operator' | 'admin' }
export interface Me { user: User; version: string }
export interface ClipChange { event: string; part: number; state: ClipState; alert?: string }
export interface Hello { seq: number; version: string; now: string }

export interface Account extends User { created: string; disabled: boolean }
export interface EdgeRow {
  id: string; name: string; enrolled: string; last_seen?: string; online: boolean; disabled: boolean;
  pending: { events: number; clips: number; clip_bytes: number; clips_evicted: number };
}
export interface Letter {
  id: string; source: 'archive' | 'queue'; event?: string; revision?: number; edge?: string; edge_name?: string;
  received?: string; buried: string; deliveries: number; reason: string; entry?: string;
}
export interface AuditRecord { seq: number; at: string; actor: string; client: string; action: string; target: string; detail: string }
