import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { checkText, readMoment } from '../../dialect.ts';
import type { Depend, NodeOutput, NodeSpec, Trigger, Variable } from '../model.ts';
import { readParaValue, writeParaValue } from '../parameters.ts';
import { DEFAULT_TIMEZONE, fromZoned, toZoned } from '../zoned.ts';

/** The legacy dialect's schedule parameters, and the spec they are a view of. Pure: both ways without a database. */

/** The parameters that CreateFile and UpdateFile share. */
export type ScheduleRequest = Omit<
  Operations['CreateFile']['request'],
  'FileName' | 'FileType' | 'Content' | 'Owner' | 'FileFolderPath' | 'ProjectId' | 'ProjectIdentifier' | 'CreateFolderIfNotExists'
>;

export type NodeConfiguration = NonNullable<NonNullable<Operations['GetFile']['response']['Data']>['NodeConfiguration']>;

/** What a spec is written for. */
export interface SpecContext {
  readonly nodeId: number;
  readonly workspaceName: string;
}

const NEVER_BEGUN = '1970-01-01 00:00:00';
const NEVER_ENDED = '9999-01-01 00:00:00';

const DAILY: Trigger = { type: 'Scheduler', cron: '00 05 00 * * ?', cycleType: 'Daily', startTime: NEVER_BEGUN, endTime: NEVER_ENDED, timezone: DEFAULT_TIMEZONE };

const rerunModes = { ALL_ALLOWED: 'Allowed', FAILURE_ALLOWED: 'FailureAllowed', ALL_DENIED: 'Denied' } as const;
const legacyRerunModes = { Allowed: 'ALL_ALLOWED', FailureAllowed: 'FAILURE_ALLOWED', Denied: 'ALL_DENIED' } as const;
const cycleTypes = { DAY: 'Daily', NOT_DAY: 'NotDaily' } as const;
const schedulerTypes = {
  NORMAL: { type: 'Scheduler', recurrence: 'Normal' },
  MANUAL: { type: 'Manual', recurrence: 'Normal' },
  PAUSE: { type: 'Scheduler', recurrence: 'Pause' },
  SKIP: { type: 'Scheduler', recurrence: 'Skip' },
} as const;
/** Numbers by which the legacy dialect names the type of an output parameter. */
const parameterTypes = { 1: 'Constant', 2: 'System', 3: 'PassThrough' } as const;

const MOST_RERUNS = 10;
const LONGEST_RERUN_INTERVAL_MS = 1_800_000;
const LONGEST_TIMEOUT_HOURS = 168;
/** Names in an input or output list. */
const MOST_NAMES = 1_000;

function choose<Table extends object>(parameter: string, table: Table, key: string): Table[keyof Table] {
  if (!Object.hasOwn(table, key)) throw invalid(parameter, `it must be one of ${Object.keys(table).join(', ')}`);
  return table[key as keyof Table];
}

function within(parameter: string, value: number, most: number): number {
  if (value < 0 || value > most) throw invalid(parameter, `it must be between 0 and ${most}`);
  return value;
}

function readNames(parameter: string, list: string): string[] {
  checkText(parameter, list, 100_000);
  const names = [...new Set(list.split(',').map((name) => name.trim()).filter((name) => name !== ''))];
  if (names.length > MOST_NAMES) throw invalid(parameter, `it may name at most ${MOST_NAMES}`);
  return names;
}

