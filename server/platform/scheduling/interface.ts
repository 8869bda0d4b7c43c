import type { Change } from '../../kernel/change.ts';
import type { RunFile, RunVariable } from '../execution/interface.ts';

/** What of the studio a code refers to, as it stands when the code is handed over. */
export interface CodeSurroundings {
  readonly files: readonly RunFile[];
  /** `expression` where the value is evaluated as scheduling parameters are. */
  readonly variables: readonly (RunVariable & { readonly expression?: boolean })[];
}

/** A committed node as it is put into service. */
export interface PublishedTask {
  readonly taskId: number;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly fileId: number;
  readonly fileVersion: number;
  readonly name: string;
  readonly fileType: number;
  /** FlowSpec runtime command, which is the programType of events. */
  readonly command: string;
  readonly ownerId: number;
  readonly content: string;
  /** The FlowSpec node object. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** The workflow, loop or other container it belongs to, by the id under which that is published; it then has that one's cycles. */
  readonly workflowId?: number | undefined;
}

/** A workflow as it is put into service. Its nodes are published one by one, with its id. */
export interface PublishedWorkflow {
  /** From `reserveTaskId`: workflows and tasks share their numbers. */
  readonly workflowId: number;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly fileId: number;
  readonly fileVersion: number;
  readonly name: string;
  readonly kind: 'CycleWorkflow' | 'ManualWorkflow' | 'TriggerWorkflow';
  readonly ownerId: number;
  /** The FlowSpec workflow object: trigger, strategy, inputs, outputs, dependencies. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What the studio and the deployment ask of the scheduler. */
export interface Scheduling {
  reserveTaskId(change: Change): Promise<number>;
  /**
   * Puts the task into service; raises node-change-created / node-change-updated as the catalogue says. Throws InvalidParameter for a cron that
   * cannot be, or a resource group that the workspace has not.
   */
  publish(change: Change, task: PublishedTask): Promise<void>;
  /** Takes it out; raises node-change-deleted for PROD. */
  withdraw(change: Change, task: { taskId: number; workspaceId: number; environment: 'DEV' | 'PROD' }): Promise<void>;
  /** Puts a workflow into service, or its next version. Throws InvalidParameter for a trigger that cannot be. */
  publishWorkflow(change: Change, workflow: PublishedWorkflow): Promise<void>;
  /** Takes a workflow out. Its nodes are withdrawn one by one. */
  withdrawWorkflow(change: Change, workflow: { workflowId: number; workspaceId: number; environment: 'DEV' | 'PROD' }): Promise<void>;
  /** Runs code that is not deployed (run from the editor). Returns the instance id. */
  runAdHoc(
    change: Change,
    run: {
      workspaceId: number;
      fileId: number;
      taskId: number | undefined;
      name: string;
      fileType: number;
      command: string;
      content: string;
      spec: Readonly<Record<string, unknown>>;
      ownerId: number;
    },
  ): Promise<number>;
  /** Stops and forgets what belongs to a workspace that is being deleted. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}
