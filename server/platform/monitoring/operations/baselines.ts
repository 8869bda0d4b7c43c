import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { inProject, type Access, type Call, type Handlers } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { checkText, pageCounters, readId, readIdList, readPage, readWord, success } from '../../dialect.ts';
import { instanceStates, type WatchedInstance } from '../../scheduling/index.ts';
import { findBaseline, findStatus, listBaselines, listStatuses, type AlertSetting, type BaselineRow, type PathStep, type StatusRow } from '../baseline-store.ts';
import type { CycleTime } from '../model.ts';
import { topicsOfInstances } from '../topic-store.ts';
import { topicName } from './messages.ts';
import { readableWorkspaces, readInstant, readOptionalId, readWords, shownSettings, type Services } from './shared.ts';

/** Baselines in API 2020-05-18. Buffers are seconds, margins minutes. */

type Named = { BaselineId: number; ProjectId?: number };

/** The baseline of the caller's tenant, in the workspace when one is named; throws NotFound for any other. */
async function baselineOf(call: Pick<Call, 'db' | 'tenantId'>, request: Named): Promise<BaselineRow> {
  const baseline = await findBaseline(call.db, call.tenantId, request.BaselineId);
  if (baseline === undefined || (request.ProjectId !== undefined && request.ProjectId !== baseline.workspace_id)) throw notFound('Baseline', request.BaselineId);
  return baseline;
}

function onBaseline(right: WorkspaceRight): Access<Named> {
  return { level: 'workspace', right, find: async (request, call) => (await baselineOf(call, request)).workspace_id };
}

const types = ['DAILY', 'HOURLY'] as const;

function readOvertime(given: readonly { Cycle?: number | undefined; Time?: string | undefined }[]): CycleTime[] {
  return given.map(({ Cycle = 1, Time = '' }) => ({ cycle: Cycle, time: Time })).toSorted((a, b) => a.cycle - b.cycle);
}

function readPriorities(text: string | undefined): number[] | undefined {
  return readWords('Priority', text)?.map((word) => readId('Priority', word));
}

/** Settings replace those of the same kind; the others stay. */
function mergeSettings(before: readonly AlertSetting[], given: readonly AlertSetting[] | undefined): readonly AlertSetting[] {
  if (given === undefined) return before;
  const kinds = given.map((setting) => readWord('AlertSettings.AlertType', setting.AlertType ?? 'BASELINE', ['BASELINE', 'TOPIC']));
  if (new Set(kinds).size < kinds.length) throw invalid('AlertSettings', 'a type is named twice');
  for (const setting of given) if (setting.AlertRecipientType === 'SHIFT_SCHEDULE') throw invalid('AlertRecipientType', 'there are no shift schedules here; name users instead');
  return [...before.filter((setting) => !kinds.includes(setting.AlertType === 'TOPIC' ? 'TOPIC' : 'BASELINE')), ...given.map((setting, index) => ({ ...setting, AlertType: kinds[index] ?? 'BASELINE' }))];
}

function shownBaseline(baseline: BaselineRow) {
  return {
    BaselineId: baseline.id,
    BaselineName: baseline.name,
    BaselineType: baseline.type,
    ProjectId: baseline.workspace_id,
    Owner: String(baseline.owner_id),
    Priority: baseline.priority,
    Enabled: baseline.enabled,
    AlertEnabled: baseline.alert_enabled,
    AlertMarginThreshold: baseline.margin_minutes,
    OverTimeSettings: baseline.overtime.map(({ cycle, time }) => ({ Cycle: cycle, Time: time })),
  };
}

const minutesOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
const timeOf = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** The same as it is called in the other reading operation: hours and minutes for days, JSON by cycle for hours. */
function shownConfig(baseline: BaselineRow) {
  const warned = (time: string) => Math.max(0, minutesOf(time) - baseline.margin_minutes);
  const [first] = baseline.overtime;
  const times =
    baseline.type === 'DAILY' && first !== undefined
      ? { SlaHour: Math.floor(minutesOf(first.time) / 60), SlaMinu: minutesOf(first.time) % 60, ExpHour: Math.floor(warned(first.time) / 60), ExpMinu: warned(first.time) % 60 }
      : {
          HourSlaDetail: JSON.stringify(Object.fromEntries(baseline.overtime.map(({ cycle, time }) => [String(cycle), time]))),
          HourExpDetail: JSON.stringify(Object.fromEntries(baseline.overtime.map(({ cycle, time }) => [String(cycle), timeOf(warned(time))]))),
        };
  return {
    BaselineId: baseline.id,
    BaselineName: baseline.name,
    BaselineType: baseline.type,
    ProjectId: baseline.workspace_id,
    Owner: String(baseline.owner_id),
    Priority: baseline.priority,
    UseFlag: baseline.enabled,
    IsDefault: false,
    ...times,
  };
}

const moment = <Name extends string>(name: Name, value: Date | null) => (value === null ? {} : { [name]: value.getTime() });

