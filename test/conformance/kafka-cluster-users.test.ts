import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { startKafka, type TestBroker } from './kafka-cluster-broker.ts';
import { kafkaSkip } from './kafka-cluster-jars.ts';
import { readTopics, recordingLog, relayPlace } from './kafka-cluster.fixture.ts';

const skip = await kafkaSkip();
const ADMIN = { mechanism: 'PLAIN', username: 'relay', password: 'relay-secret' } as const;

describe('signing in to a cluster, and its users', { skip }, () => {
  let kafka: TestBroker;
  let server: Awaited<ReturnType<typeof testDatabase>>;
  let place: Awaited<ReturnType<typeof relayPlace>>;
  before(async () => {
    server = await testDatabase();
    place = await relayPlace(server.url);
    kafka = await startKafka();
  });
  after(async () => {
    await place?.close();
    await kafka?.stop();
    await server?.drop();
  });

  test('a wrong password is a clear line of the log; the server stays up and with the right one nothing is missing', async () => {
    const log = recordingLog();
    await place.raise('file:1', 0);
    const wrong = await place.relay({ brokers: [kafka.saslAddress], sasl: { ...ADMIN, password: 'wrong' } }, log);
    await place.until('the failure is told', async () => (await place.status()).last_error !== null);
    const { last_error: said, connected } = await place.status();
    assert.match(said ?? '', /SASL_AUTHENTICATION_FAILED|[Aa]uthentication failed/);
    assert.doesNotMatch(said ?? '', /wrong/);
    assert.equal(connected, false);
    assert.ok(log.lines.some((one) => /cannot be written to: .*[Aa]uthentication/.test(one)), log.lines.join('\n'));
    await wrong.stop();
    const right = await place.relay({ brokers: [kafka.saslAddress], sasl: ADMIN });
    await place.caughtUp();
    assert.equal((await readTopics(kafka.address, ['dataworks.all'])).length, 1);
    await right.stop();
  });

  test('Kafka users sign in at the cluster by SCRAM and read what they may, until they are deleted', async () => {
    await place.relay({ brokers: [kafka.saslAddress], sasl: ADMIN, users: true });
    await place.raise('file:1', 1);
    await place.raise('file:1', 0, { workspaceId: 12 });
    const all = await place.user();
    const narrow = await place.user({ workspaces: [12], tenantEvents: false });
    await place.caughtUp();
    await place.until('the users are in the cluster', async () => (await place.database.row<{ count: number }>('select count(*) as count from kafka_relay_user'))?.count === 2);
    const as = (user: { readonly login: string; readonly password: string }, mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512') => ({ mechanism, username: user.login, password: user.password });
    assert.equal((await readTopics(kafka.saslAddress, ['dataworks.all'], as(all, 'SCRAM-SHA-256'))).length, 3);
    assert.equal((await readTopics(kafka.saslAddress, ['dataworks.workspace.12'], as(narrow, 'SCRAM-SHA-512'))).length, 1);
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.all'], as(narrow, 'SCRAM-SHA-512')));
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.workspace.11'], as(narrow, 'SCRAM-SHA-256')));
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.workspace.12'], { ...as(narrow, 'SCRAM-SHA-512'), password: 'another' }));
    await place.removeUser(narrow.id);
    await place.until('the user is gone', async () => (await place.database.row<{ count: number }>('select count(*) as count from kafka_relay_user'))?.count === 1);
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.workspace.12'], as(narrow, 'SCRAM-SHA-512')));
    assert.equal((await readTopics(kafka.saslAddress, ['dataworks.all'], as(all, 'SCRAM-SHA-512'))).length, 3);
  });
});
