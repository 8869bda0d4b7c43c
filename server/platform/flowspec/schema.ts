/**
 * FlowSpec as a schema of ours, as data: versions 1.0.0 to 2.0.0 in one. Objects are open: a key that is not named here is kept and not looked at. Grounds
 * for a refusal are a wrong type, a value outside an enumeration, and the few fields that are needed.
 */

export type Shape =
  | 'text'
  | 'integer'
  | 'boolean'
  /** An object whose keys mean nothing here. */
  | 'map'
  | 'any'
  | { readonly one: readonly string[] }
  | { readonly list: Shape }
  /** An object with the fields of an entity. */
  | { readonly entity: EntityName }
  /** The same, or a reference to one in the collections of the body. */
  | { readonly ref: EntityName };

export interface Entity {
  readonly fields: Readonly<Record<string, Shape>>;
  /** Needed also when the document only changes something. */
  readonly needed?: readonly string[];
  /** Needed when the document creates something. */
  readonly neededAtCreation?: readonly string[];
  /** Other names of fields; they are compared without regard to case. */
  readonly spellings?: Readonly<Record<string, string>>;
}

export type EntityName =
  | 'Body' | 'Node' | 'Workflow' | 'Strategy' | 'Script' | 'Runtime' | 'Trigger' | 'Variable' | 'NodeOutput' | 'Table' | 'IO' | 'Edge' | 'Depend' | 'Branches' | 'Branch' | 'Join'
  | 'JoinBranch' | 'Loop' | 'Sub' | 'ParamHub' | 'RuntimeResource' | 'Datasource' | 'FileResource' | 'Function' | 'Component' | 'ComponentParameter';

export const kinds = [
  'CycleWorkflow', 'ManualWorkflow', 'TriggerWorkflow', 'TemporaryWorkflow', 'Workflow', 'PaiFlow', 'Node', 'ManualNode', 'Component', 'Resource', 'Function', 'Table',
  'DataSource', 'DataQuality', 'DataService', 'DataCatalog', 'BatchDeployment', 'DataIntegrationJob',
] as const;
export type Kind = (typeof kinds)[number];

export const versions = ['1.0.0', '1.1.0', '1.1.1', '1.1.2', '1.1.3', '1.2.0', '2.0.0'] as const;

export const dependTypes = ['Normal', 'CrossCycleDependsOnSelf', 'CrossCycleDependsOnChildren', 'CrossCycleDependsOnOtherNode'] as const;

const recurrence = { one: ['Normal', 'Pause', 'Skip'] } as const;
const rerunMode = { one: ['Allowed', 'Denied', 'FailureAllowed'] } as const;
const instanceMode = { one: ['T+1', 'Immediately'] } as const;
const sourceType = { one: ['System', 'Manual'] } as const;
const described = { id: 'text', name: 'text', description: 'text', owner: 'text', metadata: 'map' } as const;
const strategyFields = {
  priority: 'integer', timeout: 'integer', timeoutUnit: { one: ['SECONDS', 'MINUTES', 'HOURS'] }, instanceMode, rerunMode, rerunTimes: 'integer', rerunInterval: 'integer',
  ignoreBranchConditionSkip: 'boolean',
} as const;
const edges: Shape = { list: { entity: 'Edge' } };
const nodes: Shape = { list: { entity: 'Node' } };
const parameters: Shape = { list: { entity: 'ComponentParameter' } };

/** The parts of `inputs`, `outputs` and `artifacts` are matched without regard to case, in the singular too. */
const ioSpellings = { nodeoutput: 'nodeOutputs', nodeoutputs: 'nodeOutputs', output: 'nodeOutputs', outputs: 'nodeOutputs', table: 'tables', tables: 'tables', variable: 'variables', variables: 'variables' };

