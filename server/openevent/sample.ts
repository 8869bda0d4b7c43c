import type { EventType } from '../../contract/index.ts';
import { payloadSchemaOf } from './catalogue.ts';
import type { LogEvent } from './log.ts';

interface PropertySchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
}

/** A made-up value that fits a property of a payload schema. */
function sampleValue(schema: PropertySchema): unknown {
  if (schema.enum !== undefined && schema.enum.length > 0) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return false;
  if (type === 'array') return [];
  if (type === 'object') return {};
  return 'sample';
}

/** An event of the type that never happened, for trying out a subscription. Its object key and operator say so; it is in no log. */
export function sampleEvent(type: EventType, place: { tenantId: number; workspaceId: number | undefined; eventId: string; now: Date }): LogEvent {
  const properties = (payloadSchemaOf.get(type.payload)?.['properties'] ?? {}) as Record<string, PropertySchema>;
  const data: Record<string, unknown> = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, sampleValue(schema)]));
  const workspaceId = place.workspaceId ?? 0;
  data[type.workspaceField] = type.workspaceField === 'queryDwProjectId' ? String(workspaceId) : workspaceId;
  return {
    position: 0,
    id: 0,
    eventId: place.eventId,
    tenantId: place.tenantId,
    workspaceId: place.workspaceId,
    code: type.eventCode,
    type: type.type,
    objectKey: 'sample',
    data: { ...data, tenantId: place.tenantId, eventCode: type.eventCode },
    occurredAt: place.now,
    actorId: 0,
    requestId: undefined,
  };
}
