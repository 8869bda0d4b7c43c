import type { JsonObject } from '../flowspec/index.ts';

/**
 * The studio's model, after FlowSpec. A node of the new studio and a file of the legacy one are one row: what both
 * dialects know is a column or a key of `spec`, and neither dialect has a table of its own.
 */

export interface Variable {
  readonly name: string;
  readonly artifactType: 'Variable';
  readonly scope: string;
  readonly type: string;
  readonly value: string;
  readonly description?: string;
  /** In inputs: the name under which the code reads it. */
  readonly inputName?: string;
  readonly node?: { readonly output: string };
}

export interface NodeOutput {
  readonly data: string;
  readonly artifactType: 'NodeOutput';
  readonly refTableName?: string;
  readonly isDefault?: boolean;
  readonly sourceType?: 'System' | 'Manual';
}

/** What a node waits for beyond its inputs. `nodeId` of another node is the id of its task, as the legacy dialect names it. */
export interface Depend {
  readonly type: 'Normal' | 'CrossCycleDependsOnSelf' | 'CrossCycleDependsOnChildren' | 'CrossCycleDependsOnOtherNode';
  readonly nodeId?: string;
  readonly output?: string;
}

export interface Trigger {
  readonly type: 'Scheduler' | 'Manual' | 'Streaming' | 'Custom' | 'None';
  /** Six fields; empty for a manual node that has none. */
  readonly cron: string;
  readonly cycleType: 'Daily' | 'NotDaily';
  /** `yyyy-MM-dd HH:mm:ss` in `timezone`. */
  readonly startTime: string;
  readonly endTime: string;
  readonly timezone: string;
}

/** A FlowSpec node object. Keys that the studio does not know are kept. */
export interface NodeSpec {
  readonly description?: string;
  readonly recurrence: 'Normal' | 'Pause' | 'Skip';
  readonly instanceMode: 'T+1' | 'Immediately';
  readonly rerunMode: 'Allowed' | 'FailureAllowed' | 'Denied';
  readonly rerunTimes: number;
  /** Milliseconds. */
  readonly rerunInterval: number;
  readonly timeout?: number;
  readonly timeoutUnit?: 'SECONDS' | 'MINUTES' | 'HOURS';
  readonly ignoreBranchConditionSkip?: boolean;
  readonly autoParse?: boolean;
  readonly script: { readonly parameters: readonly Variable[]; readonly runtime?: { readonly container?: { readonly imageId?: string } } };
  readonly trigger: Trigger;
  readonly datasource?: { readonly name: string; readonly type?: string };
  readonly runtimeResource?: { readonly resourceGroup?: string; readonly resourceGroupId?: string };
  readonly inputs: { readonly nodeOutputs: readonly NodeOutput[]; readonly variables: readonly Variable[] };
  readonly outputs: { readonly nodeOutputs: readonly NodeOutput[]; readonly variables: readonly Variable[] };
  readonly dependencies: readonly Depend[];
  /** What only the legacy dialect knows. */
  readonly metadata?: { readonly advancedSettings?: string; readonly startImmediately?: boolean };
  /** Of a resource, function or component: its FlowSpec object, which is no node's. The rest of the spec then has the values of a new node. */
  readonly entity?: JsonObject;
  /** What the document of the spec said beside the object itself; written back with it. */
  readonly $document?: JsonObject;
}

export type NodeKind = 'node' | 'resource' | 'function' | 'workflow' | 'component';
export const workflowKinds = ['CycleWorkflow', 'ManualWorkflow', 'TriggerWorkflow'] as const;
export type WorkflowKind = (typeof workflowKinds)[number];
export type NodeState = 'NORMAL' | 'RECYCLE_BIN' | 'DELETED';
export type UseType = 'NORMAL' | 'MANUAL' | 'MANUAL_BIZ' | 'SKIP' | 'ADHOCQUERY' | 'COMPONENT';
export type ChangeType = 'CREATE' | 'UPDATE' | 'DELETE';