const entities: Readonly<Record<EntityName, Entity>> = {
  Body: {
    fields: {
      ...described, type: 'text',
      variables: { list: { entity: 'Variable' } }, triggers: { list: { entity: 'Trigger' } }, scripts: { list: { entity: 'Script' } }, files: 'map', artifacts: { entity: 'IO' },
      datasources: { list: { entity: 'Datasource' } }, dqcRules: { list: 'map' }, runtimeResources: { list: { entity: 'RuntimeResource' } },
      fileResources: { list: { entity: 'FileResource' } }, functions: { list: { entity: 'Function' } }, nodes, workflows: { list: { entity: 'Workflow' } },
      components: { list: { entity: 'Component' } }, flow: edges, dependencies: edges,
    },
  },
  Node: {
    fields: {
      ...described, ...strategyFields, recurrence, autoParse: 'boolean', script: { ref: 'Script' }, trigger: { ref: 'Trigger' }, datasource: { ref: 'Datasource' },
      runtimeResource: { ref: 'RuntimeResource' }, fileResources: { list: { ref: 'FileResource' } }, functions: { list: { ref: 'Function' } }, datasets: { list: 'any' },
      inputs: { entity: 'IO' }, outputs: { entity: 'IO' }, branch: { entity: 'Branches' }, join: { entity: 'Join' }, 'do-while': { entity: 'Loop' }, 'for-each': { entity: 'Loop' },
      combined: { entity: 'Sub' }, subflow: { entity: 'Sub' }, 'param-hub': { entity: 'ParamHub' }, reference: 'map', component: 'any', strategy: { entity: 'Strategy' },
    },
    neededAtCreation: ['script'],
  },
  Workflow: {
    fields: {
      ...described, ...strategyFields, type: 'text', recurrence, script: { ref: 'Script' }, trigger: { ref: 'Trigger' }, strategy: { entity: 'Strategy' }, inputs: { entity: 'IO' },
      outputs: { entity: 'IO' }, runtimeResource: { ref: 'RuntimeResource' }, nodes, dependencies: edges, flow: edges,
    },
  },
  Strategy: { fields: { ...strategyFields, failureStrategy: { one: ['Continue', 'Break'] } } },
  Script: {
    fields: { id: 'text', path: 'text', extension: 'text', language: 'text', content: 'text', runtime: { entity: 'Runtime' }, parameters: { list: { ref: 'Variable' } } },
  },
  Runtime: {
    fields: {
      engine: 'text', command: 'text', commandTypeId: 'integer', cu: 'text', template: 'map', emrJobConfig: 'map', cdhJobConfig: 'map', sparkConf: 'map', flinkConf: 'map',
      streamJobConfig: 'map', container: 'map', paiFlowConfig: 'any',
    },
  },
  Trigger: {
    fields: {
      id: 'text', type: { one: ['Scheduler', 'Manual', 'Streaming', 'Custom', 'None'] }, cron: 'text', recurrence, startTime: 'text', endTime: 'text', timezone: 'text',
      delaySeconds: 'integer', cycleType: { one: ['Daily', 'NotDaily'] }, calendarId: 'text', identifier: 'text',
    },
  },
  Variable: {
    fields: {
      id: 'text', name: 'text', description: 'text', artifactType: 'text', inputName: 'text', value: 'text',
      type: { one: ['System', 'Constant', 'NodeOutput', 'PassThrough', 'NoKvVariableExpression'] },
      scope: { one: ['Tenant', 'Workspace', 'Workflow', 'NodeParameter', 'NodeContext', 'WorkflowParameter'] },
      node: 'any', referenceVariable: { ref: 'Variable' },
    },
    needed: ['type', 'scope'],
  },
  NodeOutput: { fields: { id: 'text', data: 'text', artifactType: 'text', refTableName: 'text', isDefault: 'boolean', sourceType } },
  Table: { fields: { id: 'text', name: 'text', guid: 'text', ddl: 'text', hasPartition: 'boolean', isVisible: 'boolean', artifactType: 'text', calcEngine: 'map' } },
  IO: {
    fields: { nodeOutputs: { list: { ref: 'NodeOutput' } }, tables: { list: { ref: 'Table' } }, variables: { list: { ref: 'Variable' } } },
    spellings: ioSpellings,
  },
  Edge: { fields: { nodeId: 'any', depends: { list: { entity: 'Depend' } }, variableDepends: { list: 'any' } }, needed: ['nodeId'] },
  Depend: { fields: { type: { one: dependTypes }, nodeId: 'any', output: { ref: 'NodeOutput' }, refTableName: 'text', sourceType } },
  Branches: { fields: { branches: { list: { entity: 'Branch' } } } },
  Branch: { fields: { when: 'text', desc: 'text', valueType: 'text', fromVariable: 'text', output: { ref: 'NodeOutput' } } },
  Join: { fields: { branches: { list: { entity: 'JoinBranch' } }, logic: 'map', resultStatus: 'text' } },
  JoinBranch: { fields: { name: 'text', nodeId: 'any', output: { ref: 'NodeOutput' }, assertion: 'map' }, needed: ['name', 'assertion'] },
  Loop: {
    fields: { nodes, while: { entity: 'Node' }, array: { ref: 'Variable' }, flow: edges, dependencies: edges, maxIterations: 'integer', parallelism: 'integer' },
  },
  Sub: { fields: { nodes, flow: edges, dependencies: edges } },
  ParamHub: { fields: { variables: { list: { ref: 'Variable' } } } },
  RuntimeResource: { fields: { id: 'text', resourceGroup: 'text', resourceGroupId: 'text', cu: 'text' } },
  Datasource: { fields: { id: 'text', name: 'text', type: 'text', subType: 'text', config: 'any' } },
  FileResource: {
    fields: { ...described, type: { one: ['python', 'jar', 'archive', 'file'] }, script: { ref: 'Script' }, file: 'map', datasource: { ref: 'Datasource' }, runtimeResource: { ref: 'RuntimeResource' } },
  },
  Function: {
    fields: {
      ...described, type: { one: ['math', 'aggregate', 'string', 'date', 'analytic', 'other'] }, className: 'text', script: { ref: 'Script' }, datasource: { ref: 'Datasource' },
      runtimeResource: { ref: 'RuntimeResource' }, fileResources: { list: { ref: 'FileResource' } }, armResource: 'text', usageDescription: 'text', argumentsDescription: 'text',
      returnValueDescription: 'text', usageExample: 'text', embeddedCodeType: { one: ['python2', 'python3', 'java8', 'java11', 'java17'] }, resourceType: { one: ['file', 'embedded'] }, embeddedCode: 'text',
    },
  },
  Component: { fields: { ...described, script: { ref: 'Script' }, inputs: parameters, outputs: parameters, input: parameters, output: parameters } },
  ComponentParameter: { fields: { name: 'text', type: 'text', value: 'text', args: 'any', defaultValue: 'text', description: 'text' } },
};

