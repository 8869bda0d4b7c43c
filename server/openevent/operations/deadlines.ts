import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Call, Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import * as store from '../deadlines/store.ts';
import { isTimeZone, nextWindow, readTime } from '../deadlines/zone.ts';
import { beginning, type Cursor } from '../log.ts';
import { compilePattern, eventView, typesOf } from '../patterns/index.ts';
import { sightOf } from '../visibility.ts';
import type { OpenEventContext } from './context.ts';
import { readPattern } from './patterns.ts';

type Actions = `${'Create' | 'Get' | 'Update' | 'Delete' | 'Enable' | 'Disable'}EventDeadline` | 'ListEventDeadlines';

function show(row: store.DeadlineRow) {
  return {
    DeadlineId: row.id,
    Name: row.name,
    Kind: row.kind === 'daily' ? 'Daily' : 'After',
    EventPattern: row.pattern,
    TriggerPattern: row.trigger_pattern ?? undefined,
    DueTime: row.due_time ?? undefined,
    WindowStartTime: row.window_start ?? undefined,
    TimeZone: row.time_zone,
    WithinMinutes: row.within_minutes ?? undefined,
    CorrelationPath: row.correlation ?? undefined,
    ProjectId: row.workspace_id ?? undefined,
    Enabled: row.enabled,
    NextDueTime: row.enabled ? row.due_at?.getTime() : undefined,
    LastMissedTime: row.last_missed_at?.getTime(),
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

/** What a request says of a deadline, checked; without what follows from the moment. */
type Wanted = Pick<store.DeadlineRow, 'workspace_id' | 'name' | 'kind' | 'pattern' | 'trigger_pattern' | 'due_time' | 'window_start' | 'time_zone' | 'within_minutes' | 'correlation' | 'enabled'>;

/** Throws the ApiError that names what is wrong. */
function check(wanted: Wanted): Wanted {
  if (wanted.name.trim() === '') throw invalid('Name', 'it is empty');
  readPattern(wanted.pattern);
  if (!isTimeZone(wanted.time_zone)) throw invalid('TimeZone', 'it must be the name of a time zone such as Asia/Shanghai');
  if (wanted.kind === 'daily') {
    if (wanted.due_time === null) throw missing('DueTime');
    const due = readTime(wanted.due_time);
    const start = readTime(wanted.window_start ?? '00:00');
    if (due === undefined) throw invalid('DueTime', 'it must be a time of day such as 06:00');
    if (start === undefined) throw invalid('WindowStartTime', 'it must be a time of day such as 00:00');
    if (start >= due) throw invalid('WindowStartTime', 'it must be earlier than DueTime');
    return { ...wanted, trigger_pattern: null, within_minutes: null, correlation: null };
  }
  if (wanted.trigger_pattern === null) throw missing('TriggerPattern');
  if (wanted.within_minutes === null) throw missing('WithinMinutes');
  readPattern(wanted.trigger_pattern, 'TriggerPattern');
  if (wanted.correlation !== null && !/^[\w-]+(\.[\w-]+)*$/.test(wanted.correlation)) throw invalid('CorrelationPath', 'it must be the path of a field such as data.nodeId');
  return { ...wanted, due_time: null, window_start: null };
}

/** Deadlines: told of what has not happened. */
export function deadlineOperations(context: OpenEventContext & { readonly timeZone: string }): Pick<Handlers<Operations>, Actions> {
  const { clock, directory, events, timeZone } = context;

  async function checkWorkspace(call: Call, id: number | undefined): Promise<number | null> {
    if (id === undefined) return null;
    const workspace = await directory.find(call.tenantId, id);
    if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id });
    return workspace.id;
  }

  /**
   * From when on a deadline counts: now, save that a daily one knows what has happened earlier in the window that is open. Reads outside of any
   * change; what happens meanwhile comes after the place it answers.
   */
  async function begin(call: Call, wanted: Wanted): Promise<Pick<store.DeadlineSettings, 'since_position' | 'since_row_id' | 'window_from' | 'due_at' | 'satisfied'>> {
    const now = clock.now();
    if (wanted.kind === 'after') {
      const end = await events.end();
      return { since_position: end.position, since_row_id: end.id, window_from: null, due_at: null, satisfied: false };
    }
    const window = nextWindow(now, wanted.due_time ?? '', wanted.window_start ?? '00:00', wanted.time_zone);
    const pattern = readPattern(wanted.pattern);
    const matches = compilePattern(pattern);
    let cursor: Cursor = beginning;
    let satisfied = false;
    for (let more = true; more; ) {
      const page = await events.read(cursor, limits.eventReadBatch.value, { tenantId: call.tenantId, types: typesOf(pattern), workspaceId: wanted.workspace_id ?? undefined, from: window.from, to: window.due });
      satisfied ||= page.events.some((event) => matches(eventView(event)));
      cursor = page.cursor;
      more = page.more;
    }
    return { since_position: cursor.position, since_row_id: cursor.id, window_from: window.from, due_at: window.due, satisfied };
  }

  function taken(error: unknown, name: string): unknown {
    return isUniqueViolation(error, 'event_deadline_name') ? new ApiError('AlreadyExists', { kind: 'EventDeadline', label: 'deadline', id: name }) : error;
  }

  async function create(call: Call, request: Operations['CreateEventDeadline']['request']) {
    const wanted = check({
      workspace_id: await checkWorkspace(call, request.ProjectId),
      name: request.Name.trim(),
      kind: request.Kind === 'Daily' ? 'daily' : 'after',
      pattern: request.EventPattern,
      trigger_pattern: request.TriggerPattern ?? null,
      due_time: request.DueTime ?? null,
      window_start: request.WindowStartTime ?? '00:00',
      time_zone: request.TimeZone ?? timeZone,
      within_minutes: request.WithinMinutes ?? null,
      correlation: request.CorrelationPath ?? null,
      enabled: request.Enabled ?? true,
    });
    const start = await begin(call, wanted);
    return call
      .change(async (change) => {
        if ((await store.lockDeadlines(change, call.tenantId)) >= limits.eventDeadlinesPerTenant.value) {
          throw new ApiError('TooMany', { kind: 'EventDeadline', label: 'deadlines of a tenant', limit: limits.eventDeadlinesPerTenant.value });
        }
        await store.readFrom(change, call.tenantId, { position: start.since_position, id: start.since_row_id });
        const id = await store.insertDeadline(change, { ...wanted, ...start, tenant_id: call.tenantId, created_by: call.caller.userId }, change.now);
        change.touch(`deadline:${id}`);
        return { DeadlineId: id };
      })
      .catch((error: unknown) => {
        throw taken(error, wanted.name);
      });
  }

  async function change(call: Call, id: number, next: (row: store.DeadlineRow) => Partial<Wanted>) {
    const before = await store.findDeadline(call.db, call.tenantId, id);
    if (before === undefined) throw notFound('EventDeadline', id, 'deadline');
    const start = await begin(call, check({ ...before, ...next(before) }));
    return call
      .change(async (write) => {
        await store.readFrom(write, call.tenantId, { position: start.since_position, id: start.since_row_id });
        const row = await store.lockDeadline(write, call.tenantId, id);
        if (row === undefined) throw notFound('EventDeadline', id, 'deadline');
        const { last_missed_at: _missed, ...settings } = row;
        await store.updateDeadline(write, id, { ...settings, ...check({ ...row, ...next(row) }), ...start }, write.now);
        write.touch(`deadline:${id}`);
        return {};
      })
      .catch((error: unknown) => {
        throw taken(error, String(id));
      });
  }

  const writes = { level: 'tenant', right: 'write-open-platform' } as const;
  const reads = { level: 'tenant', right: 'member' } as const;

  return {
    CreateEventDeadline: { access: writes, handle: create },
    UpdateEventDeadline: {
      access: writes,
      async handle(call, request) {
        const workspaceId = await checkWorkspace(call, request.ProjectId);
        return change(call, request.DeadlineId, (row) => ({
          workspace_id: workspaceId ?? row.workspace_id,
          name: request.Name?.trim() ?? row.name,
          pattern: request.EventPattern ?? row.pattern,
          trigger_pattern: request.TriggerPattern ?? row.trigger_pattern,
          due_time: request.DueTime ?? row.due_time,
          window_start: request.WindowStartTime ?? row.window_start,
          time_zone: request.TimeZone ?? row.time_zone,
          within_minutes: request.WithinMinutes ?? row.within_minutes,
          correlation: request.CorrelationPath ?? row.correlation,
        }));
      },
    },
    EnableEventDeadline: { access: writes, handle: (call, request) => change(call, request.DeadlineId, () => ({ enabled: true })) },
    DisableEventDeadline: { access: writes, handle: (call, request) => change(call, request.DeadlineId, () => ({ enabled: false })) },
    DeleteEventDeadline: {
      access: writes,
      handle: (call, request) =>
        call.change(async (write) => {
          const row = await store.lockDeadline(write, call.tenantId, request.DeadlineId);
          if (row === undefined) throw notFound('EventDeadline', request.DeadlineId, 'deadline');
          await store.deleteDeadline(write, row.id);
          write.touch(`deadline:${row.id}`);
          return {};
        }),
    },
    GetEventDeadline: {
      access: reads,
      async handle(call, request) {
        const row = await store.findDeadline(call.db, call.tenantId, request.DeadlineId);
        if (row === undefined || !(await sightOf(call, directory).workspace(row.workspace_id ?? undefined))) throw notFound('EventDeadline', request.DeadlineId, 'deadline');
        return { Deadline: show(row) };
      },
    },
    ListEventDeadlines: {
      access: reads,
      async handle(call, request) {
        const page = readPage(request);
        const sight = sightOf(call, directory);
        const rows = await store.listDeadlines(call.db, call.tenantId, request.ProjectId);
        const seen = await Promise.all(rows.map((row) => sight.workspace(row.workspace_id ?? undefined)));
        const visible = rows.filter((_, index) => seen[index]);
        return { PagingInfo: { ...pageCounters(page, visible.length), Deadlines: visible.slice(page.offset, page.offset + page.size).map(show) } };
      },
    },
  };
}
