import { isList, isObject, listOf, objectOf, textOf, without, type FlowDepend, type FlowModel, type JsonObject, type JsonValue } from '../../flowspec/index.ts';
import { newSpec, type SpecContext } from '../legacy/schedule.ts';
import type { Depend, NodeOutput, NodeSpec, Trigger, Variable } from '../model.ts';

/** From FlowSpec node and workflow objects to the specs that the studio keeps: what a service fills in, and the merge of an update. Pure. */

/** What stands in columns, or is made anew each time the object is written. */
const COLUMNS = ['id', 'name', 'owner', 'dependencies', 'entity', '$document'];
/** What the studio notes in the metadata of what it writes; it is not taken back. */
const NOTES = ['container', 'tenantId', 'projectId'];
const SCRIPT_COLUMNS = ['id', 'path', 'content'];
const RUNTIME_COLUMNS = ['command', 'commandTypeId'];
/** Settings that may stand in `strategy` or in the node itself; the studio keeps them in the node itself. */
const STRATEGY = ['priority', 'timeout', 'timeoutUnit', 'instanceMode', 'rerunMode', 'rerunTimes', 'rerunInterval', 'ignoreBranchConditionSkip'] as const;
const NUMBERS = ['priority', 'timeout', 'rerunTimes', 'rerunInterval'] as const;
const FLAGS = ['ignoreBranchConditionSkip', 'autoParse'] as const;

export interface Conversion extends SpecContext {
  /** Version of the document: it decides the unit of a timeout that names none. */
  readonly version: string;
  /** Of a workflow: nodes without a trigger of their own have its. */
  readonly inheritedTrigger?: Trigger | undefined;
  /** Nothing of it is scheduled: manual tasks, and nodes of manual workflows. */
  readonly manual?: boolean;
  /** The studio's id of a node that the document names, and the output by which others wait for it. */
  find(localId: string): { readonly nodeId: number; readonly output: string } | undefined;
}

/** Lays a patch over a value: objects key by key, everything else, lists too, as a whole. */
function overlay(current: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(current) || !isObject(patch)) return patch;
  const keys = [...new Set([...Object.keys(current), ...Object.keys(patch)])];
  return Object.fromEntries(keys.flatMap((key) => {
    const next = Object.hasOwn(patch, key) ? patch[key] : undefined;
    const old = Object.hasOwn(current, key) ? current[key] : undefined;
    const value = next === undefined ? old : overlay(old, next);
    return value === undefined ? [] : [[key, value] as const];
  }));
}

function numberOf(value: JsonValue | undefined): JsonValue | undefined {
  return typeof value === 'string' && value !== '' ? Number(value) : value;
}

function toVariable(value: JsonValue): Variable {
  const given = objectOf(value);
  return { ...given, name: textOf(given['name']) || 'unnamed', artifactType: 'Variable', value: textOf(given['value']) ?? '' } as Variable & JsonObject;
}

function toOutput(value: JsonValue): NodeOutput | undefined {
  const given = objectOf(value);
  const data = textOf(given['data']);
  return data === undefined || data === '' ? undefined : ({ ...given, data, artifactType: 'NodeOutput' } as NodeOutput & JsonObject);
}

function uniqueByData(outputs: readonly (NodeOutput | undefined)[]): NodeOutput[] {
  const found = new Map<string, NodeOutput>();
  for (const output of outputs) if (output !== undefined && !found.has(output.data)) found.set(output.data, output);
  return [...found.values()];
}

/** What the node waits for, as inputs by output and as dependencies of other kinds. */
export function readDepends(depends: readonly FlowDepend[], context: Conversion): { inputs: NodeOutput[]; dependencies: Depend[] } {
  const inputs: NodeOutput[] = [];
  const dependencies: Depend[] = [];
  for (const { type, nodeId, output, ...rest } of depends) {
    const target = nodeId === undefined ? undefined : context.find(nodeId);
    const name = output ?? (type === 'Normal' ? target?.output : undefined);
    if (type === 'Normal' && name !== undefined) inputs.push({ sourceType: 'Manual', ...rest, data: name, artifactType: 'NodeOutput' } as NodeOutput);
    else dependencies.push({ ...rest, type, ...(nodeId === undefined ? {} : { nodeId: String(target?.nodeId ?? nodeId) }), ...(output === undefined ? {} : { output }) });
  }
  return { inputs, dependencies };
}

function withoutNotes(value: JsonObject): JsonObject {
  if (!isObject(value['metadata'])) return value;
  const metadata = without(value['metadata'], NOTES);
  return Object.keys(metadata).length === 0 ? without(value, ['metadata']) : { ...value, metadata };
}

