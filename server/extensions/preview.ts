import { eventByCode } from '../../contract/events.ts';
import type { ContractOperations } from '../../contract/generated/index.ts';
import { limits } from '../kernel/limits.ts';
import type { Cursor, EventLog, LogEvent } from '../openevent/index.ts';
import { inScope } from './scope.ts';
import type { ExtensionRow } from './store.ts';

type Preview = NonNullable<ContractOperations['open-platform/2026-12-01']['PreviewExtensionScope']['response']['Preview']>;

const SAMPLES = 10;

/** What the extension would have checked in a time that has passed: every operation at its points has left an event, held or not. */
export async function previewScope(history: Pick<EventLog, 'read'>, extension: ExtensionRow, tenantId: number, workspaceId: number | null, pattern: object | null, time: { from: Date; to: Date }): Promise<Preview> {
  const level = workspaceId === null ? 'tenant' : 'workspace';
  const points = extension.events.flatMap((code) => eventByCode.get(code) ?? []).filter((point) => point.level === level);
  const byType = new Map(points.map((point) => [point.type, point]));
  const samples: LogEvent[] = [];
  let operations = 0;
  let matched = 0;
  let more = points.length > 0;
  let cursor: Cursor = { position: 0, id: 0 };
  while (more && operations < limits.scopePreviewEvents.value) {
    const page = await history.read(cursor, limits.eventReadBatch.value, { tenantId, types: [...byType.keys()], ...(workspaceId === null ? {} : { workspaceId }), from: time.from, to: time.to });
    for (const event of page.events) {
      const type = byType.get(event.type);
      if (type === undefined) continue;
      operations += 1;
      if (!inScope(pattern, type, { ...event, now: event.occurredAt, userId: event.actorId })) continue;
      matched += 1;
      samples.push(event);
      if (samples.length > SAMPLES) samples.shift();
    }
    ({ cursor, more } = page);
  }
  return {
    Operations: operations,
    Matched: matched,
    Truncated: more,
    Samples: samples.toReversed().map((event) => ({ MessageId: event.eventId, EventCode: event.code, Operator: String(event.actorId), Time: event.occurredAt.getTime() })),
  };
}
