import { useEffect, useState } from 'preact/hooks';
import { api } from '../net/api.ts';
import type { AlertDetail, Event, Reason } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { experimental, kindName } from '../model/kinds.ts';
import { confidence, reason, shown, why } from '../model/sentence.ts';
import { clock, full, length } from '../model/time.ts';

// Why says in one sentence why it rang, then shows the numbers behind it with their
// thresholds, and what has been done since.
export function Why({ alert, event, now }: { alert: AlertDetail; event: Event; now: number }) {
  const score = reason(event, 'score');
  const threshold = score?.threshold ?? 0.5;
  const sure = confidence(score?.value ?? event.score, threshold);
  return (
    <div class="why scroll" data-testid="why" role="region" tabIndex={0} aria-label={t('why.basis')}>
      <p class="lead">{why(event, now)}</p>
      {experimental(event.kind) && <p class="hint" data-testid="experimental">{t('kind.experimental.help')}</p>}
      <section>
        <h3>{t('why.basis')}</h3>
        <dl class="facts">
          <dt>{t('why.rule')}</dt><dd>{kindName(event.kind)} · {event.rule} {event.rule_version !== undefined && <small data-testid="rule-version">{t('why.version', { v: event.rule_version })}</small>}</dd>
          <Place event={event} />
          <dt>{t('why.confidence')}</dt>
          <dd>{word('confidence', sure)} <small>{event.score.toFixed(2)} / {t('why.threshold', { v: threshold.toFixed(2) })}</small></dd>
          {(event.reasons ?? []).filter((r) => r.name !== 'score').map((r) => (
            <ReasonRow key={r.name} event={event} r={r} />
          ))}
          <dt>{t('why.model')}</dt><dd>{event.model.name} {event.model.version} {event.model.sha256 !== undefined && <small title={event.model.sha256}>{event.model.sha256.slice(0, 8)}</small>}</dd>
          <dt>{t('why.edge')}</dt><dd>{event.edge_name}</dd>
          <dt>{t('why.clock')}</dt><dd>{word('why.clock', event.clock.wall_quality)}</dd>
          <Day camera={event.camera} alert={alert.id} />
        </dl>
      </section>
      <Frames event={event} />
      <section>
        <h3>{t('why.history')}</h3>
        <ol class="log">
          {alert.history.map((h, i) => (
            <li key={i}>
              <span title={full(h.at, lang.value)}>{i === 0 ? clock(h.at) : since(h.at, alert.history[0]?.at ?? h.at)}</span>
              <span>
                <b>{word('history', h.action)}</b>
                {h.verdict !== undefined && ` · ${word('verdict', h.verdict)}`}
                {h.actor !== '' && ` · ${h.actor_name || h.actor}`}
                {h.note !== undefined && h.note !== '' && <q>{h.note}</q>}
              </span>
            </li>
          ))}
        </ol>
      </section>
    </div>
  );
}

// since is how long after the first step another came.
function since(at: string, first: string): string {
  const s = (Date.parse(at) - Date.parse(first)) / 1000;
  return s < 60 ? t('why.after', { s: s.toFixed(1) }) : `+${length(s)}`;
}

function ReasonRow({ event, r }: { event: Event; r: Reason }) {
  const x = shown(event, r);
  return (
    <>
      <dt>{x.label}</dt>
      <dd>{x.value} {x.threshold !== undefined && <small>/ {t('why.threshold', { v: x.threshold })}</small>}</dd>
    </>
  );
}

// Place names the zone or the line that the rule watches; the picture shows it.
function Place({ event }: { event: Event }) {
  const zone = event.zone?.length ?? 0;
  const line = event.line?.length ?? 0;
  if (zone === 0 && line === 0) return <><dt>{t('why.zone')}</dt><dd>{t('draw.whole')}</dd></>;
  return <><dt>{t('why.zone')}</dt><dd>{zone > 0 ? t('why.zone.corners', { n: zone }) : t('why.zone.line')}{zone > 0 && line > 0 && ` · ${t('cam.rule.part.arrow')}`}</dd></>;
}

// Frames are the pictures that decided, by how long before the rule was sure they were.
function Frames({ event }: { event: Event }) {
  const all = event.frames ?? [];
  if (all.length === 0) return null;
  return (
    <section data-testid="deciding">
      <h3>{t('why.frames')}</h3>
      <ol class="log">
        {all.map((f) => (
          <li key={f.seq}><span title={full(f.at, lang.value)}>{clock(f.at)}</span><span>{t('why.frame', { s: ((Date.parse(event.fired) - Date.parse(f.at)) / 1000).toFixed(1) })} · {f.score > 0 ? f.score.toFixed(2) : t('why.frame.unseen')}</span></li>
        ))}
      </ol>
    </section>
  );
}

const dayMs = 86_400_000;

// Day counts what this camera has sent in a day, and how much of it was judged false.
function Day({ camera, alert }: { camera: string; alert: string }) {
  const [text, setText] = useState('');
  useEffect(() => {
    let gone = false;
    api.events({ camera, from: new Date(Date.now() - dayMs).toISOString(), limit: 500 }).then((r) => {
      const wrong = r.events.filter((e) => e.verdict?.startsWith('false-') === true).length;
      if (!gone) setText(t('why.day.value', { n: r.next === undefined ? r.events.length : `${r.events.length}+`, f: wrong }));
    }).catch(() => undefined);
    return () => {
      gone = true;
    };
  }, [camera, alert, lang.value]);
  return <><dt>{t('why.day')}</dt><dd>{text}</dd></>;
}
