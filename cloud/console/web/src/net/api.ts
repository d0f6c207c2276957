import type { Account, Alert, AlertDetail, AuditRecord, Camera, EdgeRow, Event, Letter, Me, User, Verdict } from './types.ts';

// ApiError is an answer that is not 2xx, or no answer at all (status 0).
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly ownerName?: string,
    readonly fields: FieldTrouble[] = [],
  ) {
    super(message);
  }
}

// FieldTrouble is what is wrong with one field of what was sent: path is like "rules[0].zone".
export interface FieldTrouble { path: string; message: string }

// patienceMs is how long an answer may take: a half-open connection never gives one.
const patienceMs = 15_000;

// ask makes one request of the API.
export async function ask<T>(method: string, path: string, body?: unknown, patience = patienceMs): Promise<T> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['X-Bongsu-Request'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let resp: Response;
  try {
    resp = await fetch('/api/v1' + path, {
      method, headers, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(patience),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, 'unavailable', 'the server cannot be reached');
  }
  if (resp.status === 204) return undefined as T;
  const text = await resp.text();
  let data: unknown;
  try {
    data = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError(resp.status, 'internal', `the answer is not JSON (${resp.status})`);
  }
  if (!resp.ok) {
    const e = data as { error?: { code?: string; message?: string; fields?: FieldTrouble[] }; fields?: FieldTrouble[]; owner_name?: string } | undefined;
    throw new ApiError(resp.status, e?.error?.code ?? 'internal', e?.error?.message ?? resp.statusText, e?.owner_name, e?.fields ?? e?.error?.fields);
  }
  return data as T;
}

export const seg = encodeURIComponent;

// query makes "?a=1&b=2" of what is set.
export function query(params: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== '') q.set(k, String(v));
  const s = q.toString();
  return s === '' ? '' : '?' + s;
}

export type AlertFilter = { state?: 'open' | 'closed' | 'all'; limit?: number; after?: string };
export type EventFilter = {
  camera?: string; kind?: string; from?: string; to?: string; verdict?: string; limit?: number; after?: string;
};

// Lists come in pages; next is absent after the last one.
export const api = {
  setupNeeded: () => ask<{ needed: boolean }>('GET', '/setup'),
  setup: (body: { code: string; username: string; password: string; name: string }) => ask<void>('POST', '/setup', body),
  login: (username: string, password: string) => ask<{ user: User }>('POST', '/login', { username, password }),
  logout: () => ask<void>('POST', '/logout'),
  me: () => ask<Me>('GET', '/me'),

  alerts: (f: AlertFilter) => ask<{ alerts: Alert[]; seq: number; next?: string }>('GET', '/alerts' + query(f)),
  alert: (id: string) => ask<AlertDetail>('GET', '/alerts/' + seg(id)),
  claim: (id: string) => ask<Alert>('POST', `/alerts/${seg(id)}/claim`),
  release: (id: string) => ask<Alert>('POST', `/alerts/${seg(id)}/release`),
  evidence: (id: string) => ask<Alert>('POST', `/alerts/${seg(id)}/evidence`),
  verdict: (id: string, verdict: Verdict, note: string) => ask<Alert>('POST', `/alerts/${seg(id)}/verdict`, { verdict, note }),
  undo: (id: string) => ask<Alert>('POST', `/alerts/${seg(id)}/undo`),

  events: (f: EventFilter) => ask<{ events: Event[]; next?: string }>('GET', '/events' + query(f)),
  event: (id: string) => ask<Event>('GET', '/events/' + seg(id)),
  csvURL: (f: EventFilter, o: { bom: boolean; lang: string }) =>
    '/api/v1/events.csv' + query({ ...f, bom: o.bom ? 1 : 0, lang: o.lang }),

  cameras: () => ask<{ cameras: Camera[] }>('GET', '/cameras'),
  edges: () => ask<{ edges: EdgeRow[] }>('GET', '/edges').then((r) => r.edges),
  edgeToken: (name: string) => ask<{ token: string; expires: string }>('POST', '/edges/tokens', { name }),
  users: () => ask<{ users: Account[] }>('GET', '/users').then((r) => r.users),
  addUser: (u: { username: string; name: string; role: string; password: string }) => ask<void>('POST', '/users', u),
  disableUser: (username: string) => ask<void>('POST', `/users/${seg(username)}/disable`),
  audit: (after?: string) => ask<{ records: AuditRecord[]; next?: string }>('GET', '/audit' + query({ limit: 200, after })),
  letters: () => ask<{ letters: Letter[]; total: number }>('GET', '/deadletters'),
  retryLetter: (id: string) => ask<void>('POST', `/deadletters/${seg(id)}/retry`),
  dropLetter: (id: string) => ask<void>('POST', `/deadletters/${seg(id)}/drop`),
  stillURL: (c: Camera) => `/api/v1/cameras/${seg(c.edge)}/${seg(c.id)}/still` + query({ at: c.still_at }),
};
