// Keys are bound to the place on the keyboard (code), so that they work under any input
// language, and only while no text is being written or composed.

export type Action =
  | 'up' | 'down' | 'open' | 'back' | 'claim' | 'release' | 'real' | 'false' | 'duplicate' | 'technical'
  | 'undo' | 'play' | 'seek-' | 'seek+' | 'frame-' | 'frame+' | 'jump-' | 'jump+'
  | 'boxes' | 'zone' | 'live' | 'pause' | 'mute' | 'note' | 'sheet'
  | `digit${number}`;

export type Mode = 'on' | 'alt' | 'off';

// Stroke is what matters of a KeyboardEvent.
export interface Stroke {
  code: string; key: string; isComposing: boolean;
  altKey: boolean; ctrlKey: boolean; metaKey: boolean; shiftKey: boolean;
  inText: boolean;
}

const single: Record<string, Action> = {
  KeyK: 'up', KeyJ: 'down', KeyA: 'claim', KeyU: 'release', KeyB: 'boxes', KeyZ: 'zone', KeyP: 'pause', KeyC: 'note', KeyL: 'live',
  BracketLeft: 'jump-', BracketRight: 'jump+',
  Digit1: 'real', Digit2: 'false', Digit3: 'duplicate', Digit4: 'technical',
  Numpad1: 'real', Numpad2: 'false', Numpad3: 'duplicate', Numpad4: 'technical',
};

// movable are the actions whose key the operator may change.
export const movable = [
  'claim', 'release', 'real', 'false', 'duplicate', 'technical', 'jump-', 'jump+', 'boxes', 'zone', 'live', 'note', 'pause',
] as const satisfies readonly Action[];
export type Movable = (typeof movable)[number];

// Bindings are the keys that were changed: the code of each action's key.
export type Bindings = Partial<Record<Movable, string>>;

const usualCode = (a: Movable): string => Object.entries(single).find(([, x]) => x === a)?.[0] ?? '';

// codeOf gives the code of an action's key as it is now.
export function codeOf(a: Movable, b: Bindings): string {
  return b[a] ?? usualCode(a);
}

// bindable says whether a key may be given to an action: letters, digits and some signs, except
// those that always mean the same.
export function bindable(code: string): boolean {
  return /^(Key[A-Z]|Digit\d|BracketLeft|BracketRight|Semicolon|Quote|Comma|Period|Minus|Equal|Backslash|Backquote)$/.test(code) && code !== 'KeyK' && code !== 'KeyJ';
}

// rebind gives an action a key; the action that had it gets the other's in return.
export function rebind(b: Bindings, a: Movable, code: string): Bindings {
  const out: Bindings = { ...b };
  const other = movable.find((m) => m !== a && codeOf(m, b) === code);
  if (other !== undefined) out[other] = codeOf(a, b);
  out[a] = code;
  for (const m of movable) if (out[m] === usualCode(m)) delete out[m];
  return out;
}

// bindingsOf reads stored bindings; what is no longer possible is left out.
export function bindingsOf(text: string | null): Bindings {
  let v: unknown;
  try {
    v = JSON.parse(text ?? '');
  } catch {
    return {};
  }
  if (typeof v !== 'object' || v === null) return {};
  let out: Bindings = {};
  for (const m of movable) {
    const code = (v as Record<string, unknown>)[m];
    if (typeof code === 'string' && bindable(code)) out[m] = code;
  }
  const codes = movable.map((m) => codeOf(m, out));
  if (new Set(codes).size < codes.length) out = {};
  return out;
}

// tableOf gives what each key means. The number pad goes with the digits.
export function tableOf(b: Bindings): Record<string, Action> {
  const out: Record<string, Action> = {};
  for (const [code, a] of Object.entries(single)) if (b[a as Movable] === undefined) out[code] = a;
  for (const m of movable) {
    const code = b[m];
    if (code === undefined) continue;
    out[code] = m;
    const digit = /^Digit(\d)$/.exec(code)?.[1];
    if (digit !== undefined) out[`Numpad${digit}`] = m;
  }
  return out;
}

const caps: Record<string, string> = {
  BracketLeft: '[', BracketRight: ']', Semicolon: ';', Quote: "'", Comma: ',', Period: '.', Minus: '-', Equal: '=', Backslash: '\\', Backquote: '`',
};

// capOf gives what is printed on a key.
export function capOf(code: string): string {
  return caps[code] ?? code.replace(/^(Key|Digit)/, '');
}

// plain work in every mode: they are not characters.
const plain: Record<string, Action> = {
  ArrowUp: 'up', ArrowDown: 'down', Enter: 'open', NumpadEnter: 'open', Escape: 'back', F9: 'mute',
};

// actionOf names what a stroke asks for; choosing is set while a list of reasons is open, so
// that digits mean its rows. Under Hangul input the browser may report key code 229 or a jamo
// outside of text fields as well; there the place on the keyboard counts, and only a
// composition under way is left alone.
export function actionOf(s: Stroke, mode: Mode, choosing: boolean, table: Record<string, Action> = single): Action | undefined {
  if (s.isComposing) return undefined;
  if (s.code === 'Escape') return 'back';
  if (s.inText) return undefined;
  if ((s.ctrlKey || s.metaKey) && !s.altKey) return s.code === 'KeyZ' && !s.shiftKey ? 'undo' : undefined;
  if (s.ctrlKey || s.metaKey) return undefined;
  const direct = plain[s.code];
  if (direct !== undefined && !s.altKey) return direct;
  if (s.altKey !== (mode === 'alt') || mode === 'off') return seek(s, mode);
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(s.code)?.[1];
  if (choosing && digit !== undefined) return `digit${Number(digit)}`;
  if (s.key === '?' || (s.code === 'Slash' && s.shiftKey)) return 'sheet';
  return table[s.code] ?? seek(s, mode);
}

// digitOf gives the digit of a stroke, where digits alone mean something: by the same mode.
export function digitOf(s: Stroke, mode: Mode): number | undefined {
  if (s.isComposing || s.inText || s.ctrlKey || s.metaKey || mode === 'off' || s.altKey !== (mode === 'alt')) return undefined;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(s.code)?.[1];
  return digit === undefined ? undefined : Number(digit);
}

function seek(s: Stroke, mode: Mode): Action | undefined {
  if (s.altKey && mode !== 'alt') return undefined;
  if (s.code === 'Space') return 'play';
  if (s.code === 'ArrowLeft') return s.shiftKey ? 'frame-' : 'seek-';
  if (s.code === 'ArrowRight') return s.shiftKey ? 'frame+' : 'seek+';
  return undefined;
}

// inText says whether the focus is where letters are written.
export function inText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type);
}
