import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import type { Call } from '../../kernel/operation.ts';
import { readScope } from '../buses/store.ts';
import { eventTypeByType } from '../catalogue.ts';
import type { LogEvent, ReadFilter } from '../log.ts';
import { compilePattern, eventView } from '../patterns/index.ts';
import { readPattern } from '../operations/patterns.ts';
import { sightOf } from '../visibility.ts';

/** What a program that follows the log asks for. */
export interface SelectionRequest {
  readonly Types?: readonly string[] | undefined;
  readonly ProjectId?: number | undefined;
  readonly EventPattern?: string | undefined;
  readonly EventBusName?: string | undefined;
}

/** Which events somebody gets: what was asked for, of what the caller may see. */
export interface Selection {
  readonly filter: ReadFilter;
  /** Those of a page that fit, in their order. */
  pick(events: readonly LogEvent[]): Promise<LogEvent[]>;
}

/** Throws the ApiError for a request that cannot be. Holds for the rights and channels of this moment. */
export async function selectionOf(call: Call, directory: WorkspaceDirectory, request: SelectionRequest): Promise<Selection> {
  const sight = sightOf(call, directory);
  const unknown = request.Types?.find((type) => !eventTypeByType.has(type));
  if (unknown !== undefined) throw invalid('Types', `there is no event type ${unknown}; ListEventTypes tells all`);
  if (request.ProjectId !== undefined) {
    const workspace = await directory.find(call.tenantId, request.ProjectId);
    if (workspace === undefined || !(await sight.workspace(workspace.id))) throw new ApiError('WorkspaceNotFound', { id: request.ProjectId });
  }
  const matches = request.EventPattern === undefined ? undefined : compilePattern(readPattern(request.EventPattern));
  const scope = request.EventBusName === undefined ? undefined : await readScope(call.db, call.tenantId, request.EventBusName);
  if (request.EventBusName !== undefined && scope === undefined) throw notFound('EventBus', request.EventBusName, 'event bus');
  return {
    filter: { tenantId: call.tenantId, types: request.Types, workspaceId: request.ProjectId },
    async pick(events) {
      const fitting = events.filter((event) => (scope === undefined || scope.includes(event.workspaceId ?? 0)) && (matches === undefined || matches(eventView(event))));
      const seen = await Promise.all(fitting.map((event) => sight.workspace(event.workspaceId)));
      return fitting.filter((_, index) => seen[index]);
    },
  };
}
