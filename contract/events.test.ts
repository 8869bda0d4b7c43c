import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { eventByCode, eventByType, events, extensionPoints, payloadSchemas } from './events.ts';
import { payloadSamples } from './events.fixture.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true });
const validators = new Map([...payloadSchemas].map(([name, schema]) => [name, ajv.compile(schema)]));

test('the catalogue has 51 events, 33 of them extension points', () => {
  assert.equal(events.length, 51);
  assert.equal(extensionPoints.length, 33);
  assert.equal(events.filter((event) => event.class === 'R').length, 18);
  assert.equal(events.filter((event) => event.level === 'tenant').length, 5);
  assert.equal(extensionPoints.filter((event) => event.level === 'tenant').length, 4);
});

test('types and codes are unique', () => {
  assert.equal(eventByType.size, events.length);
  assert.equal(eventByCode.size, events.length);
});

test('every event has a payload schema and every schema an event', () => {
  const used = new Set(events.map((event) => event.payload));
  assert.deepEqual([...used].toSorted(), [...payloadSchemas.keys()].toSorted());
});

test('every event names its workspace by a field its payload has', () => {
  for (const event of events) {
    const schema = JSON.stringify(payloadSchemas.get(event.payload));
    assert.ok(schema.includes(`"${event.workspaceField}"`), event.eventCode);
  }
});

test('samples fit their schemas', () => {
  assert.deepEqual(Object.keys(payloadSamples).toSorted(), [...payloadSchemas.keys()].toSorted());
  for (const [name, samples] of Object.entries(payloadSamples)) {
    const validate = validators.get(name);
    assert.ok(validate);
    for (const sample of samples) assert.ok(validate(sample), `${name}: ${ajv.errorsText(validate.errors)}`);
  }
});

test('samples without tenant or event code, or of a wrong type, do not fit', () => {
  for (const [name, samples] of Object.entries(payloadSamples)) {
    const validate = validators.get(name);
    assert.ok(validate);
    for (const sample of samples) {
      assert.ok(typeof sample === 'object' && sample !== null);
      assert.equal(validate({ ...sample, tenantId: undefined }), false, name);
      assert.equal(validate({ ...sample, eventCode: 7 }), false, name);
    }
  }
});
