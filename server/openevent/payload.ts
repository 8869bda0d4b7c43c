import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { EventType } from '../../contract/index.ts';
import type { StoredEvent } from '../kernel/change.ts';
import { limits } from '../kernel/limits.ts';
import { eventTypeByCode, payloadSchemaOf } from './catalogue.ts';

/** An event that may be written: known, complete, of bearable size. */
export interface CheckedEvent {
  readonly event: StoredEvent;
  readonly type: EventType;
  /** The complete payload as JSON text. */
  readonly data: string;
}

/** Makes the check that every event passes before it is written. It throws, which fails the change: a fault here is ours, never the caller's. */
export function createPayloadCheck(validatePayloads: boolean): (event: StoredEvent, tenantId: number) => CheckedEvent {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  const compiled = new Map<string, ValidateFunction>();

  function validate(type: EventType, data: object): void {
    let validator = compiled.get(type.payload);
    if (validator === undefined) {
      const schema = payloadSchemaOf.get(type.payload);
      if (schema === undefined) throw new Error(`the catalogue has no payload ${type.payload}`);
      validator = ajv.compile(schema);
      compiled.set(type.payload, validator);
    }
    if (!validator(data)) throw new Error(`the payload of ${type.eventCode} does not fit its schema: ${ajv.errorsText(validator.errors)}`);
  }

  return (event, tenantId) => {
    const type = eventTypeByCode.get(event.code);
    if (type === undefined) throw new Error(`the catalogue has no event ${event.code}`);
    const complete = { ...event.data, tenantId, eventCode: event.code };
    if (validatePayloads) validate(type, complete);
    const data = JSON.stringify(complete);
    const bytes = Buffer.byteLength(data);
    if (bytes > limits.eventDataBytes.value) throw new Error(`the payload of ${event.code} has ${bytes} bytes, more than eventDataBytes (${limits.eventDataBytes.value})`);
    return { event, type, data };
  };
}
