import { readdir } from 'node:fs/promises';
import type { Database } from '../../server/kernel/database.ts';
import { limits } from '../../server/kernel/limits.ts';
import { ALL, TENANT } from '../../server/openevent/kafka/topics.ts';
import { topicOf } from '../../server/openevent/kafka-cluster/names.ts';
import { auditCluster } from '../conformance/kafka-cluster-rounds.ts';
import { readTopics } from '../conformance/kafka-cluster.fixture.ts';
import { auditInvariants, auditLedger } from './audit.ts';
import { readWords, type Place } from './place.ts';
import { auditSequence } from './sequence.ts';
import { verdictOf } from './verdict.ts';

/** A promise, what was counted for it, and what breaks it. */
export interface Kept {
  readonly promise: string;
  readonly count: string;
  readonly faults: readonly string[];
}

/** Of what was delivered, that which may come again; */
const MOST_DUPLICATES = 0.001;
/** or else no more each time that something is broken than one subscription has under way at once: the share depends on how often something is. */
const UNDER_WAY = limits.deliveryConcurrency.value;

interface EventRow {
  readonly event_id: string;
  readonly position: number;
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly object_key: string;
}

function duplicatesOf(what: string, duplicates: number, of: number, breaks: number): { readonly text: string; readonly faults: string[] } {
  const share = of === 0 ? 0 : duplicates / of;
  const text = `${duplicates} came again (${(share * 100).toFixed(3)} %, ${(duplicates / Math.max(1, breaks)).toFixed(1)} each time that something was broken)`;
  return { text, faults: share >= MOST_DUPLICATES && duplicates > UNDER_WAY * breaks ? [`${what}: ${text}, at most ${MOST_DUPLICATES * 100} % or ${UNDER_WAY} each time may`] : [] };
}

function sequence(what: string, events: readonly EventRow[], arrivals: readonly string[], breaks: number): Kept {
  const found = auditSequence(events.map((event) => ({ id: event.event_id, key: `${event.tenant_id} ${event.object_key}` })), arrivals);
  const duplicates = duplicatesOf(what, found.duplicates, found.arrived, breaks);
  const some = (ids: readonly string[]) => `${ids.length} (${ids.slice(0, 3).join(', ')})`;
  return {
    promise: `${what}: at least once, no gap, in order within each object`,
    count: `${found.expected} events, ${found.arrived} came, ${found.missing.length} missing, ${found.disorder.length} out of order, ${duplicates.text}`,
    faults: [
      ...(found.missing.length > 0 ? [`${what}: missing ${some(found.missing)}`] : []),
      ...(found.disorder.length > 0 ? [`${what}: out of order ${some(found.disorder)}`] : []),
      ...(found.unknown.length > 0 ? [`${what}: of no event ${some(found.unknown)}`] : []),
      ...duplicates.faults,
    ],
  };
}

async function holds(database: Database, place: Place): Promise<Kept> {
  const faults: string[] = [];
  const check = async (sentence: string, statement: string, values: readonly unknown[] = []) => {
    const rows = await database.rows<{ what: string }>(`${statement} limit 5`, values);
    if (rows.length > 0) faults.push(`${sentence}: ${rows.map((row) => row.what).join('; ')}`);
  };
  const VERSION = 'node_version v join hold h on h.id = v.hold_id';
  await check('holds are open or not carried out', `select id || ' ' || status as what from hold where closed_at is null or resumed_at is null`);
  await check('acknowledged commits have no hold', `select g.id::text as what from unnest($1::bigint[]) as g (id) where not exists (select 1 from ${VERSION} where v.package_id = g.id)`, [place.ledger.held]);
  await check('a hold and its commit have come to different ends', `select h.id || ' ' || h.status || ', version ' || v.status || ', deployment ' || d.status as what from ${VERSION} join deployment d on d.id = v.package_id
     where (h.status, v.status, d.status) not in (('PASSED', 'COMMITTED', 'Success'), ('BLOCKED', 'CANCELLED', 'Rejected'))`);
  await check('a hold was carried out more or less than once', `select h.id || ' ' || h.status || ', published ' || count(t.task_id) as what from ${VERSION} join node n on n.id = v.node_id
     left join task_version t on t.task_id = n.task_id and t.environment = 'DEV' and t.file_version = v.version group by h.id having count(t.task_id) <> (h.status = 'PASSED')::int`);
  const rows = await database.rows<{ id: string; verdict: string }>('select message_id as id, verdict from hold');
  const verdicts = new Map(rows.map((row) => [row.id, row.verdict]));
  const words = await readWords(place.verdictFile);
  const acknowledged = words.filter(([word]) => word === 'verdict');
  const wrong = acknowledged.filter(([, id = '', verdict]) => verdicts.get(id) !== verdict);
  if (wrong.length > 0) faults.push(`acknowledged verdicts do not stand: ${wrong.slice(0, 3).map((line) => line.join(' ')).join('; ')}`);
  const others = rows.filter((row) => row.verdict !== verdictOf(row.id));
  if (others.length > 0) faults.push(`${others.length} holds were decided by somebody else: ${others.slice(0, 3).map((row) => `${row.id} ${row.verdict}`).join('; ')}`);
  const refused = words.filter(([word]) => word === 'refused');
  const again = acknowledged.length - new Set(acknowledged.map(([, id]) => id)).size;
  return {
    promise: 'holds: each decided once, none lost, none carried out twice',
    count: `${rows.length} holds, ${place.ledger.held.length} acknowledged, ${acknowledged.length} verdicts acknowledged (${again} sent again, ${refused.length} refused)`,
    faults,
  };
}

