// Kinds of event as the program's taxonomy has them: their names, what is an experiment, and how
// urgent each is where a rule does not say.

import taxonomy from '../../../../../taxonomy.json';
import { lang, t } from '../i18n/index.ts';
import type { Priority } from '../net/types.ts';

interface Category { id: string; ko: string; en: string; status: string; kinds?: string[]; alarm: boolean; priority: string }

const byKind = new Map((taxonomy.categories as Category[]).flatMap((c) => (c.kinds ?? []).map((k): [string, Category] => [k, c])));

// kinds are those that this release knows, in the order in which they are shown.
export const kinds: readonly string[] = [...byKind.keys()];

export const experimental = (kind: string): boolean => byKind.get(kind)?.status === 'experimental';

// calls reports whether events of a kind call an operator; the others are records.
export const calls = (kind: string): boolean => byKind.get(kind)?.alarm ?? true;

export const usualPriority = (kind: string): Priority => (byKind.get(kind)?.priority ?? 'low') as Priority;

// kindName names a kind; an experiment is never named without saying so.
export function kindName(kind: string): string {
  const c = byKind.get(kind);
  const name = c === undefined ? kind : c[lang.value];
  return experimental(kind) ? `${name} (${t('kind.experimental')})` : name;
}

const purposes = new Map(taxonomy.purposes.map((p) => [p.id, p]));

// purposeName names what a camera is there for.
export const purposeName = (id: string): string => purposes.get(id)?.[lang.value] ?? id;
