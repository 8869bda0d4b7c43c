import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import { readConfig } from '../../server/config.ts';
import { platformActor } from '../../server/kernel/change.ts';
import { partitionOf } from '../../server/openevent/kafka/protocol/murmur2.ts';
import { testDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestHouse } from '../support/house.ts';
import { freePort } from '../chaos/server.ts';
import { startKafka, type TestBroker } from './kafka-cluster-broker.ts';
import { kafkaSkip } from './kafka-cluster-jars.ts';
import { killClusterRounds } from './kafka-cluster-rounds.ts';
import { readTopics, recordingLog, relayPlace, type ClusterRecord } from './kafka-cluster.fixture.ts';

const ALL = 'dataworks.all';
const OBJECTS = 12;
const skip = await kafkaSkip();

describe('the relay to an Apache Kafka cluster', { skip }, () => {
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

  let raised = 0;
  const raise = async (count: number) => {
    for (let number = 0; number < count; number += 1) {
      await place.raise(`file:${raised % OBJECTS}`, Math.floor(raised / OBJECTS));
      raised += 1;
    }
  };
  const numbers = (records: readonly ClusterRecord[], key: string) => records.filter((one) => one.key === key).map((one) => Number(String(one.data['operator']).split('#')[1]));

  /** Every event once, those of an object in one partition and in their order. */
  function assertWhole(records: readonly ClusterRecord[]): void {
    for (let object = 0; object < OBJECTS; object += 1) {
      const key = `file:${object}`;
      const expected = Array.from({ length: Math.ceil((raised - object) / OBJECTS) }, (_, number) => number);
      assert.deepEqual(numbers(records, key), expected, key);
      for (const one of records.filter((record) => record.key === key)) assert.equal(one.partition, partitionOf(key, 8));
    }
  }

  test('events come in the order of each object, into the topic of all and that of the workspace, as the listener has them', async () => {
    await raise(600);
    await place.relay({ brokers: [kafka.address] });
    await place.caughtUp();
    await raise(100);
    await place.caughtUp();
    const all = await readTopics(kafka.address, [ALL]);
    assertWhole(all);
    const own = await readTopics(kafka.address, ['dataworks.workspace.11']);
    assertWhole(own);
    const [first] = all;
    assert.equal(first?.contentType, 'application/cloudevents+json; charset=UTF-8');
    assert.match(first?.cursor ?? '', /^\d+-\d+$/);
    assert.equal((await place.status()).connected, true);
  });

  test('a tenant beside the first has topics of its own', async () => {
    await place.raise('file:1', 0, { tenantId: 2, workspaceId: 21 });
    await place.raise('user:1', 0, { tenantId: 2, workspaceId: undefined });
    await place.caughtUp();
    assert.equal((await readTopics(kafka.address, ['tenant-2.dataworks.all'])).length, 2);
    assert.equal((await readTopics(kafka.address, ['tenant-2.dataworks.workspace.21'])).length, 1);
    assert.equal((await readTopics(kafka.address, ['tenant-2.dataworks.tenant'])).length, 1);
    assertWhole(await readTopics(kafka.address, [ALL]));
  });

  test('what had been sent before the place was saved is not sent again by the next process', async () => {
    const before = await place.status();
    await raise(200);
    await place.caughtUp();
    // As if the process had ended after the acknowledgement and before its note of it: the place goes back, and another takes the lease.
    await place.database.run('update kafka_relay set position = $1, row_id = $2, epoch = epoch + 1, lease_until = now()', [before.position, before.row_id]);
    await place.caughtUp();
    await raise(50);
    await place.caughtUp();
    assertWhole(await readTopics(kafka.address, [ALL]));
  });

  test('records of another log with the same places hide nothing', async () => {
    const other = await testDatabase();
    const elsewhere = await relayPlace(other.url);
    try {
      await elsewhere.raise('file:0', 9_999);
      await elsewhere.relay({ brokers: [kafka.address] });
      await elsewhere.caughtUp();
      assert.equal((await readTopics(kafka.address, [ALL])).filter((one) => one.data['operator'] === 'file:0#9999').length, 1);
    } finally {
      await elsewhere.close();
      await other.drop();
    }
  });
});

