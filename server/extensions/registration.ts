import { eventByCode } from '../../contract/events.ts';
import { invalid, missing } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import { checkOptionSetting } from './options.ts';
import { checkParameterText } from './parameters.ts';
import type { Verdict } from './states.ts';
import type { ExtensionRow, Registration } from './store.ts';

/** What the wire says of an extension; absent fields keep what there is, or take their default. */
export interface RegistrationRequest {
  readonly ExtensionName?: string | undefined;
  readonly ExtensionDesc?: string | undefined;
  readonly BindEventList?: readonly string[] | undefined;
  readonly ProjectTesting?: number | undefined;
  readonly DetailUrl?: string | undefined;
  readonly HelpDocUrl?: string | undefined;
  readonly ParameterSetting?: string | undefined;
  readonly OptionSetting?: string | undefined;
  readonly DeadlineSeconds?: number | undefined;
  readonly DeadlineOutcome?: Verdict | undefined;
}

/** An hour to answer, and no passing by silence. */
const DEFAULT_DEADLINE_SECONDS = 3_600;
const DEFAULT_DEADLINE_OUTCOME: Verdict = 'FAIL';

/** The registration that results from a request on top of `present`. Throws MissingParameter or InvalidParameter. */
export function readRegistration(request: RegistrationRequest, present?: ExtensionRow): Registration {
  const registration: Registration = {
    name: request.ExtensionName ?? present?.name ?? '',
    description: request.ExtensionDesc ?? present?.description ?? '',
    events: [...new Set(request.BindEventList ?? present?.events ?? [])],
    projectTesting: request.ProjectTesting ?? present?.project_testing ?? undefined,
    detailUrl: request.DetailUrl ?? present?.detail_url ?? '',
    helpDocUrl: request.HelpDocUrl ?? present?.help_doc_url ?? '',
    parameterSetting: request.ParameterSetting ?? present?.parameter_setting ?? '',
    optionSetting: request.OptionSetting ?? present?.option_setting ?? '',
    deadlineSeconds: request.DeadlineSeconds ?? present?.deadline_seconds ?? DEFAULT_DEADLINE_SECONDS,
    deadlineOutcome: request.DeadlineOutcome ?? present?.deadline_outcome ?? DEFAULT_DEADLINE_OUTCOME,
  };
  if (registration.name.trim() === '') throw missing('ExtensionName');
  checkText('ExtensionName', registration.name, 128);
  checkText('ExtensionDesc', registration.description, 1_024);
  if (registration.events.length === 0) throw missing('BindEventList');
  for (const code of registration.events) {
    const event = eventByCode.get(code);
    if (event === undefined) throw invalid('BindEventList', `there is no event ${code}.`);
    if (event.class !== 'X') throw invalid('BindEventList', `${code} only tells and cannot be held; bind extension points.`);
  }
  checkUrl('DetailUrl', registration.detailUrl);
  checkUrl('HelpDocUrl', registration.helpDocUrl);
  checkText('ParameterSetting', registration.parameterSetting, limits.extensionTextCharacters.value);
  checkParameterText(registration.parameterSetting);
  checkText('OptionSetting', registration.optionSetting, limits.extensionTextCharacters.value);
  checkOptionSetting(registration.optionSetting);
  const { deadlineSeconds } = registration;
  if (!Number.isInteger(deadlineSeconds) || deadlineSeconds < 1 || deadlineSeconds > limits.holdDeadlineSeconds.value) {
    throw invalid('DeadlineSeconds', `it must be between 1 and ${limits.holdDeadlineSeconds.value}.`);
  }
  return registration;
}

/** Refuses text that is too long, or that PostgreSQL cannot hold. */
export function checkText(name: string, text: string, characters: number): void {
  if (text.length > characters) throw invalid(name, `it may have at most ${characters} characters.`);
  if (text.includes('\0') || !text.isWellFormed()) throw invalid(name, 'it has a character that is not allowed.');
}

function checkUrl(name: string, text: string): void {
  if (text === '') return;
  checkText(name, text, 2_048);
  const protocol = URL.parse(text)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:') throw invalid(name, 'it must be an http or https address.');
}
