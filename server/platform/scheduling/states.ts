/**
 * The states of a task instance, as a table.
 *
 *   NotRun             made, its upstreams have not all succeeded
 *   CheckingCondition  its place behind a branch is being decided
 *   WaitTime           upstreams done, its time has not come
 *   WaitTrigger        waits to be started from outside
 *   WaitResource       due, waits in the queue of runs
 *   Running            a worker runs it
 *   Checking           its result is with data quality
 *   Failure, Success   ended; a rerun begins again at NotRun
 *
 * A run that ended with its worker, or failed with automatic reruns left, goes from Running back to WaitResource. What is suspended before a
 * worker took it goes back to NotRun.
 * `code` is the number in events (facts of the event catalogue, payload of instance-status-changes); the newer WaitTrigger has none there
 * and shows as waiting for its time. `legacy` is the name in API 2020-05-18; the state's own name is that of 2024-05-18.
 */
export const instanceStates = {
  NotRun: { code: 1, legacy: 'NOT_RUN', next: ['CheckingCondition', 'WaitTime', 'WaitTrigger', 'WaitResource', 'Failure', 'Success'] },
  CheckingCondition: { code: 8, legacy: 'CHECKING_CONDITION', next: ['WaitTime', 'WaitResource', 'Failure', 'Success'] },
  WaitTime: { code: 2, legacy: 'WAIT_TIME', next: ['NotRun', 'CheckingCondition', 'WaitTrigger', 'WaitResource', 'Failure', 'Success'] },
  WaitTrigger: { code: 2, legacy: 'WAIT_TIME', next: ['WaitTime', 'WaitResource', 'Failure', 'Success'] },
  WaitResource: { code: 3, legacy: 'WAIT_RESOURCE', next: ['NotRun', 'Running', 'Failure'] },
  Running: { code: 4, legacy: 'RUNNING', next: ['Checking', 'WaitResource', 'Failure', 'Success'] },
  Checking: { code: 7, legacy: 'CHECKING', next: ['Failure', 'Success'] },
  Failure: { code: 5, legacy: 'FAILURE', next: ['NotRun', 'Success'] },
  Success: { code: 6, legacy: 'SUCCESS', next: ['NotRun'] },
} as const satisfies Record<string, { code: number; legacy: string; next: readonly string[] }>;

export type InstanceState = keyof typeof instanceStates;

export const stateNames = Object.keys(instanceStates) as InstanceState[];

/** Whether an instance may go from one state to the other. */
export function mayBecome(from: InstanceState, to: InstanceState): boolean {
  return (instanceStates[from].next as readonly InstanceState[]).includes(to);
}

/** Nothing of the instance runs or waits any more. */
export function hasEnded(state: InstanceState): boolean {
  return state === 'Failure' || state === 'Success';
}

/** The states that a filter of API 2020-05-18 means; empty for an unknown name. */
export function statesOfLegacy(name: string): InstanceState[] {
  return stateNames.filter((state) => instanceStates[state].legacy === name);
}

/**
 * The states of a workflow instance, which follow from those of its task instances:
 *
 *   NotRun    none of them has begun
 *   Running   any of them runs or waits for its time or turn, or some have succeeded and others wait for instances elsewhere
 *   Failure   none of them can go on, and one has failed
 *   Success   all have succeeded
 *
 * A rerun of an instance takes it back to Running.
 */
export const dagStates = {
  NotRun: { code: 1, legacy: 'CREATED' },
  Running: { code: 4, legacy: 'RUNNING' },
  Failure: { code: 5, legacy: 'FAILURE' },
  Success: { code: 6, legacy: 'SUCCESS' },
} as const satisfies Record<string, { code: number; legacy: string }>;

export type DagState = keyof typeof dagStates;

/** What kind of workflow instance a DAG is: number in events, name in API 2020-05-18. */
export const dagTypes = {
  Normal: { code: 0, legacy: 'DAILY' },
  Manual: { code: 1, legacy: 'MANUAL' },
  SmokeTest: { code: 2, legacy: 'SMOKE_TEST' },
  SupplementData: { code: 3, legacy: 'SUPPLY_DATA' },
  ManualWorkflow: { code: 5, legacy: 'MANUAL' },
  TriggerWorkflow: { code: 5, legacy: 'MANUAL' },
} as const satisfies Record<string, { code: number; legacy: string }>;

export type DagType = keyof typeof dagTypes;

/** How an instance is scheduled; the place in the list is the number in events. */
export const taskTypes = ['NORMAL', 'MANUAL', 'PAUSE', 'SKIP', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE', 'REALTIME_DEPRECATED'] as const;

export type TaskType = (typeof taskTypes)[number];
