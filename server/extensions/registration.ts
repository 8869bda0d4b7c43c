import { eventByCode } from '../../contract/events.ts';
import { invalid, missing } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import { checkOptionSetting } from './options.ts';
import { checkParameterText } from './parameters.ts';
import { checkRule } from './rules.ts';
import type { Verdict } from './states.ts';
import type { Invocation, Registration } from './store.ts';

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
  readonly Owner?: number | undefined;
  readonly Invocation?: Invocation | undefined;
  readonly Target?: string | undefined;
  readonly RequireToken?: boolean | undefined;
}

/** An hour to answer, and no passing by silence. */
const DEFAULT_DEADLINE_SECONDS = 3_600;
const DEFAULT_DEADLINE_OUTCOME: Verdict = 'FAIL';

/**
 * The registration that results from a request on top of `present`. `checkTarget` refuses an address that may not be called. That the owner exists is
 * checked by the caller. Throws MissingParameter, InvalidParameter or TargetForbidden.
 */
export function readRegistration(request: RegistrationRequest, callerId: number, checkTarget: (url: string) => void, present?: Registration): Registration {
  const invocation = request.Invocation ?? present?.invocation ?? 'EVENT';
  const registration: Registration = {
    name: request.ExtensionName ?? present?.name ?? '',
    description: request.ExtensionDesc ?? present?.description ?? '',
    events: [...new Set(request.BindEventList ?? present?.events ?? [])],
    projectTesting: request.ProjectTesting ?? present?.projectTesting,
    detailUrl: request.DetailUrl ?? present?.detailUrl ?? '',
    helpDocUrl: request.HelpDocUrl ?? present?.helpDocUrl ?? '',
    parameterSetting: request.ParameterSetting ?? present?.parameterSetting ?? '',
    optionSetting: request.OptionSetting ?? present?.optionSetting ?? '',
    deadlineSeconds: request.DeadlineSeconds ?? present?.deadlineSeconds ?? DEFAULT_DEADLINE_SECONDS,
    deadlineOutcome: request.DeadlineOutcome ?? present?.deadlineOutcome ?? DEFAULT_DEADLINE_OUTCOME,
    ownerId: request.Owner ?? present?.ownerId ?? callerId,
    invocation,
    target: invocation === 'EVENT' ? '' : (request.Target ?? (invocation === present?.invocation ? present.target : '')),
    requireToken: request.RequireToken ?? present?.requireToken ?? false,
  };
  checkInvocation(registration, request, checkTarget);
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

function checkInvocation(registration: Registration, request: RegistrationRequest, checkTarget: (url: string) => void): void {
  const { invocation, target, requireToken } = registration;
  if (invocation === 'EVENT') {
    if (request.Target) throw invalid('Target', 'an extension that follows the events has none.');
  } else if (target.trim() === '') throw missing('Target');
  else if (invocation === 'RULE') {
    checkText('Target', target, limits.extensionTextCharacters.value);
    checkRule(target);
  } else {
    checkUrl('Target', target);
    checkTarget(target);
  }
  if (requireToken && invocation !== 'HTTP' && invocation !== 'FUNCTION') throw invalid('RequireToken', 'a token goes out with a request only, so it is for HTTP and FUNCTION.');
}