function shownStatus(row: StatusRow) {
  return {
    BaselineId: row.baseline_id,
    Bizdate: row.bizdate.getTime(),
    InGroupId: row.cycle,
    ProjectId: row.workspace_id,
    Status: row.status,
    FinishStatus: row.finish_status,
    Buffer: row.buffer_seconds,
    ExpTime: row.exp_time.getTime(),
    SlaTime: row.sla_time.getTime(),
    ...moment('EndCast', row.end_cast),
    ...moment('FinishTime', row.finish_time),
  };
}

function shownInstance(instance: WatchedInstance, step: PathStep | undefined) {
  return {
    InstanceId: instance.id,
    NodeId: instance.task_id ?? 0,
    NodeName: instance.name,
    Owner: String(instance.owner_id),
    ProjectId: instance.workspace_id,
    Status: instanceStates[instance.status].legacy,
    ...moment('FinishTime', instance.finished_at),
    ...(step === undefined ? {} : { EndCast: step.end }),
  };
}

/** A page of the baselines that a list's filters let through. Its two operations name the switch differently. */
async function listed(call: Call, request: Omit<Operations['ListBaselines']['request'], 'Enable'>, enabled: boolean | undefined) {
  const page = readPage(request);
  const filter = {
    workspaceId: call.workspace.id,
    types: readWords('BaselineTypes', request.BaselineTypes),
    ownerId: readOptionalId('Owner', request.Owner),
    priorities: readPriorities(request.Priority),
    search: request.SearchText === undefined ? undefined : checkText('SearchText', request.SearchText, 128),
    enabled,
  };
  return { page, ...(await listBaselines(call.db, filter, page)) };
}

