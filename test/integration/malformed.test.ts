import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLog, type Log } from '../../server/kernel/log.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { exchange, type RawAnswer } from './malformed/exchange.ts';
import { malformedRequest, type Malformed, type Target } from './malformed/requests.ts';
import { learn, seededRandom, type Known } from './malformed/values.ts';

/** MILLRACE_SEED repeats a run; MILLRACE_MALFORMED sets the number of requests. */
const seed = Number(process.env['MILLRACE_SEED'] ?? '20261124');
const count = Number(process.env['MILLRACE_MALFORMED'] ?? 10_000);
const CONNECTIONS = 12;
/** Heap that may be gained between the second thousand and the last: caches that are still filling, nonces (some 100 bytes each). */
const HEAP_GROWTH_BYTES = 24 * 1024 * 1024;
/** They would take the generator its own right to call, or the workspaces in which everything else happens. */
const SPARED = new Set(['UpdatePlan', 'Login', 'Logout', 'DeleteProject']);
/** Operations without a handler that are called as well. */
const UNBUILT = 20;

/** What the server wrote of its faults, to tell them with the request. */
const complaints: string[] = [];
const write = (detail: object, message: string) => {
  const { err } = detail as { err?: unknown };
  complaints.push(`${message}: ${err instanceof Error ? err.stack : String(err)}`);
};
const log: Log = { ...silentLog, error: write };

let house: TestHouse;
before(async () => {
  house = await startTestHouse({ log });
});
after(() => house.stop());

test(`${count} malformed requests of seed ${seed}: no 5xx, no crash, flat memory`, { timeout: 300_000 }, async (context) => {
  context.diagnostic(`seed ${seed}; MILLRACE_SEED=${seed} repeats this run`);
  const target = await makeTarget();
  const random = seededRandom(seed);
  const port = Number(new URL(house.url).port);
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  const kinds = new Map<string, number>();
  const heaps: number[] = [];

  let made = 0;
  async function work(until: number): Promise<void> {
    while (made < until && faults.length < 20) {
      made += 1;
      const request = malformedRequest(random, target);
      kinds.set(request.kind, (kinds.get(request.kind) ?? 0) + 1);
      try {
        const answers = await exchange(port, request);
        for (const answer of answers) statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        for (const answer of answers) if (answer.status === 200 && request.action !== undefined) learn(target.known, request.action, isObject(answer.body));
        const fault = faultOf(request, answers);
        if (fault !== undefined) faults.push(`${fault}\n    ${request.kind}: ${request.about.slice(0, 1_500)}`);
      } catch (error) {
        faults.push(`${(error as Error).message}\n    ${request.kind}: ${request.about.slice(0, 1_500)}`);
      }
    }
  }
  for (let until = 0; until < count && faults.length < 20; ) {
    until = Math.min(until + 1_000, count);
    const part = until;
    await Promise.all(Array.from({ length: CONNECTIONS }, () => work(part)));
    heaps.push(collectedHeap());
  }

  context.diagnostic(`statuses: ${[...statuses].toSorted(([a], [b]) => a - b).map(([status, times]) => `${status}×${times}`).join(', ')}`);
  context.diagnostic(`kinds: ${[...kinds].map(([kind, times]) => `${kind} ${times}`).join(', ')}`);
  context.diagnostic(`heap in MB after each thousand: ${heaps.map((bytes) => (bytes / 1_048_576).toFixed(1)).join(' ')}`);
  assert.equal(faults.length, 0, [...faults, ...complaints.slice(0, 20)].join('\n'));
  assert.deepEqual(complaints, []);
  assert.ok((statuses.get(200) ?? 0) > 0, 'some of the calls pass, or the handlers were never reached');

  // The server is still there, and its log of calls still takes rows.
  const { Caller } = await house.call('2026-12-01', 'GetCaller', {});
  assert.equal((Caller as { UserName: string }).UserName, 'owner');
  await house.house.openapi.callLog.flush();
  assert.equal(house.house.openapi.callLog.dropped(), 0);
  const growth = (heaps.at(-1) ?? 0) - (heaps[1] ?? 0);
  if (heaps.length > 2) assert.ok(growth < HEAP_GROWTH_BYTES, `the heap grew by ${(growth / 1_048_576).toFixed(1)} MB`);
});

