import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, type Call, type Handlers } from '../../../kernel/operation.ts';
import { addDays, instantOf, readWallTime, startOfDay, wallTimeOf } from '../calendar.ts';
import { commandCounts, dayCounts, instanceStatistic, longestRuns, mostFailures, successesByHour } from '../statistic-store.ts';
import type { DagType, TaskType } from '../states.ts';
import { readEnvironment, type Services } from './shared.ts';

const dagTypesByName: Readonly<Record<string, DagType>> = { MANUAL: 'Manual', SMOKE_TEST: 'SmokeTest', SUPPLY_DATA: 'SupplementData', BUSINESS_PROCESS_DAG: 'ManualWorkflow' };
const taskTypesByName: Readonly<Record<string, readonly TaskType[]>> = { NORMAL: ['NORMAL'], MANUAL: ['MANUAL'], PAUSE: ['PAUSE'], SKIP: ['SKIP', 'SKIP_UNCHOOSE', 'SKIP_CYCLE'] };
const periodsByName: Readonly<Record<string, 'minute' | 'hour' | 'day' | 'week' | 'month'>> = { MINUTE: 'minute', HOUR: 'hour', DAY: 'day', WEEK: 'week', MONTH: 'month' };

/** How far back the ranks look. */
const RANK_DAYS = 30;
/** Most days of a trend. */
const TREND_DAYS = 366;

function named<Value>(name: string, text: string | undefined, known: Readonly<Record<string, Value>>): Value | undefined {
  if (text === undefined || text === '') return undefined;
  const found = known[text];
  if (found === undefined || !Object.hasOwn(known, text)) throw invalid(name, `it must be one of ${Object.keys(known).join(', ')}`);
  return found;
}