/** A node with its draft. */
export interface NodeRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly container_id: number | null;
  readonly kind: NodeKind;
  /** Of a workflow only. */
  readonly workflow_kind: WorkflowKind | null;
  readonly name: string;
  readonly command: string;
  readonly file_type: number;
  readonly folder_id: number | null;
  readonly business_id: number | null;
  readonly use_type: UseType;
  readonly spec: NodeSpec;
  readonly content: string;
  readonly owner_id: number;
  readonly state: NodeState;
  readonly revision: number;
  readonly committed_revision: number | null;
  readonly current_version: number;
  readonly committed_version: number | null;
  readonly deployed_version: number | null;
  readonly task_id: number | null;
  readonly created_at: Date;
  readonly created_by: number;
  readonly edited_at: Date;
  readonly edited_by: number;
  /** Path of its folder or container; empty at the top. Read along with the row. */
  readonly folder_path: string;
}

/** What an edit of a node may change. */
export interface Draft {
  readonly name: string;
  readonly folder_id: number | null;
  readonly business_id: number | null;
  readonly use_type: UseType;
  readonly spec: NodeSpec;
  readonly content: string;
  readonly owner_id: number;
}

/** Equality of JSON values; the database orders the keys of an object its own way. */
function sameJson(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => sameJson((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]));
}

export function sameDraft(left: Draft, right: Draft): boolean {
  const { spec: leftSpec, ...leftColumns } = left;
  const { spec: rightSpec, ...columns } = right;
  return (Object.keys(columns) as (keyof typeof columns)[]).every((key) => leftColumns[key] === columns[key]) && sameJson(leftSpec, rightSpec);
}

/** One committed version; only its status moves. */
export interface VersionRow {
  readonly node_id: number;
  readonly version: number;
  readonly workspace_id: number;
  readonly status: VersionStatus;
  readonly change_type: ChangeType;
  readonly revision: number;
  readonly name: string;
  readonly spec: NodeSpec;
  readonly content: string;
  readonly owner_id: number;
  readonly folder_id: number | null;
  readonly business_id: number | null;
  readonly use_type: UseType;
  readonly comment: string;
  readonly committed_by: number;
  readonly committed_at: Date;
  readonly hold_id: number | null;
  readonly package_id: number | null;
}

/**
 * The life of a version:
 *
 *   COMMITTING --no check, or verdict OK or WARN--> COMMITTED
 *   COMMITTING --verdict FAIL, or the file was deleted meanwhile--> CANCELLED
 *   COMMITTED --DeployFile--> DEPLOYING --no check, or verdict OK or WARN--> DEPLOYED
 *                             DEPLOYING --verdict FAIL--> COMMITTED, or DEPLOYED if it was in production before
 *   DEPLOYED --DeployFile again--> DEPLOYING
 *
 * CHECK_OK and PACKAGED are values of the contract that Millrace has no use for.
 */
export type VersionStatus = 'COMMITTING' | 'COMMITTED' | 'DEPLOYING' | 'DEPLOYED' | 'CANCELLED';

/** The statuses that a version may go to. */
export const nextVersionStatuses: Readonly<Record<VersionStatus, readonly VersionStatus[]>> = {
  COMMITTING: ['COMMITTED', 'CANCELLED'],
  COMMITTED: ['DEPLOYING'],
  DEPLOYING: ['DEPLOYED', 'COMMITTED'],
  DEPLOYED: ['DEPLOYING'],
  CANCELLED: [],
};

/** The whole FlowSpec node object of a node or a version: the spec with what stands in columns, and every upstream among its dependencies. */
export function nodeDocument(
  node: Pick<NodeRow, 'id' | 'command' | 'file_type'>,
  described: { readonly name: string; readonly owner_id: number; readonly spec: NodeSpec },
  folderPath: string,
): Record<string, unknown> {
  const { $document: _document, ...spec } = described.spec;
  const upstream = spec.inputs.nodeOutputs.map((input): Depend => ({ type: 'Normal', output: input.data }));
  return {
    ...spec,
    id: String(node.id),
    name: described.name,
    owner: String(described.owner_id),
    script: {
      ...spec.script,
      path: folderPath === '' ? described.name : `${folderPath}/${described.name}`,
      runtime: { ...spec.script.runtime, command: node.command, ...(node.file_type === 0 ? {} : { commandTypeId: node.file_type }) },
    },
    dependencies: [...upstream, ...spec.dependencies],
  };
}
