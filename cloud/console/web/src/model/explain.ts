// What went wrong, in the operator's words.

import { ApiError } from '../net/api.ts';
import { t } from '../i18n/index.ts';

export function explain(err: unknown): string {
  if (!(err instanceof ApiError)) return t('error.unexpected', { message: err instanceof Error ? err.message : String(err) });
  if (err.status === 0) return t('error.unreachable');
  if (err.ownerName !== undefined) return t('error.held', { name: err.ownerName });
  switch (err.code) {
    case 'not_found': return t('error.gone');
    case 'conflict': return t('error.conflict');
    case 'forbidden': return t('error.forbidden');
    case 'throttled': return t('login.throttled');
    case 'unavailable': return t('error.unavailable');
  }
  return t('error.unexpected', { message: err.message });
}
