import type { PublishedTask, PublishedWorkflow, Scheduling } from '../../server/platform/scheduling/interface.ts';

/** A scheduler that only writes down what it is asked. */
export interface RecordedScheduling extends Scheduling {
  readonly published: PublishedTask[];
  readonly publishedWorkflows: PublishedWorkflow[];
  /** Names of nodes and workflows in the order of their publication. */
  readonly order: string[];
  readonly withdrawnWorkflows: { workflowId: number; environment: string }[];
  readonly withdrawn: { taskId: number; environment: string }[];
  readonly runs: Parameters<Scheduling['runAdHoc']>[1][];
  readonly removed: number[];
}

export function recordedScheduling(): RecordedScheduling {
  const published: PublishedTask[] = [];
  const publishedWorkflows: PublishedWorkflow[] = [];
  const order: string[] = [];
  const withdrawnWorkflows: { workflowId: number; environment: string }[] = [];
  const withdrawn: { taskId: number; environment: string }[] = [];
  const runs: Parameters<Scheduling['runAdHoc']>[1][] = [];
  const removed: number[] = [];
  let nextTask = 9_000;
  return {
    published,
    publishedWorkflows,
    order,
    withdrawnWorkflows,
    withdrawn,
    runs,
    removed,
    async reserveTaskId() {
      nextTask += 1;
      return nextTask;
    },
    async publish(_change, task) {
      published.push(task);
      order.push(task.name);
    },
    async withdraw(_change, { taskId, environment }) {
      withdrawn.push({ taskId, environment });
    },
    async publishWorkflow(_change, workflow) {
      publishedWorkflows.push(workflow);
      order.push(workflow.name);
    },
    async withdrawWorkflow(_change, { workflowId, environment }) {
      withdrawnWorkflows.push({ workflowId, environment });
    },
    async runAdHoc(_change, run) {
      runs.push(run);
      return 500_000 + runs.length;
    },
    async removeWorkspace(_change, workspaceId) {
      removed.push(workspaceId);
    },
  };
}
