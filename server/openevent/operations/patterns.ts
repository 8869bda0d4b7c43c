import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { recentEvents } from '../log-store.ts';
import { compilePattern, eventView, parseEventPattern, PatternError, type MatchEvent, type Pattern } from '../patterns/index.ts';
import { sightOf } from '../visibility.ts';
import type { OpenEventContext } from './context.ts';

/** How many real events a pattern is tried on. */
const TRIED_EVENTS = 100;

/** Reads a pattern of a request. Throws InvalidParameter, which names the parameter, the place of the fault and what is allowed there. */
export function readPattern(text: string, parameter = 'EventPattern'): Pattern {
  try {
    return parseEventPattern(text);
  } catch (error) {
    throw error instanceof PatternError ? invalid(parameter, error.message) : error;
  }
}

/** An event as somebody writes it down to try a pattern on. */
function readSample(text: string): Readonly<Record<string, unknown>> {
  let sample: unknown;
  try {
    sample = JSON.parse(text);
  } catch {
    throw invalid('Event', 'it is not JSON');
  }
  if (typeof sample !== 'object' || sample === null || Array.isArray(sample)) throw invalid('Event', 'it must be an object, an event as it is delivered');
  if (deeperThan(sample, limits.parameterNesting.value)) throw invalid('Event', `it is nested deeper than ${limits.parameterNesting.value} levels`);
  const { 'detail-type': type, detail: data, account, ...rest } = sample as Record<string, unknown>;
  return { ...rest, type: rest['type'] ?? type, data: rest['data'] ?? data, aliyunaccountid: rest['aliyunaccountid'] ?? account };
}

function deeperThan(value: object, levels: number): boolean {
  return levels === 0 || Object.values(value).some((inner: unknown) => typeof inner === 'object' && inner !== null && deeperThan(inner, levels - 1));
}

/** Trying a pattern before it is used. */
export function patternOperations(context: OpenEventContext): Pick<Handlers<Operations>, 'TestEventPattern'> {
  async function recent(call: Call, workspaceId: number | undefined, matches: MatchEvent) {
    const sight = sightOf(call, context.directory);
    if (workspaceId !== undefined && !(await sight.workspace(workspaceId))) throw new ApiError('WorkspaceNotFound', { id: workspaceId });
    const events = await recentEvents(call.db, call.tenantId, workspaceId, TRIED_EVENTS * (sight.all ? 1 : 5));
    const seen = await Promise.all(events.map((event) => sight.workspace(event.workspaceId)));
    const tried = events.filter((_, index) => seen[index]).slice(0, TRIED_EVENTS);
    const matched = tried.filter((event) => matches(eventView(event)));
    return {
      CheckedCount: tried.length,
      MatchedCount: matched.length,
      MatchedEvents: matched.map((event) => ({ EventId: event.eventId, Type: event.type, EventCode: event.code, ProjectId: event.workspaceId, ObjectKey: event.objectKey, Time: event.occurredAt.getTime() })),
    };
  }

  return {
    TestEventPattern: {
      access: inTenant('member'),
      async handle(call, request) {
        const matches = compilePattern(readPattern(request.EventPattern));
        const sample = request.Event === undefined ? undefined : readSample(request.Event);
        return { Matched: sample === undefined ? undefined : matches(sample), ...(await recent(call, request.ProjectId, matches)) };
      },
    },
  };
}
