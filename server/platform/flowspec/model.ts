import type { JsonObject, JsonValue } from './json.ts';
import type { Kind } from './schema.ts';

/**
 * The inner model of a spec, the same for all versions: references replaced, `flow` and `dependencies` united, node outputs under one name, the bodies of
 * loops and groups as graphs of their own. Entities keep every key that the schema does not know.
 */

export interface FlowDepend {
  readonly type: 'Normal' | 'CrossCycleDependsOnSelf' | 'CrossCycleDependsOnChildren' | 'CrossCycleDependsOnOtherNode';
  /** Id of a node: of the same graph, or elsewhere. */
  readonly nodeId?: string;
  /** Name of an output. */
  readonly output?: string;
  readonly refTableName?: string;
  readonly sourceType?: string;
}

export interface FlowNode {
  /** Where it stands in the document, for faults. */
  readonly path: string;
  /** By what the document calls it: its id, or its name. */
  readonly localId: string;
  /** Empty only when the document changes a node without naming it. */
  readonly name: string;
  /** `script.runtime.command`; empty only when the document changes a node without naming it. */
  readonly command: string;
  /** The FlowSpec node object without the body of a loop or group. */
  readonly value: JsonObject;
  readonly depends: readonly FlowDepend[];
  /** Its edge as it stands, when it has keys beyond those of the model; written back. */
  readonly edge?: JsonObject | undefined;
  /** The body of a loop or group, and the key of the node that holds it. */
  readonly body?: { readonly key: BodyKey; readonly nodes: readonly FlowNode[] } | undefined;
}

export const bodyKeys = ['do-while', 'for-each', 'combined', 'subflow'] as const;
export type BodyKey = (typeof bodyKeys)[number];

export interface FlowWorkflow {
  readonly path: string;
  readonly localId: string;
  readonly name: string;
  /** The FlowSpec workflow object without its nodes and edges. */
  readonly value: JsonObject;
  readonly depends: readonly FlowDepend[];
  readonly edge?: JsonObject | undefined;
  /** Undefined when the document does not speak of its nodes. */
  readonly nodes: readonly FlowNode[] | undefined;
}

/** A resource, function or component. */
export interface FlowEntity {
  readonly path: string;
  readonly name: string;
  readonly value: JsonObject;
}

export interface FlowModel {
  readonly version: string;
  readonly kind: Kind;
  readonly metadata: JsonValue | undefined;
  /** Nodes that stand in the body itself. */
  readonly nodes: readonly FlowNode[];
  readonly workflows: readonly FlowWorkflow[];
  readonly resources: readonly FlowEntity[];
  readonly functions: readonly FlowEntity[];
  readonly components: readonly FlowEntity[];
  /** Whether the body has edges, or an empty list of them. */
  readonly speaksOfEdges: boolean;
  /** What else the body says: its own name and owner, quality rules, and keys that nobody knows. */
  readonly body: JsonObject;
  /** Keys of the envelope that nobody knows. */
  readonly envelope: JsonObject;
}
