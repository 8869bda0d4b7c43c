/**
 * The life of an extension, and of a new version of a published one (a draft). `stepRights` says who may take which step.
 *
 *   Testing --submit--> Processing --approve--> Approved --publish--> Published
 *                       Processing --reject--> ApproveFailed, --withdraw--> Testing
 *   Testing --publish--> Published                 only where the tenant demands no review
 *   Testing, Approved, ApproveFailed, Disabled --edit--> Testing      an approval is for what was approved, so an edit voids it
 *   Published --edit--> Published                  the edit becomes a draft, tested beside the version in force
 *   Published --disable--> Disabled --publish--> Published
 *   Testing, Approved, ApproveFailed --disable--> Disabled
 *   Testing, Disabled, ApproveFailed --delete--> gone
 *
 * A published extension is disabled before it is deleted, so that nobody loses a gate by one slip. A draft is never Published or Disabled: publishing it
 * makes it the version in force, and deleting it leaves the version in force as it is.
 */
export const extensionStates: Transitions<ExtensionState, ExtensionStep> = {
  Testing: { edit: 'Testing', submit: 'Processing', publish: 'Published', disable: 'Disabled', delete: 'Deleted' },
  Processing: { approve: 'Approved', reject: 'ApproveFailed', withdraw: 'Testing' },
  Approved: { edit: 'Testing', publish: 'Published', disable: 'Disabled' },
  ApproveFailed: { edit: 'Testing', disable: 'Disabled', delete: 'Deleted' },
  Published: { edit: 'Published', disable: 'Disabled' },
  Disabled: { edit: 'Testing', publish: 'Published', delete: 'Deleted' },
  Deleted: {},
};

export type ExtensionState = 'Testing' | 'Published' | 'Disabled' | 'Processing' | 'Approved' | 'ApproveFailed' | 'Deleted';
export type ExtensionStep = 'edit' | 'submit' | 'withdraw' | 'approve' | 'reject' | 'publish' | 'disable' | 'delete';

/** Who may take a step: whoever writes the Open Platform, or of these somebody else than the one who submitted. */
export const stepRights: Readonly<Record<ExtensionStep, 'writer' | 'other-writer'>> = {
  edit: 'writer',
  submit: 'writer',
  withdraw: 'writer',
  approve: 'other-writer',
  reject: 'other-writer',
  publish: 'writer',
  disable: 'writer',
  delete: 'writer',
};

/** The wire's numbers. A deleted extension has none. */
export const extensionStatus = { Testing: 0, Published: 1, Disabled: 3, Processing: 4, Approved: 5, ApproveFailed: 6 } as const satisfies Record<Exclude<ExtensionState, 'Deleted'>, number>;

/** The state of a wire number. */
export function extensionState(status: number): ExtensionState {
  const found = Object.entries(extensionStatus).find(([, number]) => number === status);
  if (found === undefined) throw new RangeError(`there is no extension status ${status}`);
  return found[0] as ExtensionState;
}

/**
 * The life of a hold.
 *
 *   CHECKING --pass--> PASSED       every check is decided and none says FAIL; the operation is carried out by a job
 *   CHECKING --block--> BLOCKED     one check says FAIL, the others are released; the operation is given up by a job
 *   CHECKING --ask--> APPROVING     every check is decided, and by policy a person has the last word
 *   APPROVING --pass--> PASSED, --block--> BLOCKED   as the person said, or at the approval's deadline
 *   CHECKING, APPROVING --cancel--> CANCELED         a person called it off (given up by a job), or its domain withdrew it (nothing follows)
 *   PASSED --refuse--> BLOCKED      the operation passed but can no longer be carried out, as when its object is gone or was changed; it is given up instead
 */
export const holdStates: Transitions<HoldState, HoldStep> = {
  CHECKING: { pass: 'PASSED', block: 'BLOCKED', ask: 'APPROVING', cancel: 'CANCELED' },
  APPROVING: { pass: 'PASSED', block: 'BLOCKED', cancel: 'CANCELED' },
  PASSED: { refuse: 'BLOCKED' },
  BLOCKED: {},
  CANCELED: {},
};

export type HoldState = 'CHECKING' | 'APPROVING' | 'PASSED' | 'BLOCKED' | 'CANCELED';
export type HoldStep = 'pass' | 'block' | 'ask' | 'cancel' | 'refuse';

/** The state of a hold as the vendor's dialect and the domains know it. */
export function processStatus(state: HoldState): 'CHECKING' | 'PASSED' | 'BLOCKED' {
  switch (state) {
    case 'APPROVING':
      return 'CHECKING';
    // What was called off did not happen.
    case 'CANCELED':
      return 'BLOCKED';
    default:
      return state;
  }
}

