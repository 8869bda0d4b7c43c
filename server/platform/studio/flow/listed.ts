import { objectOf, textOf, listOf, type JsonObject, type JsonValue } from '../../flowspec/index.ts';
import type { NodeRow } from '../model.ts';

/** Rows of the studio as the lists of 2024-05-18 show them. Pure. */

export const millis = (moment: Date) => moment.getTime();

export function pathOf(row: NodeRow): string {
  return row.folder_path === '' ? row.name : `${row.folder_path}/${row.name}`;
}

export function toScript(row: NodeRow) {
  return { Id: String(row.id), Path: pathOf(row), Runtime: { Command: row.command } };
}

function toVariable(value: JsonValue) {
  const variable = objectOf(value);
  const output = textOf(objectOf(variable['node'])['output']);
  return {
    ...(textOf(variable['id']) === undefined ? {} : { Id: textOf(variable['id']) }),
    Name: textOf(variable['name']),
    ArtifactType: 'Variable',
    Scope: textOf(variable['scope']),
    Type: textOf(variable['type']),
    Value: textOf(variable['value']),
    ...(output === undefined ? {} : { Node: { Output: output } }),
  };
}

function toIo(value: JsonObject) {
  return {
    NodeOutputs: listOf(value['nodeOutputs']).map((output) => ({ Data: textOf(objectOf(output)['data']), RefTableName: textOf(objectOf(output)['refTableName']) ?? '' })),
    Tables: listOf(value['tables']).map((table) => ({ Guid: textOf(objectOf(table)['guid']) ?? '' })),
    Variables: listOf(value['variables']).map(toVariable),
  };
}

export function toDataSource(spec: JsonObject) {
  const datasource = objectOf(spec['datasource']);
  const name = textOf(datasource['name']);
  return name === undefined || name === '' ? {} : { DataSource: { Name: name, Type: textOf(datasource['type']) ?? '' } };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { SECONDS: 1, MINUTES: 60, HOURS: 3_600 };

export function toListedNode(row: NodeRow) {
  const spec = row.spec as unknown as JsonObject;
  const { trigger } = row.spec;
  const resource = row.spec.runtimeResource;
  return {
    Id: String(row.id),
    Name: row.name,
    Description: row.spec.description ?? '',
    ProjectId: row.workspace_id,
    Owner: String(row.owner_id),
    CreateTime: millis(row.created_at),
    ModifyTime: millis(row.edited_at),
    ...(row.task_id === null ? {} : { TaskId: row.task_id }),
    Recurrence: row.spec.recurrence,
    Script: toScript(row),
    ...toDataSource(spec),
    ...(resource === undefined ? {} : { RuntimeResource: { ResourceGroupId: resource.resourceGroupId ?? resource.resourceGroup ?? '', ResourceGroup: resource.resourceGroup ?? '' } }),
    Strategy: {
      InstanceMode: row.spec.instanceMode,
      RerunMode: row.spec.rerunMode,
      RerunTimes: row.spec.rerunTimes,
      RerunInterval: row.spec.rerunInterval,
      // In seconds.
      Timeout: (row.spec.timeout ?? 0) * (UNIT_SECONDS[row.spec.timeoutUnit ?? 'SECONDS'] ?? 1),
    },
    Trigger: { Type: trigger.type, Cron: trigger.cron, StartTime: trigger.startTime, EndTime: trigger.endTime, Timezone: trigger.timezone, ...(textOf((trigger as unknown as JsonObject)['id']) === undefined ? {} : { Id: textOf((trigger as unknown as JsonObject)['id']) }) },
    Inputs: toIo(objectOf(spec['inputs'])),
    Outputs: toIo(objectOf(spec['outputs'])),
    Tags: listOf(spec['tags']).flatMap((tag) => {
      const key = textOf(objectOf(tag)['key']);
      return key === undefined ? [] : [{ Key: key, Value: textOf(objectOf(tag)['value']) ?? '' }];
    }),
  };
}
