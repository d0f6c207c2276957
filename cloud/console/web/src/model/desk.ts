// The desk on which a camera is set up: what was filled in, probed, drawn and saved, and what the
// edge said to it. One desk is for one camera, new or there already.

import { batch, computed, signal } from '@preact/signals';
import { ApiError, type FieldTrouble } from '../net/api.ts';
import { setupAPI, type CameraKeys, type ProbeAnswer, type ProbeWish, type Rule, type Setup, type SetupCamera, type Wish } from '../net/setup.ts';
import { suggestID } from './address.ts';
import { begin, redo, rest, step, undo, type History } from './history.ts';
import type { Part } from './target.ts';
import { blank, keysOf, probeWish, same, stageOf, stages, tidyPath, toSend, troubles, type Stage } from './draft.ts';

export type Probe = { is: 'none' | 'asking' } | { is: 'good'; answer: ProbeAnswer } | { is: 'bad'; code: string; message: string };
export interface Picture { url: string; w: number; h: number }
export type SetupAPI = typeof setupAPI;

const none: Probe = { is: 'none' };

export class Desk {
  readonly edge = signal('');
  readonly setup = signal<Setup | undefined>(undefined);
  readonly unreadable = signal<unknown>(undefined); // why the edge's set-up could not be read
  readonly stage = signal<Stage | 'alive'>('connect');
  readonly tried = signal<ReadonlySet<Stage>>(new Set()); // stages that were left once: what is wrong on them is shown
  readonly fields = signal<CameraKeys>({ id: '', url: '' }); // all but the rules
  readonly rules = signal<History<Rule[]>>(begin([]));
  readonly password = signal<string | undefined>(undefined); // undefined: none was typed
  readonly chosen = signal(0);
  readonly part = signal<Part>({ is: 'rule' }); // what is drawn on the picture
  readonly gridded = signal(false); // metres are drawn over the picture
  readonly probe = signal<Probe>(none);
  readonly probed = signal(''); // what was probed, to tell that it has changed since
  readonly picture = signal<Picture | undefined>(undefined);
  readonly said = signal<FieldTrouble[]>([]); // the edge's words on fields
  readonly failure = signal<unknown>(undefined); // of the last saving, when it was of no field
  readonly busy = signal<'' | 'check' | 'save' | 'remove'>('');
  readonly conflict = signal(false);
  readonly theirs = signal<CameraKeys | undefined>(undefined); // what somebody else saved meanwhile
  readonly savedAt = signal<number | undefined>(undefined);
  readonly focus = signal<string | undefined>(undefined); // the path of a field that is to have the focus
  #base: CameraKeys | undefined; // as the edge has it
  #idTouched = false;
  #check = 0; // number of the last check: an answer to an older one is not heard

  constructor(
    readonly original: string | undefined, // id of a camera that is there already
    private readonly api: SetupAPI = setupAPI,
    private readonly now: () => number = Date.now,
  ) {}

