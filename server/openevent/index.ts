import { hostname } from 'node:os';
import type { Operations } from '../../contract/generated/open-platform-2026-12-01.ts';
import type { WorkspaceDirectory } from '../identity/directory.ts';
import type { Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { createMetrics, type Metrics } from '../kernel/metrics.ts';
import type { Module } from '../kernel/module.ts';
import { declareOperations } from '../kernel/operation.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { createDelivery, type Delivery } from './delivery/engine.ts';
import { createFormats } from './delivery/format.ts';
import { watchDelivery } from './delivery/gauges.ts';
import { createMeters } from './delivery/meters.ts';
import { createSender } from './delivery/send.ts';
import { createEnvelopes } from './envelope.ts';
import { createKafkaListener, type KafkaListener, type KafkaSettings } from './kafka/listener.ts';
import type { ClusterSettings } from './kafka-cluster/client.ts';
import { createKafkaRelay } from './kafka-cluster/relay.ts';
import type { EventLog } from './log.ts';
import { createDeadlines, type Deadlines } from './deadlines/decide.ts';
import { busOperations } from './operations/buses.ts';
import { deadlineOperations } from './operations/deadlines.ts';
import { deliveryOperations } from './operations/deliveries.ts';
import { eventOperations } from './operations/events.ts';
import { kafkaOperations } from './operations/kafka.ts';
import { patternOperations } from './operations/patterns.ts';
import { replayOperations } from './operations/replay.ts';
import { ruleOperations } from './operations/rules.ts';
import { streamOperations } from './operations/stream.ts';
import { subscriptionOperations } from './operations/subscriptions.ts';
import { createPatternFilters } from './patterns/index.ts';
import { replayJob } from './replay/jobs.ts';
import { createRetention, type Retention } from './replay/retention.ts';
import { createTail } from './stream/tail.ts';

export { createEventLog, beginning, compareCursors, type Cursor, type EventLog, type LogEvent, type LogPage, type ReadFilter } from './log.ts';
export { continuePositions, positionFloor } from './epoch.ts';
export type { KafkaListener, KafkaSettings } from './kafka/listener.ts';
export { compressions, type Compression } from './kafka/protocol/compression.ts';
export type { ClusterSettings } from './kafka-cluster/client.ts';
export { openeventSchema } from './schema.ts';

export interface OpenEventOptions {
  readonly database: Database;
  readonly changes: Changes;
  /** Made beforehand by `createEventLog`, since `createChanges` writes into it. */
  readonly events: EventLog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretBox;
  readonly log: Log;
  readonly directory: WorkspaceDirectory;
  readonly outbound: Outbound;
  /** The region named in events that belong to no workspace. */
  readonly defaultRegion: string;
  /** The address named in envelopes as that of the publisher. */
  readonly publishAddress: string;
  /** Time zone of deadlines that name none; UTC when absent. */
  readonly timeZone?: string;
  /** Where deliveries are counted. */
  readonly metrics?: Metrics;
  /** False in a process without the role `deliver`. */
  readonly deliver?: boolean;
  /** The built-in Kafka listener, where one is wanted, and a database that may commit without waiting for the disk. */
  readonly kafka?: { readonly settings: KafkaSettings; readonly relaxed: Database } | undefined;
  /** The Apache Kafka cluster that events are written to, where one is wanted. */
  readonly kafkaCluster?: ClusterSettings | undefined;
}

/** OpenEvent: the log, the subscriptions and their delivery. */
export function createOpenEvent(options: OpenEventOptions): { readonly module: Module; readonly delivery: Delivery; readonly deadlines: Deadlines; readonly retention: Retention; readonly kafka: KafkaListener | undefined } {
  const { database, changes, clock, ids, secrets, log, directory, outbound, events, metrics = createMetrics() } = options;
  const wrap = createEnvelopes({ directory, defaultRegion: options.defaultRegion, publishAddress: options.publishAddress });
  const format = createFormats(wrap);
  const send = createSender({ clock, transport: outbound, format });
  const meters = createMeters(metrics);
  watchDelivery(metrics, database, clock);
  const patterns = createPatternFilters();
  const delivery = createDelivery({ database, changes, events, clock, secrets, log, send, meters, compilePattern: patterns.filter, splitPage: patterns.split, owner: `${hostname()}:${process.pid}:${ids.token(9)}` });
  const kafka =
    options.kafka === undefined ? undefined : createKafkaListener({ ...options.kafka, database, events, clock, ids, secrets, log, directory, wrap, owner: `${hostname()}:${process.pid}:${ids.token(9)}` });
  const relay =
    options.kafkaCluster === undefined ? undefined : createKafkaRelay({ settings: options.kafkaCluster, database, events, clock, secrets, log, metrics, wrap, owner: `${hostname()}:${process.pid}:${ids.token(9)}` });
  const deadlines = createDeadlines({ database, changes, events, clock, log });
  const retention = createRetention({ database, clock, log });
  const tail = createTail({ events, database, clock, log });
  const context = { database, clock, ids, secrets, directory, outbound, events, send, wrap, format };
  return {
    module: {
      name: 'openevent',
      operations: declareOperations<Operations>('open-platform', '2026-12-01', {
        ...subscriptionOperations(context),
        ...eventOperations(context),
        ...deliveryOperations(context),
        ...kafkaOperations(context, kafka, relay),
        ...busOperations(context),
        ...ruleOperations(context),
        ...patternOperations(context),
        ...replayOperations(context),
        ...deadlineOperations({ ...context, timeZone: options.timeZone ?? 'UTC' }),
        ...streamOperations({ ...context, tail }),
      }),
      jobs: [replayJob(events)],
      services: [tail, deadlines, retention, ...(options.deliver === false ? [] : [delivery]), ...(kafka === undefined ? [] : [kafka]), ...(relay === undefined ? [] : [relay])],
    },
    delivery,
    deadlines,
    retention,
    kafka,
  };
}
