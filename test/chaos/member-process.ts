import { openSync, writeSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';

export interface MemberSettings {
  readonly name: string;
  readonly brokers: readonly string[];
  readonly username: string;
  readonly password: string;
  readonly group: string;
  readonly topic: string;
  /** Where it writes a line for each record before it commits the record's offset: partition, offset, id of the event. */
  readonly file: string;
}

/** A member of a consumer group, to be killed. It commits after each record, so that a kill repeats one at most. */
const settings = JSON.parse(process.argv[2] ?? '{}') as MemberSettings;
const file = openSync(settings.file, 'a');
const kafka = new Kafka({
  clientId: settings.name,
  brokers: [...settings.brokers],
  sasl: { mechanism: 'scram-sha-256', username: settings.username, password: settings.password },
  logLevel: logLevel.NOTHING,
  connectionTimeout: 2_000,
  requestTimeout: 8_000,
  retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30 },
});
const consumer = kafka.consumer({ groupId: settings.group, sessionTimeout: 5_000, rebalanceTimeout: 5_000, heartbeatInterval: 500, maxWaitTimeInMs: 300 });
consumer.on('consumer.group_join', ({ payload }) => process.stdout.write(`joined ${Object.values(payload.memberAssignment).flat().length}\n`));
consumer.on('consumer.crash', ({ payload }) => {
  if (payload.restart) return;
  process.stderr.write(`${String(payload.error)}\n`);
  process.exit(3);
});
await consumer.connect();
await consumer.subscribe({ topic: settings.topic, fromBeginning: true });
await consumer.run({
  autoCommitThreshold: 1,
  eachBatchAutoResolve: false,
  // Not one message at a time in the client's own way, which asks for the heartbeat before it commits, and forgets the record when that calls for a rebalance.
  eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, heartbeat, isRunning, isStale }) => {
    for (const message of batch.messages) {
      if (!isRunning() || isStale()) break;
      const { id } = JSON.parse(String(message.value)) as { id: string };
      writeSync(file, `${batch.partition} ${message.offset} ${id}\n`);
      resolveOffset(message.offset);
      await commitOffsetsIfNecessary();
    }
    await heartbeat();
  },
});
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => process.exit(0));