  readonly camera = computed((): CameraKeys => ({ ...this.fields.value, rules: this.rules.value.now }));
  readonly stored = computed((): SetupCamera | undefined => this.setup.value?.cameras.find((c) => c.id === this.original));
  readonly readOnly = computed(() => this.stored.value?.managed === false || this.setup.value?.allowed === false);
  // held is whether there is a password: typed here, or kept by the edge.
  readonly held = computed((): 'none' | 'stored' | 'typed' => {
    if ((this.password.value ?? '') !== '') return 'typed';
    return this.stored.value?.has_password === true ? 'stored' : 'none';
  });
  readonly troubles = computed(() => {
    const s = this.setup.value;
    if (s === undefined) return [];
    return troubles(this.camera.value, s, s.cameras.map((c) => c.id).filter((id) => id !== this.original), this.held.value);
  });
  // dirty: there is something that would be lost.
  readonly dirty = computed(() => this.savedAt.value === undefined && !this.readOnly.value && this.#base !== undefined
    && (!same(this.camera.value, this.#base) || (this.password.value ?? '') !== ''));

  // read asks the edge for its cameras, models and kinds of rules.
  async read(edge: string): Promise<void> {
    if (this.edge.value !== edge) this.forgetPicture();
    batch(() => {
      this.edge.value = edge;
      this.setup.value = undefined;
      this.unreadable.value = undefined;
    });
    try {
      const s = await this.api.read(edge);
      if (this.edge.value === edge) batch(() => this.#lay(s));
    } catch (err) {
      if (this.edge.value === edge) this.unreadable.value = err;
    }
  }

  // lay takes over the edge's state. What was filled in already stays.
  #lay(s: Setup): void {
    this.setup.value = s;
    const there = this.stored.value;
    const first = this.#base === undefined;
    this.#base = there === undefined ? blank(s) : keysOf(there);
    if (first) {
      this.#fill(this.#base);
      if (there !== undefined) this.stage.value = 'rules';
    } else if (!s.models.some((m) => m.name === this.fields.value.model)) {
      this.put({ model: blank(s).model ?? '' });
    }
  }

  #fill(c: CameraKeys): void {
    const { rules, ...fields } = c;
    this.fields.value = fields;
    this.rules.value = begin(rules ?? []);
  }

  // put changes fields of the camera itself.
  put(more: Partial<CameraKeys>): void {
    if (more.id !== undefined) this.#idTouched = true;
    const gone = (path: string) => !(path in more);
    batch(() => {
      this.fields.value = { ...this.fields.value, ...more };
      this.said.value = this.said.value.filter((f) => gone(f.path.split(/[.[]/)[0] ?? ''));
      if (more.url !== undefined && !this.#idTouched && this.original === undefined) {
        const id = suggestID(more.url, this.setup.value?.cameras.map((c) => c.id) ?? []);
        this.fields.value = { ...this.fields.value, id };
      }
    });
  }

  // draw changes the rules; steps with one tag are taken back together.
  draw(rules: Rule[], tag = ''): void {
    batch(() => {
      this.rules.value = step(this.rules.value, rules, tag);
      this.said.value = this.said.value.filter((f) => !f.path.startsWith('rules'));
      this.chosen.value = Math.min(this.chosen.value, Math.max(0, rules.length - 1));
    });
  }

  // pick takes a rule up, to be changed and drawn.
  pick(i: number): void {
    batch(() => {
      this.chosen.value = i;
      this.part.value = { is: 'rule' };
    });
  }

  lift(): void { this.rules.value = rest(this.rules.value); }
  undo(): void { this.#go(undo(this.rules.value)); }
  redo(): void { this.#go(redo(this.rules.value)); }

  #go(h: History<Rule[]>): void {
    batch(() => {
      this.rules.value = h;
      this.chosen.value = Math.min(this.chosen.value, Math.max(0, h.now.length - 1));
      this.said.value = this.said.value.filter((f) => !f.path.startsWith('rules'));
    });
  }

  #question(): ProbeWish {
    return probeWish(this.camera.value, this.password.value, this.held.value === 'stored' ? this.original : undefined);
  }

  #probeKey(): string {
    return JSON.stringify([this.edge.value, this.#question()]);
  }

  // asked: what is in the form now is what was probed; proven: and the camera answered to it.
  readonly asked = computed(() => this.probed.value === this.#probeKey());
  readonly proven = computed(() => this.probe.value.is === 'good' && this.asked.value);

  // ask probes the camera.
  async ask(): Promise<void> {
    const key = this.#probeKey();
    batch(() => {
      this.probe.value = { is: 'asking' };
      this.probed.value = key;
    });
    let result: Probe;
    try {
      const answer = await this.api.probe(this.edge.value, this.#question());
      result = { is: 'good', answer };
    } catch (err) {
      if (this.probed.value !== key) return;
      if (err instanceof ApiError && err.code === 'invalid' && err.fields.length > 0) this.#hear(err.fields);
      result = err instanceof ApiError ? { is: 'bad', code: err.status === 0 ? 'unavailable' : err.code, message: err.message } : { is: 'bad', code: 'internal', message: String(err) };
    }
    if (this.probed.value !== key) return; // another probe was begun
    batch(() => {
      this.probe.value = result;
      if (result.is === 'good') this.#take(result.answer);
    });
  }

  // take makes the probe's still the picture that is drawn on.
  #take(a: ProbeAnswer): void {
    if (a.still === undefined || a.still === '') return;
    const bytes = Uint8Array.from(atob(a.still), (c) => c.charCodeAt(0));
    this.#drop();
    this.picture.value = { url: URL.createObjectURL(new Blob([bytes], { type: 'image/jpeg' })), w: a.width_px, h: a.height_px };
  }

  #drop(): void {
    const p = this.picture.value;
    if (p?.url.startsWith('blob:') === true) URL.revokeObjectURL(p.url);
    this.picture.value = undefined;
  }

  // forgetPicture lets go of what was probed.
  forgetPicture(): void {
    batch(() => {
      this.#drop();
      this.probe.value = none;
      this.probed.value = '';
    });
  }

  // on tells what is wrong at a path of the form, in the order of who noticed it.
  readonly wrong = computed(() => this.troubles.value.filter((x) => this.tried.value.has(stageOf(x.path))));

  // next leaves a stage for another; forward only when nothing is wrong on those before.
  to(stage: Stage): boolean {
    const i = stages.indexOf(stage);
    const before = stages.slice(0, i);
    const bad = this.troubles.value.find((x) => before.includes(stageOf(x.path)));
    batch(() => {
      this.tried.value = new Set([...this.tried.value, ...before]);
      this.stage.value = bad === undefined ? stage : stageOf(bad.path);
      this.focus.value = bad?.path;
    });
    return bad === undefined;
  }

  #wish(): Wish | undefined {
    const s = this.setup.value;
    if (s === undefined) return undefined;
    const camera = toSend(this.camera.value);
    const password = this.password.value;
    const send = camera.username !== undefined && password !== undefined && password !== '';
    return { revision: s.revision, camera, ...(send ? { password } : {}) };
  }

  #hear(fields: FieldTrouble[]): void {
    this.said.value = fields.map((f) => ({ path: tidyPath(f.path), message: f.message }));
  }

  // check has the edge look at what is filled in, without saving it.
  async check(): Promise<void> {
    const wish = this.#wish();
    if (wish === undefined || this.troubles.value.length > 0 || this.readOnly.value) return;
    const n = ++this.#check;
    try {
      await this.api.check(this.edge.value, wish.camera.id, wish);
      if (n === this.#check) this.said.value = [];
    } catch (err) {
      if (n === this.#check && err instanceof ApiError && err.fields.length > 0) this.#hear(err.fields);
    }
  }

  // save gives the camera to the edge. When something is wrong it is shown where it is.
  async save(): Promise<void> {
    const wish = this.#wish();
    if (wish === undefined || this.busy.value !== '') return;
    this.tried.value = new Set(stages);
    const bad = this.troubles.value[0];
    if (bad !== undefined) return this.show(bad.path);
    this.#check++;
    batch(() => {
      this.busy.value = 'save';
      this.failure.value = undefined;
    });
    try {
      await this.api.check(this.edge.value, wish.camera.id, wish);
      const saved = await this.api.save(this.edge.value, wish.camera.id, wish);
      batch(() => {
        this.setup.value = { ...(this.setup.value as Setup), revision: saved.revision };
        this.said.value = [];
        this.savedAt.value = this.now();
        this.password.value = undefined;
        this.stage.value = 'alive';
      });
    } catch (err) {
      this.#refused(err);
    } finally {
      this.busy.value = '';
    }
  }

  #refused(err: unknown): void {
    if (err instanceof ApiError && err.fields.length > 0) {
      this.#hear(err.fields);
      this.show(this.said.value[0]?.path ?? '');
    } else if (err instanceof ApiError && err.code === 'conflict') {
      this.conflict.value = true;
    } else this.failure.value = err;
  }

  // show brings a field to the eye.
  show(path: string): void {
    const rule = /^rules\[(\d+)\]/.exec(path)?.[1];
    batch(() => {
      this.stage.value = stageOf(path);
      const area = /^exclude\[(\d+)\]/.exec(path)?.[1];
      if (rule !== undefined) this.pick(Number(rule));
      else if (area !== undefined) this.part.value = { is: 'exclude', at: Number(area) };
      this.focus.value = path;
    });
  }

  // renew reads the edge's state after somebody else has saved. What was drawn here stays; what
  // they saved of this camera is offered beside it.
  async renew(): Promise<void> {
    const before = this.#base;
    const s = await this.api.read(this.edge.value);
    batch(() => {
      this.setup.value = s;
      const there = this.stored.value;
      this.#base = there === undefined ? blank(s) : keysOf(there);
      const changed = there !== undefined && before !== undefined && !same(this.#base, before) && !same(this.#base, this.camera.value);
      this.theirs.value = changed ? this.#base : undefined;
      this.conflict.value = false;
    });
  }

  // adopt takes what the others saved; what was drawn here can be had back by taking that step back.
  adopt(): void {
    const c = this.theirs.value;
    if (c === undefined) return;
    const { rules, ...fields } = c;
    batch(() => {
      this.fields.value = fields;
      this.draw(rules ?? []);
      this.theirs.value = undefined;
    });
  }

  // remove takes the camera off the edge; false when somebody else has saved meanwhile.
  async remove(): Promise<void> {
    const s = this.setup.value;
    if (s === undefined || this.original === undefined) return;
    this.busy.value = 'remove';
    try {
      await this.api.remove(this.edge.value, this.original, s.revision);
      this.savedAt.value = this.now();
    } finally {
      this.busy.value = '';
    }
  }
}
