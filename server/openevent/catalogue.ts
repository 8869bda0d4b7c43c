import { eventByCode, eventByType, events, payloadSchemas, type EventType, type PayloadSchema } from '../../contract/index.ts';

/** The name of the payload below. */
const DEADLINE_PAYLOAD = 'M1';

/** Events that are ours: they stand beside the vendor's catalogue, not in it. */
export const ownEvents: readonly EventType[] = [
  {
    eventCode: 'deadline-missed',
    type: 'millrace:Deadline:Missed',
    class: 'R',
    level: 'workspace',
    module: 'Open Platform',
    category: 'deadline',
    payload: DEADLINE_PAYLOAD,
    workspaceField: 'projectId',
    name: 'Deadline missed',
    nameZh: '期限已过',
    trigger: 'Something that was expected by a deadline has not happened.',
  },
];

const ownSchemas: ReadonlyMap<string, PayloadSchema> = new Map([
  [
    DEADLINE_PAYLOAD,
    {
      title: 'A deadline was missed',
      type: 'object',
      required: ['tenantId', 'eventCode', 'deadlineId', 'deadlineName', 'dueTime'],
      properties: {
        deadlineId: { type: 'integer' },
        deadlineName: { type: 'string' },
        kind: { type: 'string', enum: ['Daily', 'After'] },
        projectId: { type: 'integer', description: 'The workspace; absent for a deadline over the whole tenant.' },
        dueTime: { type: 'integer', description: 'Epoch milliseconds.' },
        windowStartTime: { type: 'integer', description: 'Epoch milliseconds; from when on the expected event counted.' },
        businessDate: { type: 'string', description: 'yyyy-MM-dd, the day before the day of a daily deadline, in its time zone.' },
        triggerEventId: { type: 'string', description: 'The event after which something was expected.' },
        correlation: { type: 'string', description: 'The value that trigger and expected event share.' },
        tenantId: { type: 'integer' },
        eventCode: { type: 'string' },
      },
    },
  ],
]);

/** The vendor's events and ours. */
export const eventTypes: readonly EventType[] = [...events, ...ownEvents];

export const eventTypeByType: ReadonlyMap<string, EventType> = new Map([...eventByType, ...ownEvents.map((event) => [event.type, event] as const)]);

export const eventTypeByCode: ReadonlyMap<string, EventType> = new Map([...eventByCode, ...ownEvents.map((event) => [event.eventCode, event] as const)]);

/** The JSON Schema of each payload. */
export const payloadSchemaOf: ReadonlyMap<string, PayloadSchema> = new Map([...payloadSchemas, ...ownSchemas]);
