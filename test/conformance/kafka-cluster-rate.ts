/**
 * How fast the relay writes a log that lies ready, and how long an event takes from its commit to the acknowledgement of the cluster at 200 events/s:
 *
 *     node test/conformance/kafka-cluster-rate.ts [events]
 */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../server/kernel/clock.ts';
import { platformActor } from '../../server/kernel/change.ts';
import { testDatabase } from '../support/database.ts';
import { startKafka } from './kafka-cluster-broker.ts';
import { relayPlace } from './kafka-cluster.fixture.ts';
import { Consumer, MessagesStreamModes } from '@platformatic/kafka';

const RATE = 200;
const SECONDS = 20;
const count = Number(process.argv[2] ?? 20_000);
const server = await testDatabase();
const place = await relayPlace(server.url);
const kafka = await startKafka();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const raise = (number: number, many: number) =>
  place.changes.change(platformActor('rate', 1), async (change) => {
    for (let index = 0; index < many; index += 1) change.raise({ code: 'commit-file', workspaceId: 11, objectKey: `file:${(number + index) % 500}`, data: { projectId: 11, operator: `rate#${number + index}` } });
  });
try {
  for (let number = 0; number < count; number += 100) await raise(number, 100);
  const began = performance.now();
  await place.relay({ brokers: [kafka.address] });
  await place.caughtUp();
  const seconds = (performance.now() - began) / 1_000;
  say(`${count} events (${count * 2} records) in ${seconds.toFixed(1)} s: ${(count / seconds).toFixed(0)} events/s`);

  const consumer = new Consumer({ clientId: 'rate', groupId: 'rate', bootstrapBrokers: [kafka.address], maxWaitTime: 1_000, minBytes: 1 });
  const stream = await consumer.consume({ topics: ['dataworks.workspace.11'], mode: MessagesStreamModes.LATEST, autocommit: false });
  const committed = new Map<string, number>();
  const taken: number[] = [];
  stream.on('data', (message) => {
    const { data } = JSON.parse(String(message.value)) as { data: { operator: string } };
    const at = committed.get(data.operator);
    // A record may be faster than the answer to its change.
    taken.push(at === undefined ? 0 : performance.now() - at);
  });
  await pause(2_000);
  const start = systemClock.now().getTime();
  for (let number = 0; number < RATE * SECONDS; number += 1) {
    const due = start + (number * 1_000) / RATE;
    const early = due - systemClock.now().getTime();
    if (early > 0) await pause(early);
    const name = `rate#${count + number}`;
    void raise(count + number, 1).then(() => committed.set(name, performance.now()));
  }
  await place.caughtUp();
  await pause(1_000);
  taken.sort((a, b) => a - b);
  const at = (share: number) => (taken[Math.floor(taken.length * share)] ?? 0).toFixed(1);
  say(`commit to consumer at ${RATE} events/s over ${SECONDS} s: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms (${taken.length} records)`);
  await consumer.close(true);
} finally {
  await place.close();
  await kafka.stop();
  await server.drop();
}
