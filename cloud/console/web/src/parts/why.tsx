import { useEffect, useState } from 'preact/hooks';
import { api } from '../net/api.ts';
import type { AlertDetail, Event } from '../net/types.ts';
import { lang, t, word } from '../i18n/index.ts';
import { confidence, reason, why } from '../model/sentence.ts';
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
      <section>
        <h3>{t('why.basis')}</h3>
        <dl class="facts">
          <dt>{t('why.rule')}</dt><dd>{word('kind', event.kind)} · {event.rule}</dd>
          <dt>{t('why.confidence')}</dt>
          <dd>{word('confidence', sure)} <small>{event.score.toFixed(2)} / {t('why.threshold', { v: threshold.toFixed(2) })}</small></dd>
          {(event.reasons ?? []).filter((r) => r.name !== 'score').map((r) => (
            <ReasonRow key={r.name} name={r.name} value={r.value} threshold={r.threshold} />
          ))}
          <dt>{t('why.model')}</dt><dd>{event.model.name} {event.model.version}</dd>
          <dt>{t('why.edge')}</dt><dd>{event.edge_name}</dd>
          <dt>{t('why.clock')}</dt><dd>{word('why.clock', event.clock.wall_quality)}</dd>
          <Day camera={event.camera} alert={alert.id} />
        </dl>
      </section>
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

function ReasonRow({ name, value, threshold }: { name: string; value: number; threshold: number | undefined }) {
  const unit = name.endsWith('_s') ? t('queue.seconds') : '';
  const show = (v: number) => (Number.isInteger(v) ? String(v) : v.toFixed(1)) + unit;
  return (
    <>
      <dt>{word('reason', name)}</dt>
      <dd>{show(value)} {threshold !== undefined && threshold !== 0 && <small>/ {t('why.threshold', { v: show(threshold) })}</small>}</dd>
    </>
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
