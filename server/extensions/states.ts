/**
 * The life of an extension. It begins in testing. Publishing needs no review by the vendor here; the states of a review are part of the wire
 * contract and of the table, and an approved extension can be published, but no operation of this release enters them.
 *
 *   Testing --publish--> Published --disable--> Disabled --publish--> Published
 *   Testing, Approved, ApproveFailed --disable--> Disabled
 *   Approved --publish--> Published
 *   Testing, Disabled, ApproveFailed --delete--> gone
 *
 * A published extension is disabled before it is deleted, so that nobody loses a gate by one slip.
 */
export const extensionStates: Transitions<ExtensionState, ExtensionStep> = {
  Testing: { publish: 'Published', disable: 'Disabled', delete: 'Deleted' },
  Published: { disable: 'Disabled' },
  Disabled: { publish: 'Published', delete: 'Deleted' },
  Processing: {},
  Approved: { publish: 'Published', disable: 'Disabled' },
  ApproveFailed: { disable: 'Disabled', delete: 'Deleted' },
  Deleted: {},
};

export type ExtensionState = 'Testing' | 'Published' | 'Disabled' | 'Processing' | 'Approved' | 'ApproveFailed' | 'Deleted';
export type ExtensionStep = 'publish' | 'disable' | 'delete';

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
 *   CHECKING --pass--> PASSED     every check is decided and none says FAIL; the operation is carried out by a job
 *   CHECKING --block--> BLOCKED   one check says FAIL, the others are released; the operation is given up by a job
 *   CHECKING --cancel--> CANCELED a person called it off (given up by a job), or its domain withdrew it (nothing follows)
 *   PASSED --refuse--> BLOCKED    the operation passed but can no longer be carried out, as when its object is gone; it is given up instead
 */
export const holdStates: Transitions<HoldState, HoldStep> = {
  CHECKING: { pass: 'PASSED', block: 'BLOCKED', cancel: 'CANCELED' },
  PASSED: { refuse: 'BLOCKED' },
  BLOCKED: {},
  CANCELED: {},
};

export type HoldState = 'CHECKING' | 'PASSED' | 'BLOCKED' | 'CANCELED';
export type HoldStep = 'pass' | 'block' | 'cancel' | 'refuse';

/**
 * The life of one extension's check in a hold. Only a waiting check moves.
 *
 *   WAITING --answer--> ANSWERED     the extension called back
 *   WAITING --expire--> EXPIRED      its deadline passed; the result is the extension's deadline outcome
 *   WAITING --override--> OVERRIDDEN a person passed it by hand, with a reason
 *   WAITING --release--> RELEASED    nobody waits for it any more: its extension was disabled (it passes), or the hold was decided without it
 */
export const checkStates: Transitions<CheckState, CheckStep> = {
  WAITING: { answer: 'ANSWERED', expire: 'EXPIRED', override: 'OVERRIDDEN', release: 'RELEASED' },
  ANSWERED: {},
  EXPIRED: {},
  OVERRIDDEN: {},
  RELEASED: {},
};

export type CheckState = 'WAITING' | 'ANSWERED' | 'EXPIRED' | 'OVERRIDDEN' | 'RELEASED';
export type CheckStep = 'answer' | 'expire' | 'override' | 'release';

export type Transitions<State extends string, Step extends string> = Readonly<Record<State, Readonly<Partial<Record<Step, State>>>>>;

/** Where `step` leads from `state`, or undefined where the table has no such edge. */
export function next<State extends string, Step extends string>(table: Transitions<State, Step>, state: NoInfer<State>, step: NoInfer<Step>): State | undefined {
  return table[state][step];
}

/** A verdict. The worst of several counts. */
export type Verdict = 'OK' | 'WARN' | 'FAIL';

const severity: Readonly<Record<Verdict, number>> = { OK: 0, WARN: 1, FAIL: 2 };

/** The worst of the verdicts; OK when there is none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>((worse, verdict) => (severity[verdict] > severity[worse] ? verdict : worse), 'OK');
}