export function entityOf(name: EntityName): Entity {
  return entities[name];
}

/** The collection of the body in which a reference to an entity is looked up, with the names by which `{{group.id}}` may call it. */
export const collections: ReadonlyMap<EntityName, { readonly key: string; readonly groups: readonly string[] }> = new Map([
  ['Script', { key: 'scripts', groups: ['script', 'scripts'] }],
  ['Trigger', { key: 'triggers', groups: ['trigger', 'triggers'] }],
  ['Datasource', { key: 'datasources', groups: ['datasource', 'datasources'] }],
  ['RuntimeResource', { key: 'runtimeResources', groups: ['runtimeresource', 'runtimeresources'] }],
  ['FileResource', { key: 'fileResources', groups: ['fileresource', 'fileresources'] }],
  ['Function', { key: 'functions', groups: ['function', 'functions'] }],
  ['Variable', { key: 'variables', groups: ['variable', 'variables', 'artifact.variable', 'artifacts.variables'] }],
  ['Table', { key: 'tables', groups: ['table', 'tables', 'artifact.table', 'artifacts.tables'] }],
  ['NodeOutput', { key: 'nodeOutputs', groups: ['output', 'outputs', 'nodeoutput', 'nodeoutputs', 'artifact.nodeoutput', 'artifact.output', 'artifacts.nodeoutputs', 'artifacts.outputs'] }],
]);