/** The object as it is kept: without what stands in columns, with the settings of `strategy` in the object itself. */
function toPatch(value: JsonObject, isWorkflow: boolean): JsonObject {
  const strategy = objectOf(value['strategy']);
  const lifted = Object.fromEntries(STRATEGY.flatMap((key) => (strategy[key] === undefined ? [] : [[key, strategy[key]] as const])));
  const left = without(strategy, STRATEGY);
  const script = objectOf(value['script']);
  const runtime = without(objectOf(script['runtime']), RUNTIME_COLUMNS);
  return {
    ...lifted,
    ...withoutNotes(without(value, [...COLUMNS, 'strategy', 'script'])),
    ...(Object.keys(left).length === 0 ? {} : { strategy: left }),
    ...(value['script'] === undefined || isWorkflow ? {} : { script: { ...without(script, [...SCRIPT_COLUMNS, 'runtime']), ...(Object.keys(runtime).length === 0 ? {} : { runtime }) } }),
    ...(isWorkflow && isObject(value['script']) && Object.keys(without(script, [...SCRIPT_COLUMNS, 'runtime'])).length > 0 ? { script: without(script, [...SCRIPT_COLUMNS, 'runtime']) } : {}),
  };
}

/** The node that a variable comes from, by the studio's id and the output by which it is known, where the document calls it by its own name for it. */
function localiseVariable(value: JsonValue, find: Conversion['find']): JsonValue {
  if (!isObject(value)) return value;
  const { node, referenceVariable } = value;
  const source = isObject(node) ? node : textOf(node) === undefined ? undefined : { nodeId: textOf(node) ?? '' };
  const named = source === undefined ? undefined : (textOf(source['nodeId']) ?? (textOf(source['output']) === undefined ? (textOf(source['id']) ?? textOf(source['name'])) : undefined));
  const target = named === undefined ? undefined : find(named);
  return {
    ...value,
    ...(source === undefined || target === undefined ? {} : { node: { ...source, nodeId: String(target.nodeId), output: textOf(source['output']) ?? target.output } }),
    ...(referenceVariable === undefined ? {} : { referenceVariable: localiseVariable(referenceVariable, find) }),
  };
}

function localiseVariables(holder: JsonValue | undefined, key: string, find: Conversion['find']): JsonObject {
  const object = objectOf(holder);
  return isList(object[key]) ? { ...object, [key]: object[key].map((variable) => localiseVariable(variable, find)) } : object;
}

/** A node object whose inner references to nodes are those of the studio: where variables come from, and what a join looks at. */
function localise(value: JsonObject, find: Conversion['find']): JsonObject {
  const changed = (key: string, next: JsonObject) => (isObject(value[key]) ? { [key]: next } : {});
  const join = objectOf(value['join']);
  const branches = listOf(join['branches']).map((branch) => {
    const nodeId = isObject(branch) ? textOf(branch['nodeId']) : undefined;
    const target = nodeId === undefined ? undefined : find(nodeId.replace(/^\{\{(.*)\}\}$/, '$1'));
    return isObject(branch) && target !== undefined ? { ...branch, nodeId: String(target.nodeId) } : branch;
  });
  return {
    ...value,
    ...changed('script', localiseVariables(value['script'], 'parameters', find)),
    ...changed('inputs', localiseVariables(value['inputs'], 'variables', find)),
    ...changed('outputs', localiseVariables(value['outputs'], 'variables', find)),
    ...changed('param-hub', localiseVariables(value['param-hub'], 'variables', find)),
    ...(isList(join['branches']) ? { join: { ...join, branches } } : {}),
  };
}

/** Outputs that only the branches of a node name; what hangs on one of them waits for the node. */
function branchOutputs(value: JsonObject): JsonValue[] {
  return listOf(objectOf(value['branch'])['branches']).flatMap((branch) => {
    const output = objectOf(branch)['output'];
    return isObject(output) ? [output] : [];
  });
}

function completeTrigger(trigger: JsonObject, manual: boolean): Trigger {
  const type = manual && textOf(trigger['type']) === undefined ? 'Manual' : (textOf(trigger['type']) ?? 'Scheduler');
  return { ...trigger, type: manual ? 'Manual' : type, cron: textOf(trigger['cron']) ?? '', cycleType: textOf(trigger['cycleType']) ?? 'Daily' } as Trigger & JsonObject;
}

/**
 * Lays an object over the spec that is there; `current` is undefined for a new node. `depends` is undefined when the document does not speak of
 * dependencies, which then stay.
 */
