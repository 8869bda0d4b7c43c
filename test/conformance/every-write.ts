import assert from 'node:assert/strict';
import type { Entry } from '../../server/openapi/registry.ts';
import type { Database } from '../../server/kernel/database.ts';
import type { TestHouse } from '../support/house.ts';
import { requestFor } from './made-up.ts';
import { openApiCore, type ClientError } from './official-clients.ts';

/** What holds for every write there is: a dry run changes nothing and tells the truth; under one ClientToken it happens once. */

type Objects = Readonly<Record<string, unknown>>;
type Body = Record<string, unknown>;

interface Outcome {
  readonly status: number;
  readonly code: string;
  readonly body: Body;
}

/** Written by calls as such, whatever they do; a dry run is a call. */
const OF_CALLS = /^(call_|call$|nonce|quota)/;

/** Rows and a checksum of every table, by name. */
async function fingerprints(database: Database): Promise<Record<string, string>> {
  const tables = await database.rows<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  );
  const prints: Record<string, string> = {};
  for (const { name } of tables) {
    if (OF_CALLS.test(name)) continue;
    const row = await database.row<{ print: string }>(`select count(*) || ' rows, ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as print from "${name}" t`);
    prints[name] = row?.print ?? '';
  }
  return prints;
}

async function call(house: TestHouse, { operation }: Entry, objects: Objects, more: Body): Promise<Outcome> {
  try {
    return { status: 200, code: '', body: (await openApiCore(house.url, house.first, operation.version)(operation.name, { ...requestFor(operation, objects), ...more })) as Body };
  } catch (error) {
    const { statusCode = 0, code = '', message } = error as ClientError;
    return { status: statusCode, code: String(code), body: { message } };
  }
}

/** Every declared write that can be signed; those that delete come last, so that the others find what they name, and the workspace itself at the end. */
export function everyWrite(house: TestHouse): Entry[] {
  const rank = ({ operation: { name } }: Entry) => (/^(DeleteProject|DisableUser|DeleteUser|UpdatePlan)$/.test(name) ? 3 : /^(Delete|Remove)/.test(name) ? 2 : /^(Cancel|Stop|Unpublish|Offline|Disable|Abolish|Terminate)/.test(name) ? 1 : 0);
  return house.house.registry.entries
    .filter(({ operation, declaration }) => declaration !== undefined && operation.access === 'write' && !operation.sessionOnly)
    .toSorted((a, b) => rank(a) - rank(b));
}

const nameOf = ({ operation }: Entry) => `${operation.version} ${operation.name}`;

/** Runs every write in a dry run and holds all tables against what they were. Background work must rest. Tells how many came to an answer. */
export async function checkDryRuns(house: TestHouse, objects: Objects): Promise<string> {
  const faults: string[] = [];
  const entries = everyWrite(house);
  const before = await fingerprints(house.database);
  let done = 0;
  for (const entry of entries) {
    const own = entry.operation.parameters.some(({ name }) => name === 'DryRun');
    const { status, code, body } = await call(house, entry, objects, { DryRun: true });
    if (status >= 500 || status === 0) faults.push(`${nameOf(entry)} answers ${status} ${code} in a dry run: ${String(body['message'])}`);
    if (status !== 200) continue;
    done += 1;
    if (!own && typeof body['DryRun'] !== 'object') faults.push(`${nameOf(entry)} does not tell what it would do`);
  }
  const after = await fingerprints(house.database);
  for (const [table, print] of Object.entries(after)) if (print !== before[table]) faults.push(`${table} had ${before[table]} and has ${print}`);
  assert.deepEqual(faults, []);
  const told = `${done} of ${entries.length} dry runs came to an answer`;
  assert.ok(done > entries.length / 2, told);
  return told;
}

/** Runs every write in a dry run, then under a token, then again under the same token. The first two agree in answer and events; the last answers alike and changes nothing. Tells how many happened. */
export async function checkTokens(house: TestHouse, objects: Objects): Promise<string> {
  const faults: string[] = [];
  const entries = everyWrite(house);
  const keep = /^(DeleteUser|DisableUser|UpdateUser|DeleteAccessKey|ChangePassword)$/;
  let done = 0;
  for (const entry of entries) {
    if (keep.test(entry.operation.name) && objects['UserId'] === house.first.userId) continue;
    const rehearsed = await call(house, entry, objects, { DryRun: true });
    const ClientToken = `once ${nameOf(entry)}`;
    const first = await call(house, entry, objects, { ClientToken });
    if (first.status !== rehearsed.status || first.code !== rehearsed.code) {
      faults.push(`${nameOf(entry)} answers ${first.status} ${first.code} (${String(first.body['message'])}), its dry run ${rehearsed.status} ${rehearsed.code} (${String(rehearsed.body['message'])})`);
    }
    if (first.status !== 200) continue;
    done += 1;
    const told = (rehearsed.body['DryRun'] as { Events?: { EventCode: string }[] } | undefined)?.Events?.map(({ EventCode }) => EventCode);
    const raised = await house.database.rows<{ code: string }>('select code from event where request_id = $1 order by id', [first.body['RequestId']]);
    if (told !== undefined && raised.map(({ code }) => code).join() !== told.join()) faults.push(`${nameOf(entry)} raises ${raised.map(({ code }) => code).join()}, its dry run says ${told.join()}`);
    const before = await fingerprints(house.database);
    const second = await call(house, entry, objects, { ClientToken });
    const after = await fingerprints(house.database);
    const { RequestId: one, ...answer } = first.body;
    const { RequestId: two, ...again } = second.body;
    if (second.status !== 200 || one === two) faults.push(`${nameOf(entry)} answers ${second.status} ${second.code} when it is repeated: ${String(second.body['message'])}`);
    else if (JSON.stringify(sorted(answer)) !== JSON.stringify(sorted(again))) faults.push(`${nameOf(entry)} answers something else when it is repeated`);
    for (const [table, print] of Object.entries(after)) if (print !== before[table]) faults.push(`${nameOf(entry)} changes ${table} when it is repeated: ${before[table]}, then ${print}`);
  }
  assert.deepEqual(faults, []);
  const told = `${done} of ${entries.length} writes happened`;
  assert.ok(done > entries.length / 2, told);
  return told;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]));
}