function readCron(cron: string): string {
  const fields = checkText('CronExpress', cron, 200).trim().split(/\s+/);
  if (cron.trim() !== '' && (fields.length < 6 || fields.length > 7 || !fields.every((field) => /^[0-9A-Za-z*?/,#-]+$/.test(field)))) {
    throw invalid('CronExpress', 'it must have six fields: second, minute, hour, day of month, month, day of week; a seventh, the year, may follow');
  }
  return cron.trim();
}

/** Reads a JSON list of objects whose values become text. */
function readObjects(parameter: string, json: string): Record<string, string>[] {
  checkText(parameter, json, 100_000);
  if (json.trim() === '') return [];
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    throw invalid(parameter, 'it must be a JSON list of objects');
  }
  if (!Array.isArray(list) || list.length > MOST_NAMES) throw invalid(parameter, `it must be a JSON list of at most ${MOST_NAMES} objects`);
  return list.map((item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) throw invalid(parameter, 'it must be a JSON list of objects');
    const entries = Object.entries(item).map(([key, value]): [string, string] => [key, checkText(parameter, typeof value === 'string' ? value : JSON.stringify(value), 10_000)]);
    const object = Object.fromEntries(entries);
    if ((object['ParameterName'] ?? '') === '') throw invalid(parameter, 'every object needs a ParameterName');
    return object;
  });
}

function readInputParameters(json: string): Variable[] {
  return readObjects('InputParameters', json).map((object) => {
    const source = object['ValueSource'] ?? '';
    const colon = source.lastIndexOf(':');
    return {
      name: colon < 0 ? source : source.slice(colon + 1),
      inputName: object['ParameterName'] ?? '',
      artifactType: 'Variable',
      scope: 'NodeContext',
      type: 'NodeOutput',
      value: source,
      node: { output: colon < 0 ? '' : source.slice(0, colon) },
    };
  });
}

function readOutputParameters(json: string): Variable[] {
  return readObjects('OutputParameters', json).map((object) => ({
    name: object['ParameterName'] ?? '',
    artifactType: 'Variable',
    scope: 'NodeContext',
    type: choose('OutputParameters', parameterTypes, object['Type'] ?? '2'),
    value: object['Value'] ?? '',
    ...(object['Description'] === undefined ? {} : { description: object['Description'] }),
  }));
}

function defaultOutput({ nodeId, workspaceName }: SpecContext): NodeOutput {
  return { data: `${workspaceName}.${nodeId}_out`, artifactType: 'NodeOutput', isDefault: true };
}

function readOutputs(list: string, context: SpecContext): NodeOutput[] {
  const first = defaultOutput(context);
  const others = readNames('OutputList', list).filter((name) => name !== first.data);
  return [first, ...others.map((data): NodeOutput => ({ data, artifactType: 'NodeOutput' }))];
}

function readDependencies(request: ScheduleRequest, current: readonly Depend[], context: SpecContext): readonly Depend[] {
  const { DependentType: type, DependentNodeIdList: list } = request;
  if (type === undefined && list === undefined) return current;
  const listed = list === undefined ? undefined : readNames('DependentNodeIdList', list);
  if (listed?.some((id) => !/^\d{1,16}$/.test(id))) throw invalid('DependentNodeIdList', 'it must be a comma list of node ids');
  const known = current.filter((depend) => depend.type === 'CrossCycleDependsOnOtherNode');
  const others = listed === undefined ? known : listed.map((nodeId): Depend => ({ type: 'CrossCycleDependsOnOtherNode', nodeId }));
  const self: Depend = { type: 'CrossCycleDependsOnSelf', nodeId: String(context.nodeId) };
  const children: Depend = { type: 'CrossCycleDependsOnChildren', nodeId: String(context.nodeId) };
  switch (type ?? (others.length > 0 ? 'USER_DEFINE' : 'NONE')) {
    case 'NONE':
      return [];
    case 'SELF':
      return [self];
    case 'CHILD':
      return [children];
    case 'CHILD_AND_SELF':
      return [children, self];
    case 'USER_DEFINE':
    case 'USER_DEFINE_AND_SELF':
      if (others.length === 0) throw invalid('DependentNodeIdList', `the dependency type ${type} needs it`);
      return type === 'USER_DEFINE_AND_SELF' ? [...others, self] : others;
    default:
      throw invalid('DependentType', 'it must be one of NONE, SELF, CHILD, USER_DEFINE, USER_DEFINE_AND_SELF, CHILD_AND_SELF');
  }
}

/** The first spec of a node: daily, reruns allowed, with its own default output. */
export function newSpec(context: SpecContext): NodeSpec {
  return {
    recurrence: 'Normal',
    instanceMode: 'T+1',
    rerunMode: 'Allowed',
    rerunTimes: 0,
    rerunInterval: 180_000,
    script: { parameters: [] },
    trigger: DAILY,
    inputs: { nodeOutputs: [], variables: [] },
    outputs: { nodeOutputs: [defaultOutput(context)], variables: [] },
    dependencies: [],
  };
}

function readTrigger(request: ScheduleRequest, current: Trigger): Trigger {
  const moment = (name: 'StartEffectDate' | 'EndEffectDate', kept: string) =>
    request[name] === undefined ? kept : toZoned(readMoment(name, request[name]), current.timezone);
  return {
    ...current,
    cron: request.CronExpress === undefined ? current.cron : readCron(request.CronExpress),
    cycleType: request.CycleType === undefined ? current.cycleType : choose('CycleType', cycleTypes, request.CycleType),
    startTime: moment('StartEffectDate', current.startTime),
    endTime: moment('EndEffectDate', current.endTime),
    ...(request.SchedulerType === undefined ? {} : { type: choose('SchedulerType', schedulerTypes, request.SchedulerType).type }),
  };
}

function readRecurrence(request: ScheduleRequest, current: NodeSpec['recurrence']): NodeSpec['recurrence'] {
  const named = request.SchedulerType === undefined ? current : choose('SchedulerType', schedulerTypes, request.SchedulerType).recurrence;
  if (request.Stop === true) return 'Pause';
  return request.Stop === false && request.SchedulerType === undefined && named === 'Pause' ? 'Normal' : named;
}

/** The spec that results when the parameters of a request are laid over the present one. What the request does not name stays. */
export function fromLegacyParameters(request: ScheduleRequest, current: NodeSpec, context: SpecContext): NodeSpec {
  const text = (name: 'FileDescription' | 'ConnectionName' | 'ImageId' | 'ResourceGroupIdentifier' | 'AdvancedSettings', characters: number) =>
    request[name] === undefined ? undefined : checkText(name, request[name], characters);
  const description = text('FileDescription', 2_000);
  const connection = text('ConnectionName', 256);
  const image = text('ImageId', 256);
  const group = text('ResourceGroupIdentifier', 256);
  const settings = text('AdvancedSettings', 100_000);
  return {
    ...current,
    ...(description === undefined ? {} : { description }),
    recurrence: readRecurrence(request, current.recurrence),
    instanceMode: request.ApplyScheduleImmediately === undefined ? current.instanceMode : request.ApplyScheduleImmediately ? 'Immediately' : 'T+1',
    rerunMode: request.RerunMode === undefined ? current.rerunMode : choose('RerunMode', rerunModes, request.RerunMode),
    rerunTimes: request.AutoRerunTimes === undefined ? current.rerunTimes : within('AutoRerunTimes', request.AutoRerunTimes, MOST_RERUNS),
    rerunInterval: request.AutoRerunIntervalMillis === undefined ? current.rerunInterval : within('AutoRerunIntervalMillis', request.AutoRerunIntervalMillis, LONGEST_RERUN_INTERVAL_MS),
    ...(request.Timeout === undefined ? {} : { timeout: within('Timeout', request.Timeout, LONGEST_TIMEOUT_HOURS), timeoutUnit: 'HOURS' as const }),
    ...(request.IgnoreParentSkipRunningProperty === undefined ? {} : { ignoreBranchConditionSkip: request.IgnoreParentSkipRunningProperty }),
    ...(request.AutoParsing === undefined ? {} : { autoParse: request.AutoParsing }),
    script: {
      ...current.script,
      parameters: request.ParaValue === undefined ? current.script.parameters : readParaValue(checkText('ParaValue', request.ParaValue, 100_000)),
      ...(image === undefined ? {} : { runtime: { ...current.script.runtime, container: { ...current.script.runtime?.container, imageId: image } } }),
    },
    trigger: readTrigger(request, current.trigger),
    ...(connection === undefined ? {} : { datasource: { ...current.datasource, name: connection } }),
    ...(group === undefined && request.ResourceGroupId === undefined
      ? {}
      : {
          runtimeResource: {
            ...current.runtimeResource,
            ...(group === undefined ? {} : { resourceGroup: group }),
            ...(request.ResourceGroupId === undefined ? {} : { resourceGroupId: String(request.ResourceGroupId) }),
          },
        }),
    inputs: {
      ...current.inputs,
      ...(request.InputList === undefined
        ? {}
        : { nodeOutputs: readNames('InputList', request.InputList).map((data): NodeOutput => ({ data, artifactType: 'NodeOutput', sourceType: 'Manual' })) }),
      ...(request.InputParameters === undefined ? {} : { variables: readInputParameters(request.InputParameters) }),
    },
    outputs: {
      ...current.outputs,
      ...(request.OutputList === undefined ? {} : { nodeOutputs: readOutputs(request.OutputList, context) }),
      ...(request.OutputParameters === undefined ? {} : { variables: readOutputParameters(request.OutputParameters) }),
    },
    dependencies: readDependencies(request, current.dependencies, context),
    metadata: {
      ...current.metadata,
      ...(settings === undefined ? {} : { advancedSettings: settings }),
      ...(request.StartImmediately === undefined ? {} : { startImmediately: request.StartImmediately }),
    },
  };
}

function legacyDependentType(dependencies: readonly Depend[]): string {
  const has = (type: Depend['type']) => dependencies.some((depend) => depend.type === type);
  const self = has('CrossCycleDependsOnSelf');
  if (has('CrossCycleDependsOnOtherNode')) return self ? 'USER_DEFINE_AND_SELF' : 'USER_DEFINE';
  if (has('CrossCycleDependsOnChildren')) return self ? 'CHILD_AND_SELF' : 'CHILD';
  return self ? 'SELF' : 'NONE';
}

/** What a node is scheduled as: NORMAL, MANUAL, PAUSE or SKIP. */
export function legacySchedulerType(spec: NodeSpec): string {
  if (spec.trigger.type === 'Manual') return 'MANUAL';
  return { Normal: 'NORMAL', Pause: 'PAUSE', Skip: 'SKIP' }[spec.recurrence];
}

const HOURS_OF = { SECONDS: 3_600, MINUTES: 60, HOURS: 1 } as const;

/** The schedule as the legacy dialect answers it. */
export function toNodeConfiguration(spec: NodeSpec): NodeConfiguration {
  const { trigger } = spec;
  const moment = (text: string, never: string) => (text === never ? undefined : fromZoned(text, trigger.timezone)?.getTime());
  const numbers = { Constant: '1', PassThrough: '3' } as Readonly<Record<string, string>>;
  const group = Number(spec.runtimeResource?.resourceGroupId ?? Number.NaN);
  return {
    ApplyScheduleImmediately: String(spec.instanceMode === 'Immediately'),
    AutoRerunIntervalMillis: spec.rerunInterval,
    AutoRerunTimes: spec.rerunTimes,
    CronExpress: trigger.cron,
    CycleType: trigger.cycleType === 'Daily' ? 'DAY' : 'NOT_DAY',
    DependentNodeIdList: spec.dependencies.flatMap((depend) => (depend.type === 'CrossCycleDependsOnOtherNode' ? [depend.nodeId ?? ''] : [])).join(','),
    DependentType: legacyDependentType(spec.dependencies),
    StartEffectDate: moment(trigger.startTime, NEVER_BEGUN),
    EndEffectDate: moment(trigger.endTime, NEVER_ENDED),
    IgnoreParentSkipRunningProperty: String(spec.ignoreBranchConditionSkip ?? false),
    ImageId: spec.script.runtime?.container?.imageId ?? '',
    InputList: spec.inputs.nodeOutputs.map((input) => ({ Input: input.data, ParseType: input.sourceType === 'System' ? 'AUTO' : 'MANUAL' })),
    InputParameters: spec.inputs.variables.map((variable) => ({ ParameterName: variable.inputName ?? variable.name, ValueSource: variable.value })),
    OutputList: spec.outputs.nodeOutputs.map((output) => ({ Output: output.data, RefTableName: output.refTableName ?? '' })),
    OutputParameters: spec.outputs.variables.map((variable) => ({
      ParameterName: variable.name,
      Type: numbers[variable.type] ?? '2',
      Value: variable.value,
      Description: variable.description ?? '',
    })),
    ParaValue: writeParaValue(spec.script.parameters),
    RerunMode: legacyRerunModes[spec.rerunMode],
    ResourceGroupId: Number.isSafeInteger(group) ? group : undefined,
    SchedulerType: legacySchedulerType(spec),
    StartImmediately: spec.metadata?.startImmediately ?? false,
    Stop: spec.recurrence === 'Pause',
    Timeout: spec.timeout === undefined ? undefined : Math.ceil(spec.timeout / HOURS_OF[spec.timeoutUnit ?? 'SECONDS']),
  };
}
