import { useEffect, useRef, useState } from 'preact/hooks';
import { api, type EventFilter } from '../net/api.ts';
import { verdicts, type Event } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { kindName, kinds } from '../model/kinds.ts';
import { explain } from '../model/explain.ts';
import { cameras, me, now } from '../model/state.ts';
import { why } from '../model/sentence.ts';
import { clock, date, fromInput, full, length } from '../model/time.ts';
import { Player, type Transport } from '../parts/player.tsx';
import { Shape } from '../parts/shape.tsx';

const pageSize = 100;

export function Events() {
  const [f, setF] = useState<EventFilter>({});
  const [rows, setRows] = useState<Event[]>([]);
  const [next, setNext] = useState<string>();
  const [error, setError] = useState('');
  const [bom, setBom] = useState(true);
  const [open, setOpen] = useState<Event>();
  const load = (after?: string) => {
    api.events({ ...f, limit: pageSize, ...(after === undefined ? {} : { after }) }).then((r) => {
      setRows((old) => (after === undefined ? r.events : [...old, ...r.events]));
      setNext(r.next);
      setError('');
    }, (err: unknown) => setError(explain(err)));
  };
  useEffect(() => load(), [JSON.stringify(f)]);
  return (
    <main class="wide-page page">
      <div class="tools">
        <Filters change={(k, v) => setF(({ [k]: _, ...rest }) => (v === '' ? rest : { ...rest, [k]: v }))} />
        <span class="grow" />
        <label class="chip"><input type="checkbox" checked={bom} onChange={(e) => setBom(e.currentTarget.checked)} /> {t('events.bom')}</label>
        <a class="button" href={api.csvURL(f, { bom, lang: lang.value })} download data-testid="csv-link">{t('events.csv')}</a>
      </div>
      <div class={`split${open === undefined ? ' single' : ''}`}>
        <div class="scroll">
          {error !== '' && <p class="notice" role="alert">{t('events.error', { message: error })}</p>}
          {error === '' && rows.length === 0 ? <p class="notice">{t('events.none')}</p> : <Table rows={rows} open={open} setOpen={setOpen} />}
          {next !== undefined && <p class="notice"><button type="button" class="button" onClick={() => load(next)}>{t('events.more')}</button></p>}
        </div>
        {open !== undefined && <Detail event={open} close={() => setOpen(undefined)} />}
      </div>
    </main>
  );
}

function Filters({ change }: { change(key: keyof EventFilter, value: string): void }) {
  const select = (key: 'camera' | 'kind' | 'verdict', label: string, options: [string, string][]) => (
    <label class="field">{label}
      <select data-testid={`filter-${key}`} onChange={(e) => change(key, e.currentTarget.value)}>
        <option value="">{t('events.any')}</option>
        {options.map(([v, text]) => <option key={v} value={v}>{text}</option>)}
      </select>
    </label>
  );
  const time = (key: 'from' | 'to', label: string) => (
    <label class="field">{label}<input type="datetime-local" step="1" data-testid={`filter-${key}`} onChange={(e) => change(key, fromInput(e.currentTarget.value))} /></label>
  );
  return (
    <>
      {select('camera', t('events.camera'), [...new Map(cameras.value.map((c) => [c.id, c.name || c.id]))])}
      {select('kind', t('events.kind'), kinds.map((k) => [k, kindName(k)]))}
      {time('from', t('events.from'))}
      {time('to', t('events.to'))}
      {select('verdict', t('events.verdict'), [['none', t('events.unjudged')], ...verdicts.map((v): [string, string] => [v, word('verdict', v)])])}
    </>
  );
}

function Table({ rows, open, setOpen }: { rows: Event[]; open: Event | undefined; setOpen(e: Event): void }) {
  return (
    <table class="rows">
      <thead><tr><th><span class="hidden">{t('events.priority')}</span></th>{(['time', 'kind', 'camera', 'class', 'score', 'length', 'verdict', 'clip'] as const).map((k) => <th key={k} class={k === 'class' || k === 'score' ? 'spare' : ''}>{t(`events.${k}`)}</th>)}</tr></thead>
      <tbody>
        {rows.map((e) => (
          <tr key={e.id} tabIndex={0} data-testid="event-row" data-event={e.id} aria-selected={open?.id === e.id}
            onClick={() => setOpen(e)} onKeyDown={(k) => k.key === 'Enter' && setOpen(e)}>
            <td><Shape priority={e.priority} size={14} /></td>
            <td>{date(e.start, lang.value)} {clock(e.start)}</td>
            <td>{kindName(e.kind)}</td>
            <td class="name" title={e.camera_name}>{e.camera_name || e.camera}</td>
            <td class="spare">{word('class', e.class)}</td>
            <td class="spare">{e.score.toFixed(2)}</td>
            <td>{e.end === undefined ? t('events.open') : length((Date.parse(e.end) - Date.parse(e.start)) / 1000)}</td>
            <td>{e.verdict === undefined ? t('events.unjudged') : word('verdict', e.verdict)}</td>
            <td>{e.clips.filter((c) => c.url !== undefined).length || ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Detail({ event, close }: { event: Event; close(): void }) {
  const transport = useRef<Transport | null>(null);
  const [fresh, setFresh] = useState(event);
  useEffect(() => {
    setFresh(event);
    api.event(event.id).then(setFresh).catch(() => undefined);
  }, [event.id]);
  return (
    <aside class="aside">
      <div class="head">
        <Shape priority={fresh.priority} size={16} /><h2>{kindName(fresh.kind)} · {fresh.camera_name || fresh.camera}</h2>
        <span class="chip">{full(fresh.start, lang.value)}</span><span class="grow" />
        <button type="button" class="chip" onClick={close}>{t('events.close')}</button>
      </div>
      <div class="evidence"><Player event={fresh} viewer={me.value?.user.name ?? ''} now={now.value} boxes zone transport={transport} /><p class="lead">{why(fresh, now.value)}</p></div>
    </aside>
  );
}
