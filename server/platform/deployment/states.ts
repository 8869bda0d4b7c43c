/**
 * The life of a deployment:
 *
 *   Ready     --an extension has to decide--> Checking
 *   Ready     --carried out--> Success, --could not be--> Failed
 *   Checking  --verdict OK or WARN, carried out--> Success
 *   Checking  --verdict FAIL--> Rejected, --could not be carried out--> Failed
 *
 * The numbers are those of the wire: `status` of GetDeployment, `listed` of ListDeployments, `checking` the CheckingStatus, `item` that of its items.
 */
export const deploymentStates = {
  Ready: { status: 0, listed: 0, checking: undefined, item: 0, next: ['Checking', 'Success', 'Failed'] },
  Checking: { status: 0, listed: 0, checking: 8, item: 0, next: ['Success', 'Failed', 'Rejected'] },
  Success: { status: 1, listed: 1, checking: undefined, item: 1, next: [] },
  Failed: { status: 2, listed: 2, checking: undefined, item: 2, next: [] },
  Rejected: { status: 2, listed: 6, checking: 7, item: 6, next: [] },
} as const satisfies Record<string, { status: number; listed: number; checking: number | undefined; item: number; next: readonly string[] }>;

export type DeploymentState = keyof typeof deploymentStates;

/** The states from which a deployment may come to this one. */
export function statesBefore(to: DeploymentState): DeploymentState[] {
  return (Object.keys(deploymentStates) as DeploymentState[]).filter((from) => (deploymentStates[from].next as readonly string[]).includes(to));
}

/** The states that a number of ListDeployments means. */
export function statesListedAs(number: number): DeploymentState[] {
  return (Object.keys(deploymentStates) as DeploymentState[]).filter((state) => deploymentStates[state].listed === number);
}
