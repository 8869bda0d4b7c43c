import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { eventTypes as catalogue, payloadSchemaOf } from '../catalogue.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { beginning, type Cursor, type LogEvent } from '../log.ts';
import { sightOf } from '../visibility.ts';
import type { OpenEventContext } from './context.ts';

type Actions = 'ListEventTypes' | 'ListEvents' | 'GetEvent';

/** Pages of the log that one call reads at most, when most of what it finds may not be shown. */
const MOST_PAGES = 10;

function show(event: LogEvent) {
  return {
    EventId: event.eventId,
    Type: event.type,
    EventCode: event.code,
    ProjectId: event.workspaceId,
    ObjectKey: event.objectKey,
    Time: event.occurredAt.getTime(),
    Data: { ...event.data },
  };
}

/** Where a list begins: at the cursor `After` of a request, or at the first event. */
function readCursor(text: string | undefined): Cursor {
  return text === undefined || text === '' ? beginning : decodeCursor(text, 'After');
}

/** The catalogue and the log, for people and for programs that pull. */
export function eventOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { directory, events, wrap, clock } = context;

  async function list(call: Call, request: Operations['ListEvents']['request']) {
    const most = request.MaxResults ?? 10;
    const sight = sightOf(call, directory);
    if (request.ProjectId !== undefined && !(await sight.workspace(request.ProjectId))) throw new ApiError('WorkspaceNotFound', { id: request.ProjectId });
    const filter = {
      tenantId: call.tenantId,
      types: request.Types,
      workspaceId: request.ProjectId,
      objectKey: request.ObjectKey,
      from: moment(request.StartTime, 'StartTime'),
      to: moment(request.EndTime, 'EndTime'),
    };
    const found: LogEvent[] = [];
    let cursor = readCursor(request.After);
    let more = true;
    for (let pages = 0; pages < MOST_PAGES && more && found.length < most; pages += 1) {
      // As many as still fit: what is seen and not shown must not be skipped by the cursor.
      const page = await events.read(cursor, most - found.length, filter);
      const visible = await Promise.all(page.events.map((event) => sight.workspace(event.workspaceId)));
      found.push(...page.events.filter((_, index) => visible[index]));
      cursor = page.cursor;
      more = page.more;
    }
    return { PagingInfo: { Events: found.map(show), Cursor: encodeCursor(cursor), HasMore: more, MaxResults: most } };
  }

  return {
    ListEventTypes: {
      access: inTenant('member'),
      async handle(call, request) {
        const keyword = request.Keyword?.toLowerCase();
        const found = catalogue.filter(
          (type) =>
            (request.Module === undefined || type.module === request.Module) &&
            (request.Class === undefined || type.class === request.Class) &&
            (request.Level === undefined || type.level === request.Level) &&
            (keyword === undefined || [type.type, type.eventCode, type.name, type.nameZh].some((text) => text.toLowerCase().includes(keyword))),
        );
        return {
          EventTypes: found.map((type) => ({
            Type: type.type,
            EventCode: type.eventCode,
            Name: call.language === 'zh' ? type.nameZh : type.name,
            Module: type.module,
            Class: type.class,
            Level: type.level,
            Category: type.category,
            Trigger: type.trigger,
            FormerType: type.formerType,
            PayloadName: type.payload,
            Schema: { ...payloadSchemaOf.get(type.payload) },
          })),
        };
      },
    },

    ListEvents: { access: inTenant('member'), handle: list },

    GetEvent: {
      access: inTenant('member'),
      async handle(call, request) {
        const event = await events.find(request.EventId, call.tenantId);
        if (event === undefined || !(await sightOf(call, directory).workspace(event.workspaceId))) throw notFound('Event', request.EventId);
        return { Event: { ...show(event), Envelope: { ...(await wrap(event, clock.now())) } } };
      },
    },
  };
}

/** A time of a request, or undefined. Refuses what is no time at all. */
export function moment(milliseconds: number | undefined, name: 'StartTime' | 'EndTime' | 'Time'): Date | undefined {
  if (milliseconds === undefined) return undefined;
  // Beyond the years that PostgreSQL and JavaScript both know.
  if (Math.abs(milliseconds) > 100_000_000_000_000) throw invalid(name, 'it must be a time in milliseconds');
  return new Date(milliseconds);
}
