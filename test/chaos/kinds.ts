import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { Kafka, logLevel } from 'kafkajs';
import { ALL, topicName } from '../../server/openevent/kafka/topics.ts';
import type { Random } from '../integration/malformed/values.ts';
import type { KeptServer } from './kept-server.ts';
import type { Place } from './place.ts';
import { program } from './program.ts';
import type { Outcome } from './writers.ts';

export const kindNames = ['server', 'worker', 'postgres', 'kafka', 'consumer', 'receiver', 'pause', 'disk', 'connections'] as const;

export type KindName = (typeof kindNames)[number];

/** What the rounds have shown so far, beside the ledger. */
export interface Findings {
  /** Milliseconds from the start of a process to ready, by what was killed. */
  readonly restarts: Map<string, number[]>;
  readonly faults: string[];
  readonly disk: { rounds: number; refused: number; done: number; reads: number; readsRefused: number; databaseEnded: number; readonly said: Set<string> };
  readonly storm: { rounds: number; mostOpen: number; calls: number; callsRefused: number; slowestMs: number; kafkaClients: number; readonly memoryMb: Memory[] };
}

/** Of both servers together, MiB. */
interface Memory {
  readonly before: number;
  readonly peak: number;
  readonly afterFirst: number;
  readonly afterSecond: number;
}

export function emptyFindings(): Findings {
  return {
    restarts: new Map(),
    faults: [],
    disk: { rounds: 0, refused: 0, done: 0, reads: 0, readsRefused: 0, databaseEnded: 0, said: new Set() },
    storm: { rounds: 0, mostOpen: 0, calls: 0, callsRefused: 0, slowestMs: 0, kafkaClients: 0, memoryMb: [] },
  };
}

const DEAD_MS = 800;
/** Share of restarts of a server that are killed as well, within this time. */
const KILLED_START = 0.15;
const KILLED_START_MS = 700;
/** A process stands still: for a moment, longer than its leases on subscriptions and Kafka groups, longer than those on its tasks. */
const PAUSES_MS = [1_000, 8_000, 18_000] as const;
const FULL_MS = 2_000;
const STORM_MS = 2_500;
const STORM_CONNECTIONS = 1_200;
const CALM_MS = 3_000;
const MOST_CALM_MS = 20_000;
/** Both servers together may have this much more memory some seconds after the storms: they are young, and grow with their load. */
const MOST_KEPT_MB = 320;
/** Connections that a server may have more after the storms, for its clients come and go. */
const MOST_KEPT_CONNECTIONS = 40;
/** Nobody waits longer for an answer while others storm. */
const SLOWEST_MS = 10_000;

/** Breaks one thing, and resolves when it is whole again. Answers what it did. */
type Break = (place: Place, random: Random, findings: Findings) => Promise<string>;

function restarted(findings: Findings, what: string, milliseconds: number): string {
  const list = findings.restarts.get(what) ?? [];
  list.push(milliseconds);
  findings.restarts.set(what, list);
  return `ready after ${milliseconds.toFixed(0)} ms`;
}

async function restart(server: KeptServer, what: string, random: Random, findings: Findings): Promise<string> {
  await server.kill();
  await pause(random.below(DEAD_MS));
  if (random.chance(KILLED_START)) {
    server.start().catch(() => {});
    await pause(random.below(KILLED_START_MS));
    await server.kill();
  }
  return `kill -9 of the ${server.name}, ${restarted(findings, what, await server.start())}`;
}

/** PostgreSQL ends, and the first server with it, whose service manager starts it again; the second one and the worker stay. */
async function killPostgres({ first, second, worker, postmaster }: Place, findings: Findings): Promise<string> {
  const others = [second, worker];
  const pids = others.map((server) => server.pid());
  const before = first.pid();
  const pid = await postmaster();
  if (pid === undefined) throw new Error('there is no PostgreSQL to kill');
  process.kill(pid, 'SIGKILL');
  while (first.pid() === before) await pause(10);
  const readyMs = await first.ready();
  const began = performance.now();
  for (const server of others) await server.ready();
  others.forEach((server, at) => {
    if (server.pid() !== pids[at]) findings.faults.push(`the ${server.name} ended when PostgreSQL was killed: ${server.endedByItself().at(-1) ?? ''}`);
  });
  return `kill -9 of PostgreSQL, ${restarted(findings, 'postgres', readyMs)}, the others ${(performance.now() - began).toFixed(0)} ms later`;
}

