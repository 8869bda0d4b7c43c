import { limits } from '../../../kernel/limits.ts';
import { code } from '../protocol/errors.ts';
import { fetch, listOffsets, offsetForLeaderEpoch } from '../protocol/messages.ts';
import * as store from '../store.ts';
import { mayRead, streamOfTopicId, viewOf, workspaceOfTopic, type Stream, type View } from '../topics.ts';
import { route, topicExists, type Client, type Services } from './context.ts';

/** A topic's stream for the client, or the error that says why there is none. */
async function resolve(services: Services, client: Client, name: string): Promise<Stream | number> {
  const workspaceId = workspaceOfTopic(name);
  if (workspaceId === undefined) return code.unknownTopicOrPartition;
  if (!mayRead(client.reader, workspaceId)) return code.topicAuthorizationFailed;
  return (await topicExists(services, client.reader, workspaceId)) ? { tenantId: client.reader.tenantId, workspaceId } : code.unknownTopicOrPartition;
}

/** There is one log that never forks, so its leader epoch is 0 for ever. */
function checkEpoch(epoch: number): number {
  return epoch > 0 ? code.unknownLeaderEpoch : code.none;
}

interface Wanted {
  readonly partition: number;
  readonly stream: Stream | undefined;
  readonly view: View | undefined;
  readonly offset: number;
  readonly bytes: number;
  readonly error: number;
  readonly key: string;
  /** From where on something may be seen. */
  at: number;
}

interface Found {
  readonly error: number;
  readonly next: number;
  readonly first: number;
  readonly batches: readonly Buffer[];
  readonly bytes: number;
}

async function look(services: Services, client: Client, wanted: Wanted, room: number, plain: boolean): Promise<Found> {
  const nothing = { next: -1, first: -1, batches: [], bytes: 0 };
  if (wanted.stream === undefined || wanted.view === undefined) return { ...nothing, error: wanted.error };
  const marks = await services.watermarks.of(wanted.stream);
  const next = marks.next[wanted.partition] ?? 0;
  const first = marks.first[wanted.partition] ?? 0;
  const place = { next, first, batches: [], bytes: 0 };
  if (wanted.error !== code.none) return { ...place, error: wanted.error };
  if (wanted.offset > next) {
    // After a crash of PostgreSQL the last offsets may have to be given once more; they will be the same.
    if (services.cluster.epoch() === undefined) await services.watermarks.refresh(wanted.stream);
    const now = (await services.watermarks.of(wanted.stream)).next[wanted.partition] ?? 0;
    return { ...place, error: wanted.offset <= now || !services.settled() ? code.none : code.offsetOutOfRange };
  }
  if (wanted.offset < first) return { ...place, error: code.offsetOutOfRange };
  for (;;) {
    const { batches, bytes, through } = await services.records.read(wanted.stream, wanted.partition, wanted.at, next, Math.min(room, wanted.bytes), wanted.view, plain);
    if (bytes > 0 || room <= 0) return { ...place, error: code.none, batches, bytes };
    wanted.at = Math.max(wanted.at, through);
    client.passed.set(wanted.key, { from: wanted.offset, to: wanted.at });
    if (wanted.at >= next || client.gone.aborted) return { ...place, error: code.none };
  }
}

/** Topic-partitions of one client about which is remembered that nothing is to be seen for a while. */
const MOST_PASSED = 2_000;

/** The first version of Fetch whose clients know zstd. */
const ZSTD_SINCE = 10;

