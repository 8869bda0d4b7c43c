import { Tag, type Tone } from '../../parts/page.tsx';
import { useTexts } from '../../text/language.tsx';
import { extensions } from '../../text/extensions.ts';

/** The states of an extension as the wire has them. */
const extensionTones: Readonly<Record<number, Tone>> = { 0: 'busy', 1: 'good', 3: 'plain', 4: 'busy', 5: 'good', 6: 'bad' };

export function ExtensionState({ status }: { status: number | undefined }) {
  const t = useTexts(extensions);
  const known = status === 0 || status === 1 || status === 3 || status === 4 || status === 5 || status === 6;
  return known ? <Tag tone={extensionTones[status] ?? 'plain'}>{t(`status-${status}`)}</Tag> : <Tag>{String(status ?? '–')}</Tag>;
}

const checkTones = { CHECKING: 'busy', APPROVING: 'warn', PASSED: 'good', BLOCKED: 'bad', CANCELED: 'plain' } as const;
export type CheckStatus = keyof typeof checkTones;
export const checkStatuses = Object.keys(checkTones) as CheckStatus[];

export function isCheckStatus(text: string | null | undefined): text is CheckStatus {
  return text != null && Object.hasOwn(checkTones, text);
}

export function CheckState({ status }: { status: string | undefined }) {
  const t = useTexts(extensions);
  return isCheckStatus(status) ? <Tag tone={checkTones[status]}>{t(status)}</Tag> : <Tag>{status ?? '–'}</Tag>;
}

const verdictTones = { OK: 'good', WARN: 'warn', FAIL: 'bad' } as const;

export function Verdict({ verdict }: { verdict: string | undefined }) {
  return verdict === undefined || verdict === '' ? null : <Tag tone={verdictTones[verdict as keyof typeof verdictTones] ?? 'plain'}>{verdict}</Tag>;
}
