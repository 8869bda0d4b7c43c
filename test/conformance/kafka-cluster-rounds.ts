import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createChanges, platformActor } from '../../server/kernel/change.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { createEventLog } from '../../server/openevent/log.ts';
import { partitionOf } from '../../server/openevent/kafka/protocol/murmur2.ts';
import { topicOf } from '../../server/openevent/kafka-cluster/names.ts';
import { readRelay } from '../../server/openevent/kafka-cluster/store.ts';
import { ALL, TENANT } from '../../server/openevent/kafka/topics.ts';
import { freePort, startServer } from '../chaos/server.ts';
import { seededRandom } from '../integration/malformed/values.ts';
import { eventually } from '../support/eventually.ts';
import { startKafka } from './kafka-cluster-broker.ts';
import { readTopics, type ClusterRecord } from './kafka-cluster.fixture.ts';

export interface ClusterSummary {
  readonly rounds: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly events: number;
  readonly records: number;
  readonly duplicates: number;
  readonly faults: readonly string[];
  /** From the last restart of a round until everything was in the cluster, in milliseconds, in order of size. */
  readonly recoveries: readonly number[];
}

const WRITERS = 3;
const WRITE_PAUSE_MS = 24;
const OBJECTS = 40;
const PARTITIONS = 8;
const CATCH_UP_MS = 120_000;

/** Raises events in changes of one to three until `stopped`. Some changes stay open for a while, so that later ones commit before them. */
async function raiseEvents(database: Database, tenantId: number, random: ReturnType<typeof seededRandom>, stopped: () => boolean): Promise<void> {
  const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: createEventLog({ database, validatePayloads: false }) });
  while (!stopped()) {
    await changes.change(platformActor('chaos', tenantId), async (change) => {
      for (let count = random.below(3); count >= 0; count -= 1) {
        const workspaceId = [11, 12, undefined][random.below(3)];
        change.raise({ code: 'commit-file', workspaceId, objectKey: `file:${random.below(OBJECTS)}`, data: { projectId: workspaceId ?? 0, operator: 'chaos' } });
      }
      if (random.chance(0.05)) await pause(random.below(60));
    });
    await pause(random.below(WRITE_PAUSE_MS));
  }
}

/** Holds what the topics have against the log itself: every event, in the order of the log in each partition. Answers faults, and how often a record was there again. */
export function auditCluster(events: readonly { readonly event_id: string; readonly workspace_id: number | null; readonly object_key: string; readonly tenant_id: number }[], records: readonly ClusterRecord[], tenantId: number): { readonly faults: string[]; readonly duplicates: number } {
  const faults: string[] = [];
  const expected = new Map<string, string[]>();
  for (const event of events) {
    for (const workspaceId of [ALL, event.workspace_id ?? TENANT]) {
      const place = `${topicOf(event.tenant_id, workspaceId, tenantId)}:${partitionOf(event.object_key, PARTITIONS)}`;
      const list = expected.get(place);
      if (list === undefined) expected.set(place, [event.event_id]);
      else list.push(event.event_id);
    }
  }
  const got = new Map<string, Set<string>>();
  let duplicates = 0;
  for (const record of records) {
    const place = `${record.topic}:${record.partition}`;
    const seen = got.get(place) ?? new Set();
    got.set(place, seen);
    if (seen.has(record.id)) duplicates += 1;
    seen.add(record.id);
  }
  for (const [place, ids] of expected) {
    const found = [...(got.get(place) ?? [])];
    const missing = ids.filter((id) => got.get(place)?.has(id) !== true).length;
    if (missing > 0) faults.push(`${place}: ${missing} of ${ids.length} events are missing`);
    const at = ids.findIndex((id, index) => found[index] !== id);
    if (missing === 0 && at !== -1) faults.push(`${place}: out of order at ${at} of ${ids.length}`);
    if (found.length > ids.length) faults.push(`${place}: ${found.length - ids.length} records are of no event`);
  }
  return { faults, duplicates };
}

/** Kills the server, the broker, or both, in the middle of a stream of events, again and again. */
export async function killClusterRounds(rounds: number, options: { readonly seed: number; readonly say: (line: string) => void }): Promise<ClusterSummary> {
  const { say } = options;
  const random = seededRandom(options.seed);
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-chaos-kafka-'));
  const kafka = await startKafka();
  process.env['MILLRACE_KAFKA_BROKERS'] = kafka.address;
  const settings = { dataFolder, port: await freePort(), key: { accessKeyId: 'LTAI5tOfTheChaosRounds01', accessKeySecret: 'chaosSecret0123456789abcdefgh' } };
  const kills: Record<string, number> = { server: 0, broker: 0, both: 0 };
  const recoveries: number[] = [];
  const faults: string[] = [];
  let server = startServer(settings);
  try {
    await server.ready();
    const postgres = await startEmbeddedPostgres({ dataDir: dataFolder, log: () => {}, use: 'shared' });
    await postgres.leave();
    const database = openDatabase({ connection: postgres.connection, connections: WRITERS + 2 });
    try {
      const tenantId = (await database.row<{ id: number }>('select min(id) as id from tenant'))?.id ?? 0;
      const behind = async () => (await readRelay(database, new Date(), 10_000)).lag;
      for (let round = 1; round <= rounds && faults.length === 0; round += 1) {
        let stopped = false;
        const writing = Promise.all(Array.from({ length: WRITERS }, () => raiseEvents(database, tenantId, random, () => stopped)));
        writing.catch((error: unknown) => faults.push(String(error)));
        await pause(200 + random.below(800));
        const victim = random.chance(0.7) ? 'server' : random.chance(0.6) ? 'broker' : 'both';
        kills[victim] = (kills[victim] ?? 0) + 1;
        await Promise.all([victim === 'broker' ? undefined : server.kill(), victim === 'server' ? undefined : kafka.kill()]);
        await pause(random.below(300));
        if (victim !== 'broker') server = startServer(settings);
        if (victim !== 'server') await kafka.start();
        if (victim !== 'broker') await server.ready();
        const began = performance.now();
        await pause(200);
        stopped = true;
        await writing;
        await eventually('everything is in the cluster', async () => (await behind()) === 0, CATCH_UP_MS).catch((error: Error) => faults.push(error.message));
        recoveries.push(performance.now() - began);
        say(`round ${round}: kill -9 of ${victim}, caught up after ${(performance.now() - began).toFixed(0)} ms`);
      }
      const events = await database.rows<{ event_id: string; workspace_id: number | null; object_key: string; tenant_id: number }>('select event_id, workspace_id, object_key, tenant_id from event order by position, id');
      const topics = [...new Set(events.flatMap((event) => [ALL, event.workspace_id ?? TENANT].map((workspaceId) => topicOf(event.tenant_id, workspaceId, tenantId))))];
      const records: ClusterRecord[] = [];
      for (const topic of topics) for (const record of await readTopics(kafka.address, [topic])) records.push(record);
      const found = auditCluster(events, records, tenantId);
      return { rounds: recoveries.length, kills, events: events.length, records: records.length, duplicates: found.duplicates, faults: [...faults, ...found.faults], recoveries: recoveries.toSorted((a, b) => a - b) };
    } finally {
      await database.close();
    }
  } finally {
    delete process.env['MILLRACE_KAFKA_BROKERS'];
    await server.stop();
    await kafka.stop();
    await removeEmbeddedPostgres(dataFolder);
    await rm(dataFolder, { recursive: true, force: true });
  }
}
