import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { connectionUrl } from '../../server/kernel/postgres/connection.ts';
import { readPostmasterFile } from '../../server/kernel/postgres/process.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { topicName, ALL } from '../../server/openevent/kafka/topics.ts';
import { startKafka, type TestBroker } from '../conformance/kafka-cluster-broker.ts';
import { kafkaJars } from '../conformance/kafka-cluster-jars.ts';
import { eventually } from '../support/eventually.ts';
import { smallDisk, type SmallDisk } from './disk.ts';
import { keepServer, type KeptServer } from './kept-server.ts';
import type { MemberSettings } from './member-process.ts';
import { program, type Program } from './program.ts';
import type { ReceiverSettings } from './receiver-process.ts';
import { freePort } from './server.ts';
import { createReplays, type Replays } from './replays.ts';
import { emptyLedger, inTurn, prepareFiles, sender, type Ledger, type Send, type WrittenFile } from './writers.ts';

/** A push subscription, and what the log held when it was made: it gets what came later. */
export interface Target {
  readonly name: 'killed' | 'steady';
  readonly path: string;
  readonly file: string;
  readonly position: number;
  readonly rowId: number;
}

/** Everything that takes part in the rounds, each a process of its own. */
export interface Place {
  /** Owns the embedded PostgreSQL, and ends with it. */
  readonly first: KeptServer;
  /** A server on the same PostgreSQL, as on somebody else's: it lives through everything that PostgreSQL does. */
  readonly second: KeptServer;
  /** Only takes runs of tasks. */
  readonly worker: KeptServer;
  readonly kafkaPorts: readonly number[];
  /** Undefined where the rounds do without. */
  readonly kafka: TestBroker | undefined;
  readonly disk: SmallDisk | undefined;
  readonly missing: { readonly kafka: string | undefined; readonly disk: string | undefined };
  readonly receiver: Program;
  readonly members: readonly Program[];
  readonly kafkaUser: { readonly username: string; readonly password: string };
  readonly database: Database;
  /** Of PostgreSQL, for whoever wants a connection beside. */
  readonly url: string;
  /** The process of PostgreSQL that is there now. */
  postmaster(): Promise<number | undefined>;
  readonly send: Send;
  /** The writes that `send` got through. */
  readonly replays: Replays;
  /** Where the two servers answer calls. */
  readonly ports: readonly number[];
  readonly ledger: Ledger;
  /** Files of each writer. */
  readonly files: readonly (readonly WrittenFile[])[];
  readonly held: readonly WrittenFile[];
  /** A node in production that leaves marks. */
  readonly markedNode: number;
  readonly marks: string;
  readonly targets: readonly Target[];
  /** What the members of the consumer group wrote down, `what` the receivers did. */
  readonly memberFile: string;
  readonly verdictFile: string;
  readonly tenantId: number;
  close(): Promise<void>;
}

const KEY = { accessKeyId: 'LTAI5tOfTheChaosRounds01', accessKeySecret: 'chaosSecret0123456789abcdefgh' };
const EXTENSION = 'chaos_checker';
const GROUP = 'chaos';

/** Says that it began and that it ended, each in a file of its own for each run, whose number is the name of its home. */
const markingScript = (marks: string) => `run=$(basename "$HOME")
echo x >> ${marks}/$run.began
sleep 0.0$((RANDOM % 9 + 1))
echo x >> ${marks}/$run.ended
`;

/** Lines of a file that processes wrote to, as words; none when there is no file. A last line without its end was cut off by a kill. */
export async function readWords(file: string): Promise<string[][]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1).map((line) => line.split(' '));
}

