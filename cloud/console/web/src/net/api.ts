import type { Account, Alert, AlertDetail, AuditRecord, Camera, EdgeRow, Event, Letter, Me, User, Verdict } from './types.ts';

// ApiError is an answer that is not 2xx, or no answer at all (status 0).
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly ownerName?: string,
  ) {
    super(message);
  }
}

// patienceMs is how long an answer may take: a half-open connection never gives one.
const patienceMs = 15_000;

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['X-Bongsu-Request'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let resp: Response;
  try {
    resp = await fetch('/api/v1' + path, {
      method, headers, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(patienceMs),
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
    const e = data as { error?: { code?: string; message?: string }; owner_name?: string } | undefined;
    throw new ApiError(resp.status, e?.error?.code ?? 'internal', e?.error?.message ?? resp.statusText, e?.owner_name);
  }
  return data as T;
}

const seg = encodeURIComponent;

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
  setupNeeded: () => call<{ needed: boolean }>('GET', '/setup'),
  setup: (body: { code: string; username: string; password: string; name: string }) => call<void>('POST', '/setup', body),
  login: (username: string, password: string) => call<{ user: User }>('POST', '/login', { username, password }),
  logout: () => call<void>('POST', '/logout'),
  me: () => call<Me>('GET', '/me'),

  alerts: (f: AlertFilter) => call<{ alerts: Alert[]; seq: number; next?: string }>('GET', '/alerts' + query(f)),
  alert: (id: string) => call<AlertDetail>('GET', '/alerts/' + seg(id)),
  claim: (id: string) => call<Alert>('POST', `/alerts/${seg(id)}/claim`),
  release: (id: string) => call<Alert>('POST', `/alerts/${seg(id)}/release`),
  evidence: (id: string) => call<Alert>('POST', `/alerts/${seg(id)}/evidence`),
  verdict: (id: string, verdict: Verdict, note: string) => call<Alert>('POST', `/alerts/${seg(id)}/verdict`, { verdict, note }),
  undo: (id: string) => call<Alert>('POST', `/alerts/${seg(id)}/undo`),

  events: (f: EventFilter) => call<{ events: Event[]; next?: string }>('GET', '/events' + query(f)),
  event: (id: string) => call<Event>('GET', '/events/' + seg(id)),
  csvURL: (f: EventFilter, o: { bom: boolean; lang: string }) =>
    '/api/v1/events.csv' + query({ ...f, bom: o.bom ? 1 : 0, lang: o.lang }),

  cameras: () => call<{ cameras: Camera[] }>('GET', '/cameras'),
  edges: () => call<{ edges: EdgeRow[] }>('GET', '/edges').then((r) => r.edges),
  edgeToken: (name: string) => call<{ token: string; expires: string }>('POST', '/edges/tokens', { name }),
  users: () => call<{ users: Account[] }>('GET', '/users').then((r) => r.users),
  addUser: (u: { username: string; name: string; role: string; password: string }) => call<void>('POST', '/users', u),
  disableUser: (username: string) => call<void>('POST', `/users/${seg(username)}/disable`),
  audit: (after?: string) => call<{ records: AuditRecord[]; next?: string }>('GET', '/audit' + query({ limit: 200, after })),
  letters: () => call<{ letters: Letter[]; total: number }>('GET', '/deadletters'),
  retryLetter: (id: string) => call<void>('POST', `/deadletters/${seg(id)}/retry`),
  dropLetter: (id: string) => call<void>('POST', `/deadletters/${seg(id)}/drop`),
  stillURL: (c: Camera) => `/api/v1/cameras/${seg(c.edge)}/${seg(c.id)}/still` + query({ at: c.still_at }),
};