describe('a cluster that fails', { skip }, () => {
  test('unreachable at start, killed, started again: a line of the log, a metric, nothing lost', async (context) => {
    const server = await testDatabase();
    const place = await relayPlace(server.url);
    const log = recordingLog();
    let kafka: TestBroker | undefined;
    try {
      kafka = await startKafka({ start: false });
      const relay = await place.relay({ brokers: [kafka.address] }, log);
      await place.raise('file:1', 0);
      await place.until('the failure is told', async () => /ECONNREFUSED/.test((await place.status()).last_error ?? ''));
      assert.equal(log.lines.filter((one) => one.includes('cannot be written to')).length, 1, log.lines.join('\n'));
      assert.match(await relay.metrics.render(), /millrace_kafka_cluster_connected 0\n[^]*millrace_kafka_cluster_lag_events 1\n/);
      await kafka.start();
      await place.caughtUp();
      assert.match(await relay.metrics.render(), /millrace_kafka_cluster_records_total 2\n/);
      let number = 1;
      for (let round = 1; round <= 3; round += 1) {
        const halt = new AbortController();
        const load = (async () => {
          while (!halt.signal.aborted) {
            await place.raise('file:1', number++);
            await pause(5);
          }
        })();
        const killed = number + 60;
        await place.until('events flow', () => number > killed);
        await kafka.kill();
        await kafka.start();
        halt.abort();
        await load;
        await place.caughtUp();
      }
      const records = await readTopics(kafka.address, ['dataworks.all']);
      const got = records.map((one) => Number(String(one.data['operator']).split('#')[1]));
      assert.deepEqual(got, Array.from({ length: number }, (_, index) => index));
      context.diagnostic(`${number} events over 3 kills of the broker, ${log.lines.length} lines of the log`);
    } finally {
      await place.close();
      await kafka?.stop();
      await server.drop();
    }
  });

  test('a second process waits, and takes over when the first one ends', async () => {
    const server = await testDatabase();
    const place = await relayPlace(server.url);
    const kafka = await startKafka();
    try {
      const first = await place.relay({ brokers: [kafka.address] });
      const second = await place.relay({ brokers: [kafka.address] });
      for (let number = 0; number < 40; number += 1) await place.raise('file:1', number);
      await place.caughtUp();
      assert.match(await first.metrics.render(), /millrace_kafka_cluster_records_total 80\n/);
      assert.doesNotMatch(await second.metrics.render(), /millrace_kafka_cluster_records_total \d/);
      await first.stop();
      for (let number = 40; number < 60; number += 1) await place.raise('file:1', number);
      await place.caughtUp();
      assert.match(await second.metrics.render(), /millrace_kafka_cluster_records_total 40\n/);
      const records = await readTopics(kafka.address, [ALL]);
      assert.deepEqual(records.map((one) => one.data['operator']), Array.from({ length: 60 }, (_, number) => `file:1#${number}`));
    } finally {
      await place.close();
      await kafka.stop();
      await server.drop();
    }
  });

  test('a topic that has been deleted is made again', async () => {
    const server = await testDatabase();
    const place = await relayPlace(server.url);
    const kafka = await startKafka();
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [kafka.address] });
    try {
      await place.relay({ brokers: [kafka.address] });
      await place.raise('file:1', 0);
      await place.caughtUp();
      await admin.deleteTopics({ topics: [ALL] });
      await place.raise('file:1', 1);
      await place.caughtUp();
      assert.deepEqual((await readTopics(kafka.address, [ALL])).map((one) => one.data['operator']), ['file:1#1']);
      assert.deepEqual((await readTopics(kafka.address, ['dataworks.workspace.11'])).map((one) => one.data['operator']), ['file:1#0', 'file:1#1']);
    } finally {
      await admin.close();
      await place.close();
      await kafka.stop();
      await server.drop();
    }
  });
});