/** The process stands still, with its connections open and its transactions begun, while others take over what it held; then it goes on as if nothing had been. */
async function standStill({ first, second, worker }: Place, random: Random): Promise<string> {
  const server = random.pick([first, second, worker]);
  const milliseconds = random.pick(PAUSES_MS);
  const pid = server.pid();
  process.kill(pid, 'SIGSTOP');
  await pause(milliseconds);
  process.kill(pid, 'SIGCONT');
  const began = performance.now();
  await server.ready();
  if (server.pid() !== pid) throw new Error(`the ${server.name} ended after it had stood still: ${server.endedByItself().at(-1) ?? ''}`);
  return `the ${server.name} stood still for ${milliseconds} ms, ready ${(performance.now() - began).toFixed(0)} ms later`;
}

async function fillDisk(place: Place, findings: Findings): Promise<string> {
  const { disk, send, held, first } = place;
  const [file] = held;
  if (disk === undefined || file === undefined) return 'no disk to fill: skipped';
  const { projectId: ProjectId, fileId: FileId } = file;
  const seen = findings.disk;
  const ended = first.endedByItself().length;
  await disk.fill();
  try {
    for (const until = performance.now() + FULL_MS; performance.now() < until; await pause(20)) {
      const write = await send('CreateProject', { ProjectIdentifier: `d${Date.now()}`, ProjectName: `d${Date.now()}`, ProjectMode: 2 });
      if (write.kind === 'acknowledged') {
        seen.done += 1;
        place.ledger.created.push(Number(write.data));
        place.ledger.requestIds.push(write.requestId);
      } else {
        seen.refused += 1;
        seen.said.add(sentenceOf(write));
      }
      const read = await send('GetFile', { ProjectId, FileId });
      if (read.kind === 'acknowledged') seen.reads += 1;
      else seen.readsRefused += 1;
    }
  } finally {
    await disk.free();
  }
  seen.rounds += 1;
  await Promise.all([first.ready(), place.second.ready(), place.worker.ready()]);
  const began = performance.now();
  for (;;) {
    const { kind } = await send('CreateProject', { ProjectIdentifier: `e${Date.now()}`, ProjectName: `e${Date.now()}`, ProjectMode: 2 });
    if (kind === 'acknowledged') break;
    if (performance.now() - began > 30_000) throw new Error('nothing can be written although the disk has room again');
  }
  const gone = first.endedByItself().length - ended;
  if (gone > 0) seen.databaseEnded += 1;
  return `full disk for ${FULL_MS} ms${gone > 0 ? ', PostgreSQL ended and came back' : ''}, writes go on after ${(performance.now() - began).toFixed(0)} ms`;
}

function sentenceOf(outcome: Exclude<Outcome, { kind: 'acknowledged' }>): string {
  return outcome.kind === 'refused' ? outcome.code : `${outcome.status ?? 'no answer'} ${outcome.status === undefined ? '' : outcome.message}`.trim();
}

function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1_024;
}

/** Takes what PostgreSQL has left in connections, those reserved for superusers included. */
async function takeConnections(url: string): Promise<{ readonly taken: number; release(): Promise<void> }> {
  const clients: Client[] = [];
  for (;;) {
    const client = new Client({ connectionString: url, application_name: 'somebody else' });
    client.on('error', () => {});
    try {
      await client.connect();
      clients.push(client);
    } catch {
      await client.end().catch(() => {});
      return {
        taken: clients.length,
        release: async () => void (await Promise.all(clients.map((one) => one.end().catch(() => {})))),
      };
    }
  }
}

/** One storm over, during which healthy clients work. Answers the most memory that the servers had, and what was taken from PostgreSQL. */
async function stormOnce(place: Place, findings: Findings, memory: () => number): Promise<{ readonly peak: number; readonly taken: number }> {
  const { first, second, send, held, kafkaPorts, kafkaUser, url } = place;
  const [file] = held;
  if (file === undefined) throw new Error('there is no file to read');
  const seen = findings.storm;
  let peak = 0;
  const storming = program('storm-process.ts', { httpPorts: [first.port, second.port], kafkaPorts, connections: STORM_CONNECTIONS });
  await storming.start();
  const somebody = await takeConnections(url);
  const client = newKafkaClient(kafkaPorts, kafkaUser);
  try {
    for (const until = performance.now() + STORM_MS; performance.now() < until; await pause(20)) {
      const began = performance.now();
      const read = await send('GetFile', { ProjectId: file.projectId, FileId: file.fileId });
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - began);
      seen.calls += 1;
      if (read.kind !== 'acknowledged') {
        seen.callsRefused += 1;
        findings.faults.push(`a call during a storm of connections was not answered: ${sentenceOf(read)}`);
      }
      peak = Math.max(peak, memory());
    }
    seen.mostOpen = Math.max(seen.mostOpen, ...storming.lines().map((line) => Number(line.split(' ')[0])));
    await client.connect();
    if ((await client.fetchTopicOffsets(topicName(ALL))).length > 0) seen.kafkaClients += 1;
  } catch (error) {
    findings.faults.push(`a new Kafka client found no way in during a storm of connections: ${String(error)}`);
  } finally {
    await client.disconnect().catch(() => {});
    await somebody.release();
    await storming.kill();
  }
  return { peak, taken: somebody.taken };
}