export function fromFlow(value: JsonObject, depends: readonly FlowDepend[] | undefined, current: NodeSpec | undefined, context: Conversion, isWorkflow = false): NodeSpec {
  const fresh = newSpec(context);
  const base: NodeSpec = current ?? { ...fresh, trigger: context.inheritedTrigger ?? (context.manual === true ? { ...fresh.trigger, cron: '' } : fresh.trigger) };
  const patch = toPatch(localise(value, context.find), isWorkflow);
  const merged = objectOf(overlay(base as unknown as JsonObject, without(patch, ['inputs', 'outputs'])));
  const edges = depends === undefined ? undefined : readDepends(depends, context);
  const inputs = objectOf(patch['inputs']);
  const outputs = objectOf(patch['outputs']);
  const own = isList(inputs['nodeOutputs']) ? inputs['nodeOutputs'].map(toOutput) : undefined;
  const waits = own === undefined && edges === undefined ? base.inputs.nodeOutputs : uniqueByData([...(own ?? []), ...(edges?.inputs ?? [])]);
  const defaultOutput = fresh.outputs.nodeOutputs;
  const timeout = patch['timeout'] === undefined ? undefined : patch['timeoutUnit'] === undefined ? (context.version.startsWith('1.') ? 'SECONDS' : 'HOURS') : undefined;
  const recurrence = textOf(patch['recurrence']) ?? textOf(objectOf(patch['trigger'])['recurrence']);
  return {
    ...merged,
    ...Object.fromEntries(NUMBERS.flatMap((key) => (merged[key] === undefined ? [] : [[key, numberOf(merged[key])] as const]))),
    ...Object.fromEntries(FLAGS.flatMap((key) => (merged[key] === undefined ? [] : [[key, merged[key] === true || merged[key] === 'true'] as const]))),
    ...(timeout === undefined ? {} : { timeoutUnit: timeout }),
    ...(recurrence === undefined ? {} : { recurrence }),
    script: { ...objectOf(merged['script']), parameters: listOf(objectOf(merged['script'])['parameters']).map(toVariable) },
    trigger: completeTrigger(objectOf(merged['trigger']), context.manual ?? false),
    inputs: { ...base.inputs, ...inputs, nodeOutputs: waits, variables: isList(inputs['variables']) ? inputs['variables'].map(toVariable) : base.inputs.variables },
    outputs: {
      ...base.outputs,
      ...outputs,
      nodeOutputs: isList(outputs['nodeOutputs']) ? uniqueByData([...defaultOutput, ...outputs['nodeOutputs'].map(toOutput), ...branchOutputs(patch).map(toOutput)]) : uniqueByData([...base.outputs.nodeOutputs, ...branchOutputs(patch).map(toOutput)]),
      variables: isList(outputs['variables']) ? outputs['variables'].map(toVariable) : base.outputs.variables,
    },
    dependencies: edges === undefined ? base.dependencies : edges.dependencies,
  } as unknown as NodeSpec;
}

/** A resource, function or component: its own object beside the values of a new node, which the dialect of files shows for it. */
export function fromEntity(value: JsonObject, current: NodeSpec | undefined, context: SpecContext): NodeSpec {
  const patch = { ...withoutNotes(without(value, ['id', 'name', 'owner', 'script'])), ...(isObject(value['script']) ? { script: without(value['script'], SCRIPT_COLUMNS) } : {}) };
  const entity = objectOf(overlay(current?.entity, patch));
  const fresh = newSpec(context);
  const description = textOf(entity['description']) ?? textOf(entity['usageDescription']);
  const datasource = objectOf(entity['datasource']);
  return {
    ...fresh,
    outputs: { nodeOutputs: [], variables: [] },
    ...(current?.$document === undefined ? {} : { $document: current.$document }),
    ...(description === undefined ? {} : { description }),
    ...(textOf(datasource['name']) === undefined ? {} : { datasource: { ...datasource, name: textOf(datasource['name']) ?? '' } }),
    entity,
  };
}

/** Collections of the body that exist only to be referred to; what refers to them has them in its place. */
const REFERRED = ['scripts', 'triggers', 'datasources', 'runtimeResources'];

/** What the document says beside the object itself, or nothing. */
export function besides(model: FlowModel, edge: JsonObject | undefined): { readonly $document?: JsonObject } {
  const body = without(model.body, REFERRED);
  const parts: JsonObject = {
    ...(Object.keys(model.envelope).length === 0 ? {} : { envelope: model.envelope }),
    ...(model.metadata === undefined ? {} : { metadata: model.metadata }),
    ...(Object.keys(body).length === 0 ? {} : { body }),
    ...(edge === undefined ? {} : { edge }),
  };
  return Object.keys(parts).length === 0 ? {} : { $document: parts };
}