describe('without a cluster', () => {
  test('GetKafkaAccess tells that the cluster cannot be reached, how much waits, and why', async () => {
    const broker = `127.0.0.1:${await freePort()}`;
    const house = await startTestHouse({ kafkaCluster: { brokers: [broker], sasl: undefined, tls: undefined, replicas: undefined, users: false } });
    try {
      await house.house.changes.change(platformActor('test', house.first.tenantId), async (change) => change.raise({ code: 'commit-file', workspaceId: undefined, objectKey: 'file:1', data: { projectId: 1, operator: 'test' } }));
      const cluster = await eventually('the failure is told', async () => {
        const { PagingInfo } = (await house.call('2026-12-01', 'GetKafkaAccess', {})) as { PagingInfo: { Cluster?: Record<string, unknown> } };
        return PagingInfo.Cluster?.['LastError'] === undefined ? undefined : PagingInfo.Cluster;
      });
      assert.equal(cluster['BootstrapServers'], broker);
      assert.equal(cluster['Connected'], false);
      assert.match(String(cluster['LastError']), /ECONNREFUSED/);
      assert.ok(Number(cluster['LagCount']) > 0);
      assert.match(await house.house.metrics.render(), /millrace_kafka_cluster_connected 0/);
    } finally {
      await house.stop();
    }
  });

  test('settings that cannot be meant are refused by name', () => {
    const read = (env: Record<string, string>) => readConfig({ MILLRACE_KAFKA_BROKERS: 'one:9092,two', ...env }).kafkaCluster;
    assert.deepEqual(read({}), { brokers: ['one:9092', 'two:9092'], sasl: undefined, tls: undefined, replicas: undefined, users: false });
    assert.equal(readConfig({}).kafkaCluster, undefined);
    assert.deepEqual(read({ MILLRACE_KAFKA_CLUSTER_USER: 'u', MILLRACE_KAFKA_CLUSTER_PASSWORD: 'p' })?.sasl, { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' });
    assert.throws(() => read({ MILLRACE_KAFKA_BROKERS: 'one:99999' }), /MILLRACE_KAFKA_BROKERS has one:99999/);
    assert.throws(() => read({ MILLRACE_KAFKA_CLUSTER_USER: 'u' }), /MILLRACE_KAFKA_CLUSTER_PASSWORD/);
    assert.throws(() => read({ MILLRACE_KAFKA_CLUSTER_MECHANISM: 'GSSAPI' }), /MILLRACE_KAFKA_CLUSTER_MECHANISM/);
    assert.throws(() => read({ MILLRACE_KAFKA_CLUSTER_USERS: 'yes' }), /MILLRACE_KAFKA_CLUSTER_USERS/);
    assert.throws(() => read({ MILLRACE_KAFKA_CLUSTER_TLS_CERT: 'a' }), /MILLRACE_KAFKA_CLUSTER_TLS_KEY/);
    assert.throws(() => read({ MILLRACE_KAFKA_CLUSTER_REPLICAS: '0' }), /MILLRACE_KAFKA_CLUSTER_REPLICAS/);
  });

  test('a port where nobody listens holds up neither start nor stop', async () => {
    const server = await testDatabase();
    const place = await relayPlace(server.url);
    try {
      const relay = await place.relay({ brokers: [`127.0.0.1:${await freePort()}`] });
      await relay.stop();
      assert.equal((await place.status()).running, false);
    } finally {
      await place.close();
      await server.drop();
    }
  });
});

test('three rounds of kill -9 of server and broker: no gap, no disorder', { skip, timeout: 300_000 }, async (context) => {
  const summary = await killClusterRounds(3, { seed: 5, say: (line) => context.diagnostic(line) });
  assert.deepEqual(summary.faults, []);
  assert.equal(summary.rounds, 3);
  assert.ok(summary.duplicates < summary.records / 1_000, `${summary.duplicates} duplicates of ${summary.records} records`);
});