/**
 * The life of one extension's check in a hold. Only a waiting check moves.
 *
 *   WAITING --answer--> ANSWERED     the extension called back, or its answer to our call was a verdict
 *   WAITING --expire--> EXPIRED      its deadline passed; the result is the deadline outcome
 *   WAITING --fail--> FAILED         it could not be asked, or its answer was no verdict; the result is the failure outcome
 *   WAITING --skip--> SKIPPED        it was not asked, since its breaker is open; the result is the failure outcome
 *   WAITING --override--> OVERRIDDEN a person passed it by hand, with a reason
 *   WAITING --release--> RELEASED    nobody waits for it any more: its extension was disabled (the release outcome), or the hold was decided without it
 */
export const checkStates: Transitions<CheckState, CheckStep> = {
  WAITING: { answer: 'ANSWERED', expire: 'EXPIRED', fail: 'FAILED', skip: 'SKIPPED', override: 'OVERRIDDEN', release: 'RELEASED' },
  ANSWERED: {},
  EXPIRED: {},
  FAILED: {},
  SKIPPED: {},
  OVERRIDDEN: {},
  RELEASED: {},
};

export type CheckState = 'WAITING' | 'ANSWERED' | 'EXPIRED' | 'FAILED' | 'SKIPPED' | 'OVERRIDDEN' | 'RELEASED';
export type CheckStep = 'answer' | 'expire' | 'fail' | 'skip' | 'override' | 'release';

/**
 * Where an extension is enabled, and how much it counts there. From shadow the way to enforcing leads over warning, so that nobody blocks a workspace with a
 * checker whose answers nobody has seen; downwards every step is open, always.
 *
 *   Off --shadow, warn, enforce--> Shadow (answers are recorded, nothing waits), Warn (a FAIL counts as WARN), Enforce
 *   Shadow --warn--> Warn --enforce--> Enforce
 *   Warn, Enforce --shadow--> Shadow, Enforce --warn--> Warn
 *   Shadow, Warn, Enforce --disable--> Off
 */
export const attachmentStates: Transitions<AttachmentState, AttachmentStep> = {
  Off: { shadow: 'Shadow', warn: 'Warn', enforce: 'Enforce' },
  Shadow: { warn: 'Warn', disable: 'Off' },
  Warn: { shadow: 'Shadow', enforce: 'Enforce', disable: 'Off' },
  Enforce: { shadow: 'Shadow', warn: 'Warn', disable: 'Off' },
};

export type AttachmentState = 'Off' | 'Shadow' | 'Warn' | 'Enforce';
export type AttachmentStep = 'shadow' | 'warn' | 'enforce' | 'disable';
export type Mode = 'SHADOW' | 'WARN' | 'ENFORCE';

/**
 * The breaker of an attachment.
 *
 *   CLOSED --trip--> OPEN            so many answers in a row failed or came too late; until `retry_at` nobody is asked, the failure outcome counts at once
 *   OPEN --probe--> HALF_OPEN        one operation is sent again
 *   HALF_OPEN --recover--> CLOSED    it was answered
 *   HALF_OPEN --trip--> OPEN         it was not
 *   HALF_OPEN --probe--> HALF_OPEN   the probe itself got lost for as long as the breaker stays open; another one
 */
export const breakerStates: Transitions<BreakerState, BreakerStep> = {
  CLOSED: { trip: 'OPEN' },
  OPEN: { probe: 'HALF_OPEN', recover: 'CLOSED' },
  HALF_OPEN: { probe: 'HALF_OPEN', recover: 'CLOSED', trip: 'OPEN' },
};

export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';
export type BreakerStep = 'trip' | 'probe' | 'recover';

export type Transitions<State extends string, Step extends string> = Readonly<Record<State, Readonly<Partial<Record<Step, State>>>>>;

/** Where `step` leads from `state`, or undefined where the table has no such edge. */
export function next<State extends string, Step extends string>(table: Transitions<State, Step>, state: NoInfer<State>, step: NoInfer<Step>): State | undefined {
  return table[state][step];
}

/** A verdict. The worst of several counts. */
export type Verdict = 'OK' | 'WARN' | 'FAIL';

/** What a check comes to: a verdict, or that a person is to be asked. */
export type Outcome = Verdict | 'ASK';

const severity: Readonly<Record<Outcome, number>> = { OK: 0, WARN: 1, ASK: 2, FAIL: 3 };

/** The worst of the outcomes; OK when there is none. */
export function worst<Of extends Outcome>(outcomes: readonly Of[]): Of | 'OK' {
  return outcomes.reduce<Of | 'OK'>((worse, outcome) => (severity[outcome] > severity[worse] ? outcome : worse), 'OK');
}

/** What an outcome counts under a mode: nothing in shadow, and no more than WARN where it may only warn. */
export function weigh(mode: Mode, outcome: Outcome): Outcome {
  if (mode === 'SHADOW') return 'OK';
  return mode === 'WARN' && severity[outcome] > severity.WARN ? 'WARN' : outcome;
}