async function makeTarget(): Promise<Target> {
  const roles = ['tenant_owner', 'tenant_member'];
  const victims = await Promise.all(Array.from({ length: 20 }, (_, at) => house.as(`victim${at}`)));
  const key = await house.as('attacker', roles);
  const projects = await Promise.all(['first', 'second', 'third'].map((name) => key.call('2024-05-18', 'CreateProject', { Name: name, DisplayName: name })));
  const { entries } = house.house.registry;
  const ids = projects.map((project) => Number(project['Id']));
  const login = await fetch(`${house.url}/api/open-platform/2026-12-01/Login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ UserName: 'owner', Password: house.first.password }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const asked = await fetch(`${house.url}/api/open-platform/2026-12-01/GetCaller`, { headers: { cookie } });
  const { Caller } = (await asked.json()) as { Caller: { CsrfToken: string } };
  const known: Known = {
    ids,
    names: ['first', 'second', 'third'],
    byName: new Map<string, (string | number)[]>([
      ['ProjectId', ids],
      ['UserId', victims.map((victim) => victim.userId)],
      ['AccessKeyId', victims.map((victim) => victim.accessKeyId)],
      ['FileFolderPath', ['业务流程/tour/MaxCompute', '业务流程/tour']],
      ['FileType', [6, 10, 99, 1221]],
      ['InputList', ids.map((_, at) => `${['first', 'second', 'third'][at]}_root`)],
    ]),
  };
  for (const ProjectId of ids) {
    learn(known, 'CreateBusiness', await key.call('2020-05-18', 'CreateBusiness', { ProjectId, BusinessName: 'tour' }));
    for (const FileName of ['one', 'two']) {
      const file = { ProjectId, FileName, FileType: 99, FileFolderPath: '业务流程/tour/MaxCompute', CreateFolderIfNotExists: true };
      const created = await key.call('2020-05-18', 'CreateFile', file);
      learn(known, 'CreateFile', created);
      learn(known, 'CreateDeployment', await key.call('2020-05-18', 'SubmitFile', { ProjectId, FileId: Number(created['Data']) }));
    }
  }
  return {
    host: new URL(house.url).host,
    key,
    session: { cookie, csrfToken: Caller.CsrfToken },
    operations: [
      ...entries.filter((entry) => entry.declaration !== undefined && !SPARED.has(entry.operation.name)),
      ...entries.filter((entry) => entry.declaration === undefined).slice(0, UNBUILT),
    ].map((entry) => entry.operation),
    known,
  };
}

/** What is wrong with the answers, if anything. */
function faultOf(request: Malformed, answers: readonly RawAnswer[]): string | undefined {
  if (request.complete && answers.length === 0 && request.kind !== 'huge') return 'no answer';
  for (const { status, headers, body } of answers) {
    const shown = `${status} ${body.slice(0, 400)}`;
    if (status >= 500 && status !== 501) return `answered ${shown}`;
    if (request.head) continue;
    if (status < 400) {
      if (!/^location:/im.test(headers) && !isObject(body)) return `an answer that is no JSON: ${shown}`;
      continue;
    }
    if (!/^content-type: application\/json/im.test(headers)) return `an error that is no JSON: ${headers}`;
    const error = isObject(body);
    if (error === undefined || typeof error['RequestId'] !== 'string' || typeof error['Code'] !== 'string' || error['Code'] === '') return `an error without RequestId and Code: ${shown}`;
    if (status === 501 && error['Code'] !== 'Operation.NotImplemented') return `answered ${shown}`;
  }
  return undefined;
}

function isObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of the heap after a full collection. */
function collectedHeap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