export function baselineOperations(services: Services): Handlers<Operations> {
  const { baselines, history } = services;

  async function statusOf(call: Call, request: Named & { Bizdate: string; InGroupId: number }): Promise<StatusRow> {
    const status = await findStatus(call.db, request.BaselineId, history.bizdateOf(readInstant('Bizdate', request.Bizdate)), request.InGroupId);
    if (status === undefined) throw notFound('BaselineStatus', `${request.Bizdate} ${request.InGroupId}`, 'status of the baseline for the business date and cycle');
    return status;
  }

  async function nodesOf(call: Call, request: Named) {
    const baseline = await baselineOf(call, request);
    const tasks = await history.tasks(call.db, call.tenantId, baseline.node_ids);
    return { Data: tasks.map((task) => ({ NodeId: task.task_id, NodeName: task.name, Owner: String(task.owner_id), ProjectId: task.workspace_id })), HttpStatusCode: 200, Success: 'true' };
  }

  return {
    CreateBaseline: {
      access: inProject('operate'),
      async handle(call, request) {
        const draft = {
          name: request.BaselineName,
          type: readWord('BaselineType', request.BaselineType, types),
          owner_id: readId('Owner', request.Owner),
          priority: request.Priority,
          enabled: true,
          alert_enabled: true,
          margin_minutes: request.AlertMarginThreshold ?? 0,
          overtime: readOvertime(request.OvertimeSettings),
          node_ids: [...new Set(readIdList('NodeIds', request.NodeIds ?? ''))],
          alert_settings: [],
        };
        return call.change(async (change) => ({ Data: await baselines.create(change, call.workspace.id, draft), ...success }));
      },
    },
    UpdateBaseline: {
      access: onBaseline('operate'),
      async handle(call, request) {
        const added = readIdList('NodeIds', request.NodeIds ?? '');
        const removed = new Set(readIdList('RemoveNodeIds', request.RemoveNodeIds ?? ''));
        await call.change((change) =>
          baselines.update(change, call.workspace.id, request.BaselineId, (before) => ({
            name: request.BaselineName ?? before.name,
            type: request.BaselineType === undefined ? before.type : readWord('BaselineType', request.BaselineType, types),
            owner_id: readOptionalId('Owner', request.Owner) ?? before.owner_id,
            priority: request.Priority ?? before.priority,
            enabled: request.Enabled ?? before.enabled,
            alert_enabled: request.AlertEnabled ?? before.alert_enabled,
            margin_minutes: request.AlertMarginThreshold ?? before.margin_minutes,
            overtime: request.OvertimeSettings === undefined ? before.overtime : readOvertime(request.OvertimeSettings),
            node_ids: [...new Set([...before.node_ids, ...added])].filter((node) => !removed.has(node)),
            alert_settings: mergeSettings(before.alert_settings, request.AlertSettings),
          })),
        );
        return { Data: true, ...success };
      },
    },
    DeleteBaseline: {
      access: onBaseline('operate'),
      async handle(call, request) {
        await call.change((change) => baselines.remove(change, call.workspace.id, request.BaselineId));
        return { Data: true, ...success };
      },
    },
    GetBaseline: {
      access: onBaseline('read'),
      async handle(call, request) {
        const baseline = await baselineOf(call, request);
        const AlertSettings = (await shownSettings(services, call, baseline.alert_settings)).map(({ AlertMethods, TopicTypes, DingRobots, Webhooks, ...setting }) => ({
          ...setting,
          AlertMethods: [...(AlertMethods ?? [])],
          TopicTypes: [...(TopicTypes ?? [])],
          DingRobots: [...(DingRobots ?? [])],
          Webhooks: [...(Webhooks ?? [])],
        }));
        return { Data: { ...shownBaseline(baseline), NodeIds: [...baseline.node_ids], AlertSettings }, ...success };
      },
    },
    GetBaselineConfig: {
      access: onBaseline('read'),
      handle: async (call, request) => ({ Data: shownConfig(await baselineOf(call, request)), ...success }),
    },
    GetBaselineStatus: {
      access: onBaseline('read'),
      async handle(call, request) {
        const baseline = await baselineOf(call, request);
        const status = await statusOf(call, request);
        const wanted = [status.last_instance_id, status.block_instance_id].flatMap((id) => id ?? []);
        const found = new Map((await history.instances(call.db, call.tenantId, wanted)).map((instance) => [instance.id, instance]));
        const shown = (id: number | null) => {
          const instance = found.get(id ?? 0);
          return instance === undefined ? undefined : shownInstance(instance, status.path.find((step) => step.id === id));
        };
        const [last, block] = [shown(status.last_instance_id), shown(status.block_instance_id)];
        return {
          Data: {
            ...shownStatus(status),
            BaselineName: baseline.name,
            Owner: String(baseline.owner_id),
            Priority: baseline.priority,
            ...(last === undefined ? {} : { LastInstance: last }),
            ...(block === undefined ? {} : { BlockInstance: block }),
          },
          ...success,
        };
      },
    },
    GetBaselineKeyPath: {
      access: onBaseline('read'),
      async handle(call, request) {
        const status = await statusOf(call, request);
        const ids = status.path.map(({ id }) => id);
        const found = new Map((await history.instances(call.db, call.tenantId, ids)).map((instance) => [instance.id, instance]));
        const topics = Map.groupBy(await topicsOfInstances(call.db, ids), (topic) => topic.instance_id);
        const Data = status.path.flatMap((step) => {
          const instance = found.get(step.id);
          if (instance === undefined) return [];
          const run = {
            AbsTime: instance.trigger_time.getTime(),
            BeginCast: step.begin,
            EndCast: step.end,
            Status: instanceStates[instance.status].legacy,
            ...moment('BeginWaitTimeTime', instance.begin_wait_time_at),
            ...moment('BeginWaitResTime', instance.begin_wait_resource_at),
            ...moment('BeginRunningTime', instance.begin_running_at),
            ...moment('FinishTime', instance.finished_at),
          };
          return [
            {
              InstanceId: instance.id,
              NodeId: instance.task_id ?? 0,
              NodeName: instance.name,
              Owner: String(instance.owner_id),
              ProjectId: instance.workspace_id,
              PrgType: instance.file_type,
              Bizdate: instance.bizdate.getTime(),
              InGroupId: instance.period_number,
              Runs: [run],
              Topics: (topics.get(instance.id) ?? []).map((topic) => ({ TopicId: topic.id, TopicName: topicName(topic), InstanceId: topic.instance_id, AddTime: topic.added_at.getTime() })),
            },
          ];
        });
        return { Data, ...success };
      },
    },
    GetNodeOnBaseline: { access: onBaseline('read'), handle: nodesOf },
    ListNodesByBaseline: { access: onBaseline('read'), handle: nodesOf },
    ListBaselines: {
      access: inProject('read'),
      async handle(call, request) {
        const { page, rows, total } = await listed(call, request, request.Enable);
        // In this answer the counters are texts.
        return { Data: { Baselines: rows.map(shownBaseline), PageNumber: String(page.number), PageSize: String(page.size), TotalCount: String(total) }, ...success };
      },
    },
    ListBaselineConfigs: {
      access: inProject('read'),
      async handle(call, request) {
        const { page, rows, total } = await listed(call, request, request.Useflag);
        return { Data: { Baselines: rows.map(shownConfig), ...pageCounters(page, total) }, ...success };
      },
    },
    ListBaselineStatuses: {
      access: { level: 'tenant', right: 'member' },
      async handle(call, request) {
        const page = readPage(request);
        const { rows, total } = await listStatuses(
          call.db,
          {
            tenantId: call.tenantId,
            workspaceIds: await readableWorkspaces(services, call),
            bizdate: history.bizdateOf(readInstant('Bizdate', request.Bizdate)),
            types: readWords('BaselineTypes', request.BaselineTypes),
            finish: readWords('FinishStatus', request.FinishStatus),
            ownerId: readOptionalId('Owner', request.Owner),
            priorities: readPriorities(request.Priority),
            search: request.SearchText === undefined ? undefined : checkText('SearchText', request.SearchText, 128),
            statuses: readWords('Status', request.Status),
            topicId: request.TopicId,
          },
          page,
        );
        const BaselineStatuses = rows.map((row) => ({ ...shownStatus(row), BaselineName: row.name, BaselineType: row.type, Owner: String(row.owner_id), Priority: row.priority }));
        return { Data: { BaselineStatuses, ...pageCounters(page, total) }, ...success };
      },
    },
  };
}
