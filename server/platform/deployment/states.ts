/**
 * The life of a deployment, which is also a pipeline run:
 *
 *   Ready     --its first stage begins--> Running, --an extension has to decide--> Checking, --carried out--> Success, --could not be--> Failed
 *   Running   --a check stage waits--> Checking, --its last stage is done--> Success, --a stage failed--> Failed, --abolished--> Cancelled
 *   Checking  --verdict OK or WARN--> Running (a run), or carried out--> Success (a deployment of the legacy dialect)
 *   Checking  --verdict FAIL--> Rejected, --could not be carried out--> Failed, --abolished--> Cancelled
 *
 * The numbers are those of the wire: `status` of GetDeployment, `listed` of ListDeployments, `checking` the CheckingStatus, `item` that of its items; `run` and
 * `runItem` are the words of pipeline runs.
 */
export const deploymentStates = {
  Ready: { status: 0, listed: 0, checking: undefined, item: 0, run: 'Init', runItem: 'Init', next: ['Running', 'Checking', 'Success', 'Failed', 'Cancelled'] },
  Running: { status: 0, listed: 0, checking: undefined, item: 0, run: 'Running', runItem: 'Running', next: ['Checking', 'Success', 'Failed', 'Rejected', 'Cancelled'] },
  Checking: { status: 0, listed: 0, checking: 8, item: 0, run: 'Running', runItem: 'Running', next: ['Running', 'Success', 'Failed', 'Rejected', 'Cancelled'] },
  Success: { status: 1, listed: 1, checking: undefined, item: 1, run: 'Success', runItem: 'Success', next: [] },
  Failed: { status: 2, listed: 2, checking: undefined, item: 2, run: 'Fail', runItem: 'Fail', next: [] },
  Rejected: { status: 2, listed: 6, checking: 7, item: 6, run: 'Fail', runItem: 'Fail', next: [] },
  Cancelled: { status: 2, listed: 2, checking: undefined, item: 0, run: 'Cancel', runItem: 'Termination', next: [] },
} as const satisfies Record<string, { status: number; listed: number; checking: number | undefined; item: number; run: string; runItem: string; next: readonly string[] }>;

export type DeploymentState = keyof typeof deploymentStates;

const states = Object.keys(deploymentStates) as DeploymentState[];

/** The states from which a deployment may come to this one. */
export function statesBefore(to: DeploymentState): DeploymentState[] {
  return states.filter((from) => (deploymentStates[from].next as readonly string[]).includes(to));
}

/** The states that a number of ListDeployments means. */
export function statesListedAs(number: number): DeploymentState[] {
  return states.filter((state) => deploymentStates[state].listed === number);
}

/** The states that a word of pipeline runs means. */
export function statesRunAs(word: string): DeploymentState[] {
  return states.filter((state) => deploymentStates[state].run === word);
}

/**
 * The life of a stage:
 *
 *   Init     --named by ExecPipelineRunStage, or next of a run that goes by itself--> Running
 *   Running  --> Success, or --> Fail, which ends the run
 *   Init     --an earlier stage failed--> Termination
 *   Init, Running  --the run is abolished--> Cancel
 */
export const stageStates = {
  Init: ['Running', 'Termination', 'Cancel'],
  Running: ['Success', 'Fail', 'Cancel'],
  Success: [],
  Fail: [],
  Termination: [],
  Cancel: [],
} as const satisfies Record<string, readonly string[]>;

export type StageState = keyof typeof stageStates;

export function stageStatesBefore(to: StageState): StageState[] {
  return (Object.keys(stageStates) as StageState[]).filter((from) => (stageStates[from] as readonly string[]).includes(to));
}