async function storm(place: Place, findings: Findings): Promise<string> {
  const seen = findings.storm;
  const memory = () => [place.first, place.second].reduce((sum, { pid }) => sum + residentMb(pid()), 0);
  const before = memory();
  const descriptors = () => [place.first, place.second].reduce((sum, { pid }) => sum + readdirSync(`/proc/${pid()}/fd`).length, 0);
  const openBefore = descriptors();
  await stormOnce(place, findings, memory);
  await pause(CALM_MS);
  const afterFirst = memory();
  const { peak, taken } = await stormOnce(place, findings, memory);
  await pause(CALM_MS);
  for (const calm = performance.now() + MOST_CALM_MS; (memory() > before + MOST_KEPT_MB || descriptors() > openBefore + MOST_KEPT_CONNECTIONS) && performance.now() < calm; ) await pause(250);
  const sample = { before, peak, afterFirst, afterSecond: memory() };
  seen.rounds += 1;
  seen.memoryMb.push(sample);
  const words = memoryWords(sample);
  const kept = descriptors() - openBefore;
  if (kept > MOST_KEPT_CONNECTIONS) findings.faults.push(`the servers keep ${kept} connections after storms`);
  if (sample.afterSecond > before + MOST_KEPT_MB) findings.faults.push(`the servers keep memory after storms of connections: ${words}`);
  if (seen.slowestMs > SLOWEST_MS) findings.faults.push(`a call during a storm of connections took ${seen.slowestMs.toFixed(0)} ms`);
  return `two storms of ${STORM_CONNECTIONS * 4} connections, ${taken} taken from PostgreSQL, ${kept} more open than before, memory ${words}`;
}

export function memoryWords({ before, peak, afterFirst, afterSecond }: Memory): string {
  return `${before.toFixed(0)} MiB, after a storm ${afterFirst.toFixed(0)}, in the next up to ${peak.toFixed(0)}, after it ${afterSecond.toFixed(0)}`;
}

function newKafkaClient(ports: readonly number[], { username, password }: Place['kafkaUser']) {
  const brokers = ports.map((port) => `127.0.0.1:${port}`);
  return new Kafka({ clientId: 'late', brokers, sasl: { mechanism: 'scram-sha-256', username, password }, logLevel: logLevel.NOTHING, connectionTimeout: 3_000, retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 8 } }).admin();
}

/** Every kind, with how often it is chosen. */
export const kinds: Readonly<Record<KindName, { readonly weight: number; readonly run: Break }>> = {
  server: { weight: 5, run: (place, random, findings) => restart(random.chance(0.5) ? place.first : place.second, 'server', random, findings) },
  worker: { weight: 3, run: (place, random, findings) => restart(place.worker, 'worker', random, findings) },
  postgres: { weight: 3, run: (place, _random, findings) => killPostgres(place, findings) },
  kafka: {
    weight: 2,
    async run({ kafka }, random, findings) {
      if (kafka === undefined) return 'no Apache Kafka to kill: skipped';
      await kafka.kill();
      await pause(random.below(DEAD_MS));
      const began = performance.now();
      await kafka.start();
      return `kill -9 of the Kafka broker, ${restarted(findings, 'kafka', performance.now() - began)}`;
    },
  },
  consumer: {
    weight: 4,
    async run({ members }, random, findings) {
      const at = random.below(members.length);
      const member = members[at];
      if (member === undefined) return 'nobody consumes: skipped';
      await member.kill();
      await pause(random.below(2 * DEAD_MS));
      const began = performance.now();
      await member.start();
      return `kill -9 of consumer ${at}, ${restarted(findings, 'consumer', performance.now() - began)}`;
    },
  },
  receiver: {
    weight: 3,
    async run({ receiver }, random, findings) {
      await receiver.kill();
      await pause(random.below(DEAD_MS));
      const began = performance.now();
      await receiver.start();
      return `kill -9 of the receiver, ${restarted(findings, 'receiver', performance.now() - began)}`;
    },
  },
  pause: { weight: 2, run: (place, random) => standStill(place, random) },
  disk: { weight: 1, run: (place, _random, findings) => fillDisk(place, findings) },
  connections: { weight: 1, run: (place, _random, findings) => storm(place, findings) },
};