/** What PostgreSQL is doing and who waits for whom, in lines, to understand what stands still. */
export async function activity(database: Database): Promise<string[]> {
  const rows = await database
    .rows<{ line: string }>(
      `select concat_ws(' ', pid, state, wait_event_type, wait_event, 'blocked by', pg_blocking_pids(pid)::text, now() - xact_start, left(query, 100)) as line
       from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and (state <> 'idle' or cardinality(pg_blocking_pids(pid)) > 0)`,
    )
    .catch((error: unknown) => [{ line: String(error) }]);
  return rows.map((row) => row.line);
}

/** Starts everything. `writers` is the number of workspaces that are written to. */
export async function openPlace(options: { readonly writers: number; readonly kafka: boolean; readonly disk: boolean; readonly members: number }): Promise<Place> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.toReversed()) await closer().catch(() => {});
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const found = options.disk ? await smallDisk() : undefined;
    const disk = found === undefined || 'missing' in found ? undefined : found;
    if (disk !== undefined) closers.push(() => disk.remove());
    const jars = options.kafka ? await kafkaJars() : undefined;
    const kafka = jars === undefined || 'missing' in jars ? undefined : await startKafka();
    if (kafka !== undefined) closers.push(() => kafka.stop());
    const dataFolder = disk?.folder ?? join(folder, 'data');
    const marks = join(folder, 'marks');
    await mkdir(marks);
    await chmod(marks, 0o777);

    const ports = [await freePort(), await freePort(), await freePort()] as const;
    const kafkaPorts = [await freePort(), await freePort()] as const;
    const cluster: Record<string, string> = kafka === undefined ? {} : { MILLRACE_KAFKA_BROKERS: kafka.address };
    const first = keepServer('first server', { dataFolder, port: ports[0], key: KEY, env: { ...cluster, MILLRACE_KAFKA_LISTEN: `127.0.0.1:${kafkaPorts[0]}` } });
    closers.push(() => removeEmbeddedPostgres(dataFolder), () => first.stop());
    await first.start();
    const postgres = await startEmbeddedPostgres({ dataDir: dataFolder, log: () => {}, use: 'shared' });
    await postgres.leave();
    const url = connectionUrl(postgres.connection);
    const database = openDatabase({ connection: url, connections: 2, onError: () => {} });
    closers.push(() => database.close());
    const beside = { ...cluster, DATABASE_URL: url };
    const second = keepServer('second server', { dataFolder, port: ports[1], key: KEY, env: { ...beside, MILLRACE_KAFKA_LISTEN: `127.0.0.1:${kafkaPorts[1]}` } });
    const worker = keepServer('worker', { dataFolder, port: ports[2], key: KEY, env: { DATABASE_URL: url, MILLRACE_ROLES: 'work' } });
    closers.push(() => second.stop(), () => worker.stop());
    await Promise.all([second.start(), worker.start()]).catch(async (error: unknown) => {
      throw new Error(`the servers beside the first did not start: ${(await activity(database)).join('\n')}`, { cause: error });
    });
    const pgdata = (await database.row<{ folder: string }>(`select current_setting('data_directory') as folder`))?.folder ?? '';
    const tenantId = (await database.row<{ id: number }>('select min(id) as id from tenant'))?.id ?? 0;

    const replays = createReplays();
    const calls = ports.slice(0, 2);
    const remember: Replays['remember'] = (draft) => {
      if (draft.headers['x-acs-action']?.startsWith('Get') !== true) replays.remember(draft);
    };
    const send = inTurn(calls.map((port) => sender(port, KEY, remember)));
    const must = async (action: string, parameters: Parameters<Send>[1]): Promise<Record<string, unknown>> => {
      const outcome = await send(action, parameters);
      if (outcome.kind !== 'acknowledged') throw new Error(`${action}: ${JSON.stringify(outcome)}`);
      return outcome.data as Record<string, unknown>;
    };
    await must('UpdatePlan', { Plan: 'Unlimited' });

    // The receivers first, so that nearly all that the log will hold is owed to them.
    const receivers = { killed: await freePort(), steady: await freePort() };
    const targets: Target[] = [];
    const receiverSettings = (name: Target['name']): ReceiverSettings => ({ port: receivers[name], file: join(folder, `received.${name}`), servers: calls, ...KEY, extension: EXTENSION });
    const receiver = program('receiver-process.ts', receiverSettings('killed'));
    const steady = program('receiver-process.ts', receiverSettings('steady'));
    closers.push(() => receiver.kill(), () => steady.kill());
    await Promise.all([receiver.start(), steady.start()]);
    // The vendor's decaying retry begins with one second.
    const subscribe = (name: string, at: string) => must('CreateSubscription', { Name: name, Url: at, RetryStrategy: 'EXPONENTIAL_DECAY_RETRY', TimeoutMillis: 10_000 });
    for (const name of ['killed', 'steady'] as const) {
      const { SubscriptionId } = await subscribe(name, `http://127.0.0.1:${receivers[name]}/all`);
      const cursor = await database.row<{ position: number; row_id: number }>('select position, row_id from delivery_cursor where subscription_id = $1', [SubscriptionId]);
      targets.push({ name, path: '/all', file: join(folder, `received.${name}`), position: cursor?.position ?? 0, rowId: cursor?.row_id ?? 0 });
    }
    await subscribe('checker', `http://127.0.0.1:${receivers.killed}/checker`);

    const ledger = emptyLedger();
    const files: WrittenFile[][] = [];
    for (let at = 0; at < options.writers; at += 1) files.push(await prepareFiles(send, `chaos${at}`, ledger));
    const held = (await Promise.all(['held0', 'held1'].map((name) => prepareFiles(send, name, ledger, 3)))).flat();
    await must('CreateExtension', { ExtensionCode: EXTENSION, ExtensionName: 'Chaos', BindEventList: JSON.stringify(['commit-file']), DeadlineSeconds: 86_400, DeadlineOutcome: 'FAIL' });
    await must('PublishExtension', { ExtensionCode: EXTENSION });
    for (const ProjectId of new Set(held.map((file) => file.projectId))) await must('EnableExtension', { ExtensionCode: EXTENSION, ProjectId });
    const [, marked] = await prepareFiles(send, 'marked', emptyLedger());
    if (marked === undefined) throw new Error('there is no marked file');
    const place = { ProjectId: marked.projectId, FileId: marked.fileId };
    await must('UpdateFile', { ...place, Content: markingScript(marks) });
    await must('SubmitFile', place);
    const { DeploymentId } = { DeploymentId: await must('DeployFile', place) };
    await eventually('the marked file is in production', () => database.row(`select 1 from deployment where id = $1 and status = 'Success'`, [DeploymentId]));

    const { UserName, Password } = await must('CreateKafkaUser', { Name: 'chaos' });
    const kafkaUser = { username: String(UserName), password: String(Password) };
    const memberFile = join(folder, 'members');
    const members = Array.from({ length: options.members }, (_, at) => {
      const settings: MemberSettings = { name: `member-${at}`, brokers: kafkaPorts.map((port) => `127.0.0.1:${port}`), ...kafkaUser, group: GROUP, topic: topicName(ALL), file: memberFile };
      return program('member-process.ts', settings);
    });
    for (const member of members) closers.push(() => member.kill());
    await Promise.all(members.map((member) => member.start()));

    return {
      first,
      second,
      worker,
      kafkaPorts,
      kafka,
      disk,
      missing: { kafka: jars !== undefined && 'missing' in jars ? jars.missing : undefined, disk: found !== undefined && 'missing' in found ? found.missing : undefined },
      receiver,
      members,
      kafkaUser,
      database,
      url,
      postmaster: async () => (await readPostmasterFile(pgdata))?.pid,
      send,
      replays,
      ports: calls,
      ledger,
      files,
      held,
      markedNode: marked.nodeId,
      marks,
      targets,
      memberFile,
      verdictFile: join(folder, 'received.killed'),
      tenantId,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
