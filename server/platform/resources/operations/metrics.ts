import { invalid } from '../../../kernel/errors.ts';
import type { Call } from '../../../kernel/operation.ts';
import { readMoment } from '../../dialect.ts';
import { slotsOf } from '../groups.ts';
import type { GroupUsage } from '../interface.ts';
import type { GroupRow } from '../store.ts';

/** What a metric tells of the slots of a group and the runs in it. */
const metrics: Readonly<Record<string, (slots: number, running: number) => number>> = {
  CUSpec: (slots) => slots,
  SlotSpec: (slots) => slots,
  SchedulerCUMaxSpec: (slots) => slots,
  SchedulerCUMinSpec: () => 0,
  CUUsage: (_slots, running) => running,
  SlotUsage: (_slots, running) => running,
  SchedulerCUUsage: (_slots, running) => running,
  CUUtilization: (slots, running) => Math.round((running / slots) * 10_000) / 100,
};

const USES = new Set(['CUUsage', 'SlotUsage', 'SchedulerCUUsage', 'CUUtilization']);

const SERVICE_METRIC = /^(DataIntegration|DataService|ServerIde)CU(MaxSpec|MinSpec|Usage)$/;

/** What is known of the group at this moment, as one point, when the moment lies in the time asked for. Services that do not run here have no points. */
export async function readMetric(
  call: Call,
  group: GroupRow,
  request: { readonly MetricName: string; readonly BeginTime?: number | undefined; readonly EndTime?: number | undefined; readonly Period?: string | undefined },
  usage: GroupUsage | undefined,
): Promise<{ Timestamp: number; Value: number }[]> {
  const metric = Object.hasOwn(metrics, request.MetricName) ? metrics[request.MetricName] : undefined;
  if (metric === undefined) {
    if (SERVICE_METRIC.test(request.MetricName)) return [];
    throw invalid('MetricName', 'there is no such metric');
  }
  const seconds = Number(request.Period ?? '60');
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > 86_400) throw invalid('Period', 'it must be a number of seconds up to a day');
  const now = call.clock.now().getTime();
  const begin = request.BeginTime === undefined ? 0 : readMoment('BeginTime', request.BeginTime).getTime();
  const end = request.EndTime === undefined ? now : readMoment('EndTime', request.EndTime).getTime();
  const at = now - (now % (seconds * 1_000));
  if (begin > now || end < at) return [];
  const [load] = (await usage?.(call.db, [group.id])) ?? [];
  // Runs that name no group are not counted by tenant, so of the default group only the slots are known.
  if (group.is_default && load === undefined && USES.has(request.MetricName)) return [];
  return [{ Timestamp: at, Value: metric(slotsOf(group.spec), load?.running ?? 0) }];
}
