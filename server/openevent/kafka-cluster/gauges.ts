import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Metrics } from '../../kernel/metrics.ts';
import { readRelay, type RelayStatus } from './store.ts';

/** How long one reading stands for all gauges that are made of it. */
const READING_MS = 1_000;

/** Declares the gauges of the relay, whichever process runs it. */
export function watchRelay(metrics: Metrics, database: Database, clock: Clock): void {
  let reading: { readonly at: number; readonly status: Promise<RelayStatus> } | undefined;
  function status(): Promise<RelayStatus> {
    const at = performance.now();
    if (reading === undefined || at - reading.at > READING_MS) reading = { at, status: readRelay(database, clock.now(), limits.kafkaClusterLagCount.value) };
    return reading.status;
  }
  const gauge = (name: string, help: string, value: (status: RelayStatus) => number) => metrics.gauge({ name, help, read: async () => [{ value: value(await status()) }] });
  gauge('millrace_kafka_cluster_connected', '1 while a process is connected to the Kafka cluster and writes to it.', (one) => (one.connected ? 1 : 0));
  gauge('millrace_kafka_cluster_lag_events', 'Events that are not in the Kafka cluster yet, up to a limit.', (one) => one.lag);
  gauge('millrace_kafka_cluster_lag_seconds', 'Age of the oldest event that is not in the Kafka cluster yet.', (one) => (one.oldest === null ? 0 : Math.max(0, clock.now().getTime() - one.oldest.getTime()) / 1_000));
}
