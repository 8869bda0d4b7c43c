import { setTimeout as pause } from 'node:timers/promises';
import { readRelay } from '../../server/openevent/kafka-cluster/store.ts';
import { seededRandom, type Random } from '../integration/malformed/values.ts';
import { eventually } from '../support/eventually.ts';
import { auditInvariants, auditLedger } from './audit.ts';
import { emptyFindings, kinds, type Findings, type KindName } from './kinds.ts';
import { activity, openPlace, readWords, type Place } from './place.ts';
import { auditPromises, type Kept } from './promises.ts';
import { startRuns, write, writeHeld } from './writers.ts';

export interface Summary {
  readonly rounds: Readonly<Partial<Record<KindName, number>>>;
  readonly findings: Findings;
  readonly kept: readonly Kept[];
  /** Everything that is broken, in sentences. */
  readonly faults: readonly string[];
}

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly only: readonly KindName[];
  readonly say: (line: string) => void;
  /** Workspaces that are written to at once. */
  readonly writers?: number;
  /** Longest time under load before something is broken. */
  readonly loadMs?: number;
}

const WRITERS = 3;
const MEMBERS = 2;
const LOAD_MS = 3_000;
const REST_MS = 15;
const HELD_REST_MS = 60;
const RUN_REST_MS = 250;
/** Rounds between two looks at what must always hold; at the end everything is looked at. */
const LOOK_EVERY = 10;
/** Time that an instance may need whose worker was killed: its lease, some more kills, and the run. */
const STUCK_MS = 180_000;
const SETTLE_MS = 180_000;
/** Acknowledged requests that are sent again after each round. */
const REPLAYS = 5;

/** Which kinds the rounds break: each once at first, then by their weights. */
function planRounds(rounds: number, only: readonly KindName[], random: Random): KindName[] {
  const weighted = only.flatMap((name) => Array.from({ length: kinds[name].weight }, () => name));
  const first = only.map((name) => ({ name, at: random.next() })).toSorted((a, b) => a.at - b.at);
  return Array.from({ length: rounds }, (_, round) => (round < first.length ? first[round]?.name : undefined) ?? random.pick(weighted));
}

/** Everything works while one thing after the other is killed, filled or flooded; then all comes to rest, and is held against what was acknowledged. */
export async function runChaos(options: ChaosOptions): Promise<Summary> {
  const { say, only } = options;
  const random = seededRandom(options.seed);
  const plan = planRounds(options.rounds, only, random);
  const place = await openPlace({ writers: options.writers ?? WRITERS, kafka: only.includes('kafka'), disk: only.includes('disk'), members: MEMBERS });
  // Who ends the run early wants no servers, brokers and mounts left behind.
  const leave = () => void place.close().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, leave);
  const findings = emptyFindings();
  const { faults } = findings;
  const counted: Partial<Record<KindName, number>> = {};
  try {
    if (place.disk !== undefined) say(`the disk that becomes full: ${place.disk.what}`);
    for (const reason of [place.missing.disk, place.missing.kafka]) if (reason !== undefined) say(`skipped: ${reason}`);
    say(`all works, with ${place.files.length} writers`);
    let stopped = false;
    const until = () => stopped;
    const seeds = place.files.map(() => seededRandom(random.below(2 ** 32)));
    const working = [
      ...place.files.map((files, at) => write(place.send, seeds[at] ?? random, files, place.ledger, until, REST_MS)),
      writeHeld(place.send, place.held, place.ledger, until, HELD_REST_MS),
      startRuns(place.send, place.markedNode, place.ledger, until, RUN_REST_MS),
    ];
    for (const one of working) one.catch((error: unknown) => void faults.push(`a writer gave up: ${String(error)}`));
    for (const [index, name] of plan.entries()) {
      const before = place.ledger.requestIds.length;
      await pause(200 + random.below(options.loadMs ?? LOAD_MS));
      const ends = place.first.endedByItself().length;
      const told = await kinds[name].run(place, random, findings).catch((error: unknown) => {
        faults.push(`${name}: ${String(error)}`);
        return `${name} failed: ${String(error)}`;
      });
      await place.replays.again(REPLAYS, place.ports, random);
      counted[name] = (counted[name] ?? 0) + (told.endsWith('skipped') ? 0 : 1);
      if (name !== 'postgres' && name !== 'disk' && place.first.endedByItself().length > ends) faults.push(`the first server ended by itself: ${place.first.endedByItself().at(-1) ?? ''}`);
      if ((index + 1) % LOOK_EVERY === 0) faults.push(...(await auditLedger(place.database, place.ledger)), ...(await auditInvariants(place.database, STUCK_MS)));
      say(`round ${index + 1}: ${told}; ${place.ledger.requestIds.length - before} acknowledged${faults.length === 0 ? '' : `, ${faults.length} faults so far`}`);
      if (faults.length > 0) {
        for (const fault of faults) say(`  ${fault}`);
        for (const server of [place.first, place.second]) say(`  the ${server.name} said: ${server.complaints().slice(-1_500)}`);
        for (const line of await activity(place.database)) say(`  PostgreSQL: ${line}`);
        break;
      }
    }
    stopped = true;
    await Promise.allSettled(working);
    await settle(place, faults);
    say('all has come to rest');
    for (const server of [place.second, place.worker]) for (const said of server.endedByItself()) faults.push(`the ${server.name} ended by itself: ${said}`);
    faults.push(...place.receiver.failures());
    // Clients may give up, as kafkajs does when a server is killed while it signs in; then their own managers start them again.
    const gaveUp = place.members.flatMap((one) => one.failures());
    if (gaveUp.length > 0) say(`Kafka consumers gave up by themselves ${gaveUp.length} times: ${[...new Set(gaveUp.map((text) => /KafkaJS\w+: .*/.exec(text)?.[0] ?? text.slice(-200)))].join('; ')}`);
    const kept = await auditPromises(place, plan.length);
    return { rounds: counted, findings, kept, faults: [...faults, ...kept.flatMap((one) => one.faults)] };
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeListener(signal, leave);
    await place.close();
  }
}

/** Waits until all that was begun has come to its end and everything has gone out to everybody. */
async function settle({ database, kafka, memberFile, tenantId }: Place, faults: string[]): Promise<void> {
  const none = (statement: string) => async () => (await database.row<{ count: number }>(statement))?.count === 0;
  const wait = (what: string, condition: () => Promise<boolean>) => eventually(what, condition, SETTLE_MS).catch((error: Error) => faults.push(error.message));
  await wait('all instances have ended', none(`select count(*) as count from task_instance where status not in ('Failure', 'Success')`));
  await wait('all holds are decided and carried out', none('select count(*) as count from hold where resumed_at is null'));
  await wait('no job that is due is left', none('select count(*) as count from job where failed_at is null and run_at <= now()'));
  await wait(
    'every target has got everything',
    none(`select count(*) as count from delivery_cursor c join subscription s on s.id = c.subscription_id
      where exists (select 1 from delivery_parked p where p.subscription_id = c.subscription_id) or exists (select 1 from event e where e.tenant_id = s.tenant_id and (e.position, e.id) > (c.position, c.row_id))`),
  );
  if (kafka !== undefined) await wait('everything is in the Kafka cluster', async () => (await readRelay(database, new Date(), 10_000)).lag === 0);
  const owed = (await database.row<{ count: number }>('select count(*) as count from event where tenant_id = $1', [tenantId]))?.count ?? 0;
  await wait('the consumers have read everything', async () => new Set((await readWords(memberFile)).map(([, , id]) => id)).size >= owed);
}
