// Puts the scores that card.sh printed into models/nano/CARD.md, between its marks, and those on real
// pictures into models/nano/real.json, by which the program decides what it offers the model for.
//
//   node models/train/card.mjs OUT

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const out = process.argv[2];
const nano = 'models/nano';
const read = (name) => JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8')).models;
const person = (report, word = 'person') => report.classes.find((c) => c.class === word);
const digits = (n) => n.toFixed(3);

const [held, heldBeside] = read('rendered-held-out');
const [train, trainBeside] = read('rendered-train');
const real = ['real-voc', 'real-coco'].map((name) => {
  const [own, beside] = read(name);
  return { name, own, beside, share: person(own).ap50 / person(beside).ap50 };
});
const worst = real.reduce((a, b) => (b.share < a.share ? b : a));

const manifest = readFileSync(join(nano, 'manifest.yaml'), 'utf8');
const of = (key) => manifest.match(new RegExp(`^ *${key}: *"?([^"#\n]*?)"? *(#.*)?$`, 'm'))[1];
const size = readFileSync(join(nano, of('file'))).length;
if (held.sha256 !== of('sha256')) throw new Error(`the scores are of ${held.sha256}, the manifest of ${of('sha256')}`);

const met = (ok) => (ok ? 'met' : '**not met**');
const low = (report) => {
  const rows = report.conditions.filter((c) => c.map50 > 0).sort((a, b) => a.map50 - b.map50);
  return rows.length ? { value: rows[0].map50, text: `${rows[0].condition} ${rows[0].value}: ${digits(rows[0].map50)}` } : { value: 0, text: '-' };
};
const ms = (ns) => `${(ns / 1e6).toFixed(1)} ms`;
const floors = [
  ['', 'asked for', `held-out look (YOLOX-nano)`, `training look (YOLOX-nano)`, ''],
  ['---', '---', '---', '---', '---'],
  ['mAP50', '≥ 0.85', `${digits(held.map50)} (${digits(heldBeside.map50)})`, `${digits(train.map50)} (${digits(trainBeside.map50)})`, met(held.map50 >= 0.85)],
  ['people found at precision 0.9', '≥ 0.95', ...[[held, heldBeside], [train, trainBeside]].map(([a, b]) =>
    `${digits(person(a).at_precision_90.recall)} (${digits(person(b).at_precision_90.recall)})`), met(person(held).at_precision_90.recall >= 0.95)],
  ['person AP50, any posture', '', ...[[held, heldBeside], [train, trainBeside]].map(([a, b]) =>
    `${digits(person(a, 'any person').ap50)} (${digits(person(b, 'any person').ap50)})`), ''],
  ['worst condition', '≥ 0.6', low(held).text, low(train).text, met(low(held).value >= 0.6)],
  ['people in real pictures, AP50', '≥ 60 % of YOLOX-nano’s', ...real.map((r) =>
    `${r.name}: ${digits(person(r.own).ap50)} of ${digits(person(r.beside).ap50)}, ${Math.round(100 * r.share)} %`), met(worst.share >= 0.6)],
  ['one picture, one core', '≤ 8 ms', `${ms(held.time.cpu_median_ns)} (${ms(heldBeside.time.cpu_median_ns)})`,
    `${ms(train.time.cpu_median_ns)} (${ms(trainBeside.time.cpu_median_ns)})`, met(held.time.cpu_median_ns <= 8e6)],
].map((row) => `| ${row.join(' | ')} |`).join('\n');

let card = readFileSync(join(nano, 'CARD.md'), 'utf8');
const put = (mark, text) => {
  const form = new RegExp(`(<!-- ${mark} -->\n)[\\s\\S]*?(<!-- end of ${mark} -->)`);
  if (!form.test(card)) throw new Error(`CARD.md has no mark ${mark}`);
  card = card.replace(form, (_, a, b) => `${a}${text.trim()}\n${b}`);
};
put('file', `| | |
|---|---|
| file | \`${of('file')}\`, version ${of('version')}, ${size.toLocaleString('en')} bytes |
| SHA-256 | \`${of('sha256')}\` |
| thresholds | low ${of('low')}, high ${of('high')}, suppression among alike classes above an IoU of ${of('nms_iou')} |`);
put('floors', floors);
put('scores', '```\n' + readFileSync(join(out, 'card.txt'), 'utf8').trim() + '\n```');
writeFileSync(join(nano, 'CARD.md'), card);
writeFileSync(join(nano, 'real.json'), JSON.stringify({ pictures: worst.own.pictures, person_ap50: +digits(person(worst.own).ap50), beside: worst.beside.model,
  beside_ap50: +digits(person(worst.beside).ap50) }).replaceAll(':', ': ').replaceAll(',', ', ') + '\n');
