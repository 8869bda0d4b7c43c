import { Tag, type Tone } from '../../parts/page.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';

/** The states of an instance, with the tone each is shown in. */
const tones = {
  NotRun: 'plain',
  WaitTime: 'plain',
  WaitResource: 'busy',
  WaitTrigger: 'plain',
  Running: 'busy',
  Checking: 'busy',
  CheckingCondition: 'busy',
  Failure: 'bad',
  Success: 'good',
} as const satisfies Readonly<Record<string, Tone>>;

export type InstanceStatus = keyof typeof tones;

export function isInstanceStatus(text: string | null | undefined): text is InstanceStatus {
  return text != null && Object.hasOwn(tones, text);
}

export function toneOf(status: string | undefined): Tone {
  return isInstanceStatus(status) ? tones[status] : 'plain';
}

/** Whether an instance in the state changes no more by itself. */
export function hasEnded(status: string | undefined): boolean {
  return status === 'Success' || status === 'Failure';
}

export function InstanceState({ status }: { status: string | undefined }) {
  const t = useTexts(platform);
  return isInstanceStatus(status) ? <Tag tone={tones[status]}>{t(status)}</Tag> : <Tag>{status ?? '–'}</Tag>;
}

const kinds = ['Normal', 'SupplementData', 'SmokeTest', 'Manual', 'ManualWorkflow', 'ManualFlow'] as const;

export function InstanceKind({ kind }: { kind: string | undefined }) {
  const t = useTexts(platform);
  const known = kinds.find((one) => one === kind);
  return <>{known === undefined ? (kind ?? '–') : t(`kind-${known}`)}</>;
}

/** The states as the legacy dialect writes them, where a list can be asked for them. */
export const legacyStates = [
  { code: 'NOT_RUN', status: 'NotRun' },
  { code: 'WAIT_TIME', status: 'WaitTime' },
  { code: 'WAIT_RESOURCE', status: 'WaitResource' },
  { code: 'RUNNING', status: 'Running' },
  { code: 'CHECKING', status: 'Checking' },
  { code: 'CHECKING_CONDITION', status: 'CheckingCondition' },
  { code: 'FAILURE', status: 'Failure' },
  { code: 'SUCCESS', status: 'Success' },
] as const satisfies readonly { code: string; status: InstanceStatus }[];

export function statusOfLegacy(code: string | undefined): string | undefined {
  return legacyStates.find((one) => one.code === code)?.status ?? code;
}

const legacyKinds: Readonly<Record<string, string>> = { DAILY: 'Normal', MANUAL: 'Manual', SMOKE_TEST: 'SmokeTest', SUPPLY_DATA: 'SupplementData' };

export function kindOfLegacy(code: string | undefined): string | undefined {
  return code === undefined ? undefined : (legacyKinds[code] ?? code);
}