/** Statistics of the Operation Center in API 2020-05-18. Days are business dates. */
export function statisticOperations(services: Services): Handlers<Operations> {
  const { timeZone } = services;

  /** The instant of 00:00 of a day, given as `yyyy-MM-dd`, with or without a time and a zone. */
  function readDay(name: string, text: string): Date {
    const wall = readWallTime(text.slice(0, 10));
    if (wall === undefined || !/^\d{4}-\d{2}-\d{2}(?:$|[T ])/.test(text)) throw invalid(name, 'it must be a day such as 2026-03-21, or 2026-03-21T00:00:00+0800');
    return instantOf(startOfDay(wall), timeZone);
  }

  async function statusCount(call: Call, request: { BizDate: string; ProjectEnv: string; DagType?: string | undefined; SchedulerType?: string | undefined; SchedulerPeriod?: string | undefined }) {
    const counts = await instanceStatistic(call.db, {
      workspaceId: call.workspace.id,
      environment: readEnvironment(request.ProjectEnv),
      bizdate: readDay('BizDate', request.BizDate),
      dagType: named('DagType', request.DagType, dagTypesByName),
      taskTypes: named('SchedulerType', request.SchedulerType, taskTypesByName),
      period: named('SchedulerPeriod', request.SchedulerPeriod, periodsByName),
    });
    const of = (...states: Parameters<typeof counts.get>[0][]) => states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
    return {
      StatusCount: {
        TotalCount: [...counts.values()].reduce((sum, count) => sum + count, 0),
        NotRunCount: of('NotRun', 'CheckingCondition'),
        WaitTimeCount: of('WaitTime', 'WaitTrigger'),
        WaitResCount: of('WaitResource'),
        RunningCount: of('Running', 'Checking'),
        FailureCount: of('Failure'),
        SuccessCount: of('Success'),
      },
    };
  }

  async function amounts(call: Call, request: { BeginDate: string; EndDate: string }) {
    const from = readDay('BeginDate', request.BeginDate);
    const to = readDay('EndDate', request.EndDate);
    if (to < from) throw invalid('EndDate', 'it lies before BeginDate');
    if (to.getTime() - from.getTime() > TREND_DAYS * 86_400_000) throw invalid('EndDate', `at most ${TREND_DAYS} days may be asked for`);
    return { InstanceCounts: (await dayCounts(call.db, call.workspace.id, from, to)).map((row) => ({ Date: row.bizdate.getTime(), Count: row.count })) };
  }

  /** Instances that had succeeded by each hour: today, yesterday, and on the average of the last 30 days. */
  async function trend(call: Call) {
    const today = startOfDay(wallTimeOf(call.clock.now(), timeZone));
    const day = (shift: number) => instantOf(addDays(today, shift), timeZone);
    const rows = await successesByHour(call.db, call.workspace.id, day(-RANK_DAYS), day(1), timeZone);
    const text = (shift: number) => addDays(today, shift).toISOString().slice(0, 10);
    const points = (count: (hour: number) => number) => Array.from({ length: 24 }, (_, hour) => ({ TimePoint: `${String(hour).padStart(2, '0')}:00`, Count: count(hour) }));
    const upTo = (date: string) => (hour: number) => rows.filter((row) => row.day === date && row.hour <= hour).reduce((sum, row) => sum + row.count, 0);
    const days = new Set(rows.filter((row) => row.day < text(0)).map((row) => row.day));
    const average = (hour: number) => (days.size === 0 ? 0 : Math.round([...days].reduce((sum, date) => sum + upTo(date)(hour), 0) / days.size));
    return { InstanceStatusTrend: { TodayTrend: points(upTo(text(0))), YesterdayTrend: points(upTo(text(-1))), AvgTrend: points(average) } };
  }

  const since = (call: Call) => new Date(call.clock.now().getTime() - RANK_DAYS * 86_400_000);

  async function types(call: Call, request: { ProjectEnv: string }) {
    return { ProgramTypeAndCounts: (await commandCounts(call.db, call.workspace.id, readEnvironment(request.ProjectEnv))).map((row) => ({ ProgramType: String(row.file_type), Count: row.count })) };
  }

  const read = { access: inProject<{ ProjectId: number }>('read') };

  return {
    GetInstanceStatusStatistic: { access: inProject('read'), handle: statusCount },
    GetInstanceStatusCount: { access: inProject('read'), handle: statusCount },
    ListInstanceAmount: { access: inProject('read'), handle: amounts },
    GetInstanceCountTrend: { access: inProject('read'), handle: amounts },
    ListSuccessInstanceAmount: { ...read, handle: trend },
    GetSuccessInstanceTrend: { ...read, handle: trend },
    GetFileTypeStatistic: { access: inProject('read'), handle: types },
    ListProgramTypeCount: { access: inProject('read'), handle: types },
    TopTenElapsedTimeInstance: {
      ...read,
      async handle(call) {
        const now = call.clock.now();
        const rows = await longestRuns(call.db, call.workspace.id, { since: since(call) }, now);
        return {
          InstanceConsumeTimeRank: {
            UpdateTime: now.getTime(),
            ConsumeTimeRank: rows.map((row) => ({ InstanceId: row.id, ...(row.task_id === null ? {} : { NodeId: row.task_id }), NodeName: row.name, Owner: String(row.owner_id), ProgramType: row.file_type, BusinessDate: row.bizdate.getTime(), Consumed: row.seconds })),
          },
        };
      },
    },
    GetInstanceConsumeTimeRank: {
      access: inProject('read'),
      async handle(call, request) {
        const now = call.clock.now();
        const rows = await longestRuns(call.db, call.workspace.id, { bizdate: readDay('Bizdate', request.Bizdate) }, now);
        return {
          InstanceConsumeTimeRank: {
            UpdateTime: now.getTime(),
            ConsumeTimeRank: rows.map((row) => ({ InstanceId: row.id, ...(row.task_id === null ? {} : { NodeId: row.task_id }), NodeName: row.name, Owner: String(row.owner_id), PrgType: row.file_type, Bizdate: row.bizdate.getTime(), Consumed: row.seconds })),
          },
        };
      },
    },
    TopTenErrorTimesInstance: {
      ...read,
      async handle(call) {
        const rows = await mostFailures(call.db, call.workspace.id, since(call));
        return { InstanceErrorRank: { UpdateTime: call.clock.now().getTime(), ErrorRank: rows.map((row) => ({ NodeId: row.task_id, NodeName: row.name, Owner: String(row.owner_id), ProgramType: row.file_type, ProjectId: call.workspace.id, Count: row.count })) } };
      },
    },
    GetInstanceErrorRank: {
      ...read,
      async handle(call) {
        const rows = await mostFailures(call.db, call.workspace.id, since(call));
        return { InstanceErrorRank: { UpdateTime: call.clock.now().getTime(), ErrorRank: rows.map((row) => ({ NodeId: row.task_id, NodeName: row.name, Owner: String(row.owner_id), PrgType: row.file_type, ProjectId: call.workspace.id, Count: row.count })) } };
      },
    },
  };
}