export const fetchRoute = route(fetch, async (services, client, request, header) => {
  const { clock, watermarks, cluster } = services;
  // No fetch sessions are kept: every request says all it wants, and a client that asks for a session is told that it got none (0). One that goes on with
  // a session from elsewhere sends only what is new to it, which would be answered by silence; told that the session is gone, it begins anew.
  if (request.sessionEpoch > 0) return { throttleTimeMs: 0, errorCode: code.fetchSessionIdNotFound, sessionId: 0, topics: [] };
  const byId = header.apiVersion >= 13;
  const plain = services.compression === 'zstd' && header.apiVersion < ZSTD_SINCE;
  const topics = await Promise.all(
    request.topics.map(async ({ topic, topicId, partitions }) => {
      const named = byId ? streamOfTopicId(topicId) : undefined;
      const ours = named?.tenantId === client.reader.tenantId ? named.workspaceId : undefined;
      const workspaceId = byId ? ours : workspaceOfTopic(topic);
      let error: number = code.none;
      if (workspaceId === undefined) error = byId ? code.unknownTopicId : code.unknownTopicOrPartition;
      else if (!mayRead(client.reader, workspaceId)) error = code.topicAuthorizationFailed;
      else if (!(await topicExists(services, client.reader, workspaceId))) error = code.unknownTopicOrPartition;
      const stream = error === code.none && workspaceId !== undefined ? { tenantId: client.reader.tenantId, workspaceId } : undefined;
      const view = stream === undefined ? undefined : viewOf(client.reader, stream.workspaceId);
      return {
        topic,
        topicId,
        partitions: partitions.map((one): Wanted => {
          const inside = one.partition >= 0 && one.partition < cluster.partitions();
          const key = `${workspaceId}/${one.partition}`;
          const passed = client.passed.get(key);
          return {
            partition: one.partition,
            stream: inside ? stream : undefined,
            view,
            offset: one.fetchOffset,
            bytes: one.partitionMaxBytes,
            error: error !== code.none ? error : inside ? checkEpoch(one.currentLeaderEpoch) : code.unknownTopicOrPartition,
            key,
            at: passed?.from === one.fetchOffset ? passed.to : one.fetchOffset,
          };
        }),
      };
    }),
  );
  if (client.passed.size > MOST_PASSED) client.passed.clear();
  const streams = topics.flatMap(({ partitions }) => partitions.flatMap((one) => (one.stream === undefined ? [] : [one.stream]))).filter((one, index, all) => all.findIndex((other) => other.workspaceId === one.workspaceId) === index);
  const deadline = clock.now().getTime() + Math.min(request.maxWaitMs, limits.kafkaFetchWaitMs.value);

  for (;;) {
    // Listens before it looks, so that nothing comes in between.
    let woken = false;
    let wake = () => {
      woken = true;
    };
    const end = watermarks.wait(streams, () => wake());
    try {
      let room = Math.min(request.maxBytes, services.room());
      let bytes = 0;
      let failed = false;
      const answers: { topic: string; topicId: string; found: { partition: number; found: Found }[] }[] = [];
      for (const { topic, topicId, partitions } of topics) {
        const found: { partition: number; found: Found }[] = [];
        for (const wanted of partitions) {
          const one = await look(services, client, wanted, room, plain);
          room = Math.max(0, room - one.bytes);
          bytes += one.bytes;
          failed ||= one.error !== code.none;
          found.push({ partition: wanted.partition, found: one });
        }
        answers.push({ topic, topicId, found });
      }
      const left = deadline - clock.now().getTime();
      if (failed || bytes >= request.minBytes || bytes > 0 && room === 0 || left <= 0 || client.gone.aborted) {
        return {
          throttleTimeMs: 0,
          errorCode: code.none,
          sessionId: 0,
          topics: answers.map(({ topic, topicId, found }) => ({
            topic,
            topicId,
            partitions: found.map(({ partition, found: one }) => ({
              partition,
              errorCode: one.error,
              highWatermark: one.next,
              lastStableOffset: one.next,
              logStartOffset: one.first,
              abortedTransactions: null,
              preferredReadReplica: -1,
              records: one.batches,
            })),
          })),
        };
      }
      if (!woken) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(left, resolve);
          const gone = () => wake();
          client.gone.addEventListener('abort', gone, { once: true });
          wake = () => {
            cancel();
            client.gone.removeEventListener('abort', gone);
            resolve();
          };
        });
      }
    } finally {
      end();
    }
  }
});

const LATEST = -1;
const EARLIEST = -2;
const YOUNGEST = -3;

export const listOffsetsRoute = route(listOffsets, async (services, client, request) => {
  const { database, watermarks } = services;

  async function find(stream: Stream, partition: number, timestamp: number): Promise<{ errorCode: number; offset: number; timestamp: number }> {
    const found = (offset: number, time = -1) => ({ errorCode: code.none, offset, timestamp: time });
    const next = (await watermarks.of(stream)).next[partition];
    if (next === undefined) return { errorCode: code.unknownTopicOrPartition, offset: -1, timestamp: -1 };
    if (timestamp === LATEST) return found(next);
    if (timestamp === EARLIEST) return found((await store.firstOffset(database, stream, partition)) ?? next);
    if (timestamp < YOUNGEST) return { errorCode: code.unsupportedVersion, offset: -1, timestamp: -1 };
    const beyond = timestamp > 8_000_000_000_000_000;
    const row = timestamp === YOUNGEST ? await store.latestTime(database, stream, partition) : beyond ? undefined : await store.offsetAtTime(database, stream, partition, new Date(timestamp));
    return row === undefined ? found(-1) : found(row.offset, row.time.getTime());
  }

  const topics = [];
  for (const { name, partitions } of request.topics) {
    const stream = await resolve(services, client, name);
    const answers = [];
    for (const { partition, timestamp, currentLeaderEpoch } of partitions) {
      const wrong = typeof stream === 'number' ? stream : checkEpoch(currentLeaderEpoch);
      const answer = typeof stream === 'number' || wrong !== code.none ? { errorCode: wrong, offset: -1, timestamp: -1 } : await find(stream, partition, timestamp);
      answers.push({ partition, leaderEpoch: answer.offset === -1 ? -1 : 0, ...answer });
    }
    topics.push({ name, partitions: answers });
  }
  return { throttleTimeMs: 0, topics };
});

export const offsetForLeaderEpochRoute = route(offsetForLeaderEpoch, async (services, client, request) => {
  const topics = [];
  for (const { topic, partitions } of request.topics) {
    const stream = await resolve(services, client, topic);
    const next = typeof stream === 'number' ? [] : (await services.watermarks.of(stream)).next;
    topics.push({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
        const end = next[partition];
        const errorCode = typeof stream === 'number' ? stream : end === undefined ? code.unknownTopicOrPartition : checkEpoch(currentLeaderEpoch);
        const known = errorCode === code.none && leaderEpoch === 0;
        return { errorCode, partition, leaderEpoch: known ? 0 : -1, endOffset: known ? (end ?? -1) : -1 };
      }),
    });
  }
  return { throttleTimeMs: 0, topics };
});