async function instances(database: Database, place: Place): Promise<Kept> {
  const faults: string[] = [];
  const began = new Set<string>();
  const ended = new Set<string>();
  for (const name of await readdir(place.marks)) {
    const [run = '', what] = name.split('.');
    (what === 'began' ? began : ended).add(run);
    if ((await readWords(`${place.marks}/${name}`)).length > 1) faults.push(`run ${run} has ${what} twice`);
  }
  const runs = await database.rows<{ id: number; outcome: string; runs: string[] }>(
    `select i.id, i.status as outcome, array_agg(r.id::text) as runs from task_instance i join task_run r on r.instance_id = i.id where i.task_id = $1 group by i.id, i.status`,
    [place.markedNode],
  );
  for (const instance of runs) if (instance.outcome === 'Success' && !instance.runs.some((run) => ended.has(run))) faults.push(`instance ${instance.id} has succeeded without having been run`);
  const all = await database.row<{ count: number; failed: number; lost: number }>(`select count(*) as count, count(*) filter (where status = 'Failure') as failed, count(*) filter (where interruptions > 0) as lost from task_instance`);
  return {
    promise: 'instances: run, and ended once',
    count: `${all?.count} instances, ${all?.lost} of them lost a worker, ${all?.failed} failed; ${runs.length} left marks in ${began.size} runs`,
    faults,
  };
}

async function cluster(events: readonly EventRow[], place: Place, breaks: number): Promise<Kept> {
  const promise = 'Kafka cluster: every event in the order of the log, in each partition';
  const { kafka, tenantId } = place;
  if (kafka === undefined) return { promise, count: `skipped: ${place.missing.kafka ?? 'not asked for'}`, faults: [] };
  const topics = new Set(events.flatMap((event) => [ALL, event.workspace_id ?? TENANT].map((workspaceId) => topicOf(event.tenant_id, workspaceId, tenantId))));
  const records = await readTopics(kafka.address, [...topics]);
  const found = auditCluster(events, records, tenantId);
  const duplicates = duplicatesOf('Kafka cluster', found.duplicates, records.length, breaks);
  return { promise, count: `${events.length} events, ${records.length} records in ${topics.size} topics, ${duplicates.text}`, faults: [...found.faults, ...duplicates.faults] };
}

/** Holds everything that was acknowledged or written down against what is there, when all has come to rest. `breaks`: how often something was broken. */
export async function auditPromises(place: Place, breaks: number): Promise<Kept[]> {
  const { database, ledger } = place;
  const events = await database.rows<EventRow>('select event_id, position, id, tenant_id, workspace_id, object_key from event order by position, id');
  const kept: Kept[] = [
    {
      promise: 'changes: nothing acknowledged is lost',
      count: `${ledger.requestIds.length} acknowledged, ${ledger.uncertain} without an answer, refused for their content ${JSON.stringify(Object.fromEntries(ledger.refused))}`,
      faults: await auditLedger(database, ledger),
    },
    { promise: 'events: one for each change, none without, none twice, in order; instances end once; no job set aside', count: `${events.length} events`, faults: await auditInvariants(database, 0) },
  ];
  kept.push({ promise: 'replays: an acknowledged request is never taken again', count: `${place.replays.refused} sent again after a round, byte by byte, to either server, and refused`, faults: place.replays.faults });
  for (const { name, path, file, position, rowId } of place.targets) {
    const owed = events.filter((event) => event.tenant_id === place.tenantId && (event.position > position || (event.position === position && event.id > rowId)));
    kept.push(sequence(`push to the ${name} receiver`, owed, (await readWords(file)).flatMap(([word, id]) => (word === path && id !== undefined ? [id] : [])), breaks));
  }
  const read = (await readWords(place.memberFile)).flatMap(([, , id]) => (id === undefined ? [] : [id]));
  kept.push(sequence('Kafka listener, consumer group', events.filter((event) => event.tenant_id === place.tenantId), read, breaks));
  kept.push(await cluster(events, place, breaks), await instances(database, place), await holds(database, place));
  return kept;
}
