import { createHash } from 'node:crypto';
import { manualClock } from '../../server/kernel/clock.ts';
import { openDatabase } from '../../server/kernel/database.ts';
import { ApiError } from '../../server/kernel/errors.ts';
import { OutboundError, type OutboundAnswer } from '../../server/kernel/outbound.ts';
import type { WorkspaceDirectory } from '../../server/identity/directory.ts';
import type { WorkspaceReference } from '../../server/kernel/operation.ts';
import type { PointDeclaration } from '../../server/extensions/declare.ts';
import { processStatus, type HoldState } from '../../server/extensions/states.ts';
import { seededRandom } from '../integration/malformed/values.ts';
import { testCaller } from '../support/call.ts';
import { testDatabase } from '../support/database.ts';
import { startProcess, type Process, type World } from './extensions-process.ts';

/**
 * Random histories of held operations, on a real database, with the clock and the transport in the simulation's hand. A seed repeats the choices.
 *
 * Extensions answer in time, late, twice, never, wrongly, for others, after a restart; content is edited meanwhile; deadlines pass; people pass by hand,
 * approve, call off and reconfigure everything; and the process is killed at any statement or around a commit. What must hold is checked as it goes and at the end.
 */
export interface Report {
  readonly seed: number;
  readonly holds: number;
  readonly kills: number;
  readonly refused: number;
  /** How often each way of deciding a check was taken. */
  readonly ways: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

const ALPHA = 501;
const BETA = 502;
const workspaces: readonly WorkspaceReference[] = [ALPHA, BETA].map((id) => ({ id, tenantId: 1, name: `w${id}`, region: 'r', standardMode: true, status: 'Available' }));
const admin = testCaller(1, 1, ['tenant_admin']);
const reviewer = testCaller(2, 1, ['open_platform_admin']);
const keeper = testCaller(3);
const operator = testCaller(4);
const foreigner = testCaller(9, 2, ['tenant_owner']);
const directory: WorkspaceDirectory = {
  find: async (tenantId, idOrName) => workspaces.find((one) => one.tenantId === tenantId && (one.id === idOrName || one.name === idOrName)),
  byId: async (id) => workspaces.find((one) => one.id === id),
  rolesOf: async (_workspace, userId) => (userId === 3 ? ['role_project_admin'] : userId === 4 ? ['role_project_dev'] : []),
};
const OWN = '2026-12-01';
const LEGACY = '2020-05-18';
const OUTCOMES = ['OK', 'WARN', 'FAIL', 'ASK'] as const;
const VERDICTS = ['OK', 'WARN', 'FAIL'] as const;
/** How much later than its deadline a hold may be decided. */
const GRACE_MS = 1_000;

interface Callback {
  readonly holdId: number;
  readonly messageId: string;
  readonly code: string;
}

export async function simulate(seed: number, steps: number, options: { readonly withoutDeadlines?: boolean } = {}): Promise<Report> {
  const random = seededRandom(seed);
  const { url, drop } = await testDatabase();
  const database = openDatabase({ connection: url, connections: 16 });
  const clock = manualClock(new Date('2026-12-01T08:00:00Z'));
  const faults: string[] = [];
  const fault = (text: string) => void faults.push(`seed ${seed}: ${text}`);
  await database.run('create table sim_event (message_id text primary key, held boolean not null)');
  await database.run('create table sim_resumed (hold_id bigint not null, what text not null)');
  await database.run('create table sim_file (id bigint primary key, version integer not null)');
  for (let file = 1; file <= 8; file += 1) await database.run('insert into sim_file values ($1, 1)', [file]);

  const points: PointDeclaration[] = ['commit-file', 'deploy-file'].map((code) => ({
    code,
    async currentSnapshot(change, args) {
      const file = await change.row<{ version: number }>('select version from sim_file where id = $1', [args['fileId']]);
      return content(Number(args['fileId']), file?.version ?? 0);
    },
    async proceed(change, args, outcome) {
      const file = await change.row<{ version: number }>('select version from sim_file where id = $1', [args['fileId']]);
      if (file?.version !== args['version']) fault(`hold ${outcome.holdId} went on with other content than was checked`);
      if (random.chance(0.05)) throw new ApiError('NotFound', { kind: 'File', label: 'file', id: 1 });
      await change.run(`insert into sim_resumed values ($1, 'proceed')`, [outcome.holdId]);
    },
    async reject(change, _args, outcome) {
      await change.run(`insert into sim_resumed values ($1, 'reject')`, [outcome.holdId]);
    },
  }));

  const world: World = {
    database,
    clock,
    directory,
    points,
    events: {
      async append(tx, _actor, _now, raised) {
        for (const event of raised) if (event.code.endsWith('-file')) await tx.run('insert into sim_event values ($1, $2)', [event.eventId, event.data['blockBusiness'] === true]);
      },
    },
    transport: { checkTarget() {}, request: async () => transport() },
  };

  /** Time is one for all: checkers that think side by side move it one after the other. */
  let time: Promise<void> = Promise.resolve();

  async function tick(before: Promise<void>): Promise<void> {
    await before;
    // What takes milliseconds in the database must not take seconds here.
    while (process.fate.open + peer.fate.open > 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(500);
    await process.sweep().catch((error: unknown) => {
      if (!process.fate.dead) throw error;
    });
  }

  /** What a direct checker does. Time passes while it thinks, and everybody else goes on meanwhile. */
  async function transport(): Promise<OutboundAnswer> {
    if (process.fate.dead) throw new OutboundError('cancelled', 'the process is gone', 0);
    for (let thinking = random.chance(0.3) ? random.below(18) : 0; thinking > 0 && !process.fate.dead; thinking -= 1) {
      time = tick(time);
      await time;
    }
    const say = (status: number, text: string, truncated = false): OutboundAnswer => ({ status, text, truncated, headers: { 'content-type': 'application/json' }, durationMs: 1 });
    const roll = random.below(12);
    if (roll < 5) return say(200, JSON.stringify({ checkResult: random.pick(VERDICTS), checkMessage: 'seen', findings: [{ text: 'x' }] }));
    if (roll === 5) return say(202, '');
    if (roll === 6) return say(random.pick([500, 503, 429]), '');
    if (roll === 7) return say(200, '<html>', false);
    if (roll === 8) return say(200, '{"checkResult":"OK"', true);
    if (roll === 9) throw new OutboundError('timeout', 'no complete answer', 1);
    if (roll === 10) throw new OutboundError('connect', 'connection refused', 1);
    return say(200, '{"checkResult":"OK","snapshotHash":"0"}');
  }

  let process: Process = startProcess(world, options);
  /** Another process on the same database, which is never killed: it works side by side with the first from time to time. */
  const peer = startProcess(world, options);
  let kills = 0;
  let circles = 0;
  let refused = 0;
  /** When no process lived, up to the first look of the next one. */
  const down: { from: Date; to: Date }[] = [];
  /** Acknowledged answers by check, which must never be forgotten or changed. */
  const answered = new Map<string, string>();
  const acknowledged = new Set<number>();

  /** Does something as a client would, who hears nothing when the process dies. Answers the refusal, if it was one. */
  async function attempt(work: () => Promise<unknown>): Promise<ApiError | 'done' | 'unknown'> {
    const mine = process;
    try {
      await work();
      return 'done';
    } catch (error) {
      if (error instanceof ApiError) return error;
      if (!mine.fate.dead) throw error;
      // Several may hear of one death.
      if (process === mine) await (restarting ??= restart().finally(() => (restarting = undefined)));
      return 'unknown';
    }
  }

  let restarting: Promise<void> | undefined;

  async function restart(): Promise<void> {
    kills += 1;
    const from = clock.now();
    circles += process.fate.circles;
    await process.bury();
    clock.advance(random.below(3_000));
    process = startProcess(world, options);
    await process.sweep();
    down.push({ from, to: clock.now() });
  }

  const call = (caller: typeof admin, version: string, action: string, request: object) => process.call(caller, version, action, request);

  async function turn(): Promise<void> {
    await attempt(() => (random.chance(0.4) ? Promise.all([process.turn(), peer.turn()]) : process.turn()));
  }

  /** Lets time pass in the steps in which the services look. */
  async function pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 500) {
      clock.advance(500);
      await turn();
    }
    await turn();
  }

  const codes: string[] = [];
  async function register(): Promise<void> {
    const code = `x${codes.length}`;
    const invocation = random.pick(['EVENT', 'EVENT', 'HTTP', 'FUNCTION'] as const);
    const made = await attempt(() =>
      call(reviewer, OWN, 'CreateExtension', {
        ExtensionCode: code,
        ExtensionName: code,
        BindEventList: random.pick([['commit-file'], ['deploy-file'], ['commit-file', 'deploy-file']]),
        ProjectTesting: random.pick([ALPHA, BETA]),
        DeadlineSeconds: 1 + random.below(40),
        DeadlineOutcome: random.pick(VERDICTS),
        ...(invocation === 'EVENT' ? {} : { Invocation: invocation, Target: 'http://checker.example/' }),
      }),
    );
    if (made !== 'done') return;
    codes.push(code);
    if (random.chance(0.8)) await attempt(() => call(reviewer, OWN, 'PublishExtension', { ExtensionCode: code }));
    await reconfigure(code);
  }

  async function reconfigure(code: string): Promise<void> {
    await attempt(() =>
      call(admin, OWN, 'EnableExtension', {
        ExtensionCode: code,
        ProjectId: random.pick([ALPHA, BETA]),
        Mode: random.pick(['SHADOW', 'WARN', 'ENFORCE', 'ENFORCE']),
        DeadlineSeconds: 1 + random.below(40),
        DeadlineOutcome: random.pick(OUTCOMES),
        FailureOutcome: random.pick(OUTCOMES),
        ReleaseOutcome: random.pick(OUTCOMES),
        BreakerFailures: random.below(4),
        BreakerSeconds: 1 + random.below(10),
      }),
    );
  }

  async function propose(): Promise<void> {
    const fileId = 1 + random.below(8);
    const workspaceId = random.pick([ALPHA, BETA]);
    const point = random.pick(['commit-file', 'deploy-file']);
    await attempt(async () => {
      const proposed = await process.changes.change({ tenantId: 1, userId: 4, action: 'SubmitFile', requestId: undefined, sourceAddress: undefined }, async (change) => {
        const file = await change.row<{ version: number }>('select version from sim_file where id = $1', [fileId]);
        const version = file?.version ?? 0;
        return process.holds.propose(change, {
          point,
          workspaceId,
          objectKey: `file:${fileId}`,
          data: { fileId, projectId: workspaceId },
          title: `file ${fileId}`,
          fileType: 10,
          snapshot: content(fileId, version),
          args: { fileId, version },
        });
      });
      if (proposed.held) acknowledged.add(proposed.holdId);
    });
  }

  async function someCheck(): Promise<Callback | undefined> {
    const rows = await database.rows<Callback>(
      `select h.id as "holdId", h.message_id as "messageId", e.code from hold_check c join hold h on h.id = c.hold_id join extension e on e.id = c.extension_id order by h.id desc limit 60`,
    );
    return rows.length === 0 ? undefined : random.pick(rows);
  }

  async function answer(): Promise<void> {
    const check = await someCheck();
    if (check === undefined) return;
    const result = random.pick(VERDICTS);
    const wrong = random.below(10);
    const caller = wrong === 0 ? foreigner : wrong === 1 ? operator : reviewer;
    const messageId = wrong === 2 ? 'nobody-knows' : check.messageId;
    const code = wrong === 3 ? 'nobody' : check.code;
    const came = await attempt(() => call(caller, LEGACY, random.pick(['UpdateIDEEventResult', 'CallbackExtension']), { MessageId: messageId, ExtensionCode: code, CheckResult: result, CheckResultTip: result, CheckMessage: result }));
    if (came === 'unknown') return;
    if (came !== 'done') {
      refused += 1;
      return;
    }
    if (wrong <= 3) return fault(`a callback was taken that is none: ${wrong}`);
    const key = `${check.holdId} ${check.code}`;
    const before = answered.get(key);
    if (before !== undefined && before !== result) fault(`the check ${key} was answered ${before}, and then ${result}`);
    answered.set(key, result);
    // Sent twice: the same again is taken.
    if (random.chance(0.3)) {
      const again = await attempt(() => call(caller, LEGACY, 'CallbackExtension', { MessageId: messageId, ExtensionCode: code, CheckResult: result, CheckMessage: result }));
      if (again instanceof ApiError) fault(`the same answer again was refused: ${again.message}`);
    }
  }

  const openHold = async (status: HoldState) => {
    const rows = await database.rows<{ id: number }>('select id from hold where status = $1 order by id desc limit 20', [status]);
    return rows.length === 0 ? undefined : random.pick(rows).id;
  };

  const actions: readonly (() => Promise<unknown>)[] = [
    ...Array.from({ length: 6 }, () => propose),
    // Several at once, while somebody answers or decides.
    () => Promise.all([propose(), propose(), answerQuietly()]),
    ...Array.from({ length: 7 }, () => answer),
    () => pass(500 + random.below(2_000)),
    () => pass(500 + random.below(8_000)),
    () => pass(500 + random.below(30_000)),
    () => attempt(() => process.changes.change({ tenantId: 1, userId: 4, action: 'UpdateFile', requestId: undefined, sourceAddress: undefined }, (change) => change.run('update sim_file set version = version + 1 where id = $1', [1 + random.below(8)]))),
    async () => {
      const check = await someCheck();
      if (check !== undefined) await attempt(() => call(admin, OWN, 'MarkHoldPassed', { HoldId: check.holdId, ExtensionCode: check.code, Reason: 'simulated' }));
    },
    async () => {
      const holdId = await openHold(random.pick(['CHECKING', 'APPROVING']));
      if (holdId !== undefined) await attempt(() => call(operator, OWN, 'CancelHold', { HoldId: holdId }));
    },
    async () => {
      const holdId = await openHold('APPROVING');
      if (holdId !== undefined) await attempt(() => call(keeper, OWN, 'DecideHoldApproval', { HoldId: holdId, Approve: random.chance(0.6) }));
    },
    async () => (codes.length < 6 ? register() : reconfigure(random.pick(codes))),
    async () => (codes.length === 0 ? register() : reconfigure(random.pick(codes))),
    async () => {
      if (codes.length === 0) return;
      const ExtensionCode = random.pick(codes);
      await attempt(() => call(admin, OWN, 'DisableExtensionForProject', { ExtensionCode, ProjectId: random.pick([ALPHA, BETA]) }));
    },
    async () => {
      if (codes.length === 0) return;
      const ExtensionCode = random.pick(codes);
      await attempt(() => call(reviewer, OWN, random.pick(['DisableExtension', 'PublishExtension', 'PublishExtension']), { ExtensionCode }));
    },
    async () => {
      if (random.chance(0.5)) await attempt(() => call(admin, OWN, 'CreateExtensionApprovalPolicy', { Name: `p${random.below(3)}`, Steps: [{ Type: 'ROLE', Values: ['role_project_admin'] }], DeadlineSeconds: 1 + random.below(60) }));
      else await database.run('delete from extension_approval_policy');
    },
    async () => {
      process.fate.left = random.below(60);
    },
    turn,
    viewsAgree,
  ];

  async function answerQuietly(): Promise<void> {
    await answer();
  }

  /** How the two views differ, of the newest operations. */
  async function differences(): Promise<string[]> {
    const found: string[] = [];
    for (const EventCode of ['commit-file', 'deploy-file']) {
      const { PagingInfo } = (await call(admin, LEGACY, 'ListCheckProcesses', { EventCode, PageSize: 50 })) as { PagingInfo: { CheckProcesses: { ProcessId: string; Status: string }[] } };
      for (const { ProcessId, Status } of PagingInfo.CheckProcesses) {
        const own = await process.holds.read(database, 1, Number(ProcessId.slice('job_'.length)));
        if (own?.status !== Status) found.push(`${ProcessId} is ${Status} in one view and ${own?.status} in the other`);
      }
    }
    return found;
  }

  /** ListCheckProcesses and the holds' own view agree. Something may be decided between the two looks, but not at every look. */
  async function viewsAgree(): Promise<void> {
    await attempt(async () => {
      let last: string[] = [];
      for (let look = 0; look < 4; look += 1) {
        last = await differences();
        if (last.length === 0) return;
      }
      last.forEach(fault);
    });
  }

  for (let number = 0; number < 3; number += 1) await register();
  for (let number = 0; number < steps; number += 1) await random.pick(actions)();

  // Nothing happens any more but time: from deadline to deadline every hold comes to its end.
  process.fate.left = undefined;
  await turn();
  for (let round = 0; round < 400; round += 1) {
    const next = await database.row<{ at: Date | null }>(
      `select min(at) as at from (select deadline_at as at from hold_check where state = 'WAITING' union all select deadline_at from hold_approval where state = 'PENDING') due`,
    );
    if (next?.at === null || next?.at === undefined) break;
    clock.set(new Date(Math.max(next.at.getTime(), clock.now().getTime())));
    await turn();
  }
  // Jobs that failed or whose process was killed wait for their next try.
  for (let minute = 0; minute < 8; minute += 1) {
    clock.advance(61_000);
    await turn();
  }
  await viewsAgree();
  await auditEnd();
  const ways = await database.rows<{ way: string; count: number }>(`select state || coalesce(' ' || result, '') as way, count(*) as count from hold_check group by 1`);
  const total = await database.row<{ count: number }>('select count(*) as count from hold');
  const noted = await database.row<{ count: number }>('select count(*) as count from refused_callback');
  // A kill between a refusal and its note loses the note, and one after the note loses the answer; nothing else does.
  if (Math.abs((noted?.count ?? 0) - refused) > kills) fault(`${refused} callbacks were refused, and ${noted?.count} are noted`);
  circles += process.fate.circles + peer.fate.circles;
  if (circles > 0) fault(`${circles} changes waited in a circle`);
  await process.bury();
  await peer.bury();
  await database.close();
  await drop();
  return { seed, holds: total?.count ?? 0, kills, refused, ways: Object.fromEntries(ways.map(({ way, count }) => [way, count])), faults };

  async function auditEnd(): Promise<void> {
    const holds = await database.rows<{ id: number; status: HoldState; verdict: string; shadow: boolean; resume_status: string | null; message_id: string; proceeded: number; rejected: number; checks: { state: string; result: string | null; mode: string; code: string }[]; approval: string | null }>(
      `select h.id, h.status, h.verdict, h.shadow, h.resume_status, h.message_id,
         (select count(*) from sim_resumed r where r.hold_id = h.id and r.what = 'proceed') as proceeded, (select count(*) from sim_resumed r where r.hold_id = h.id and r.what = 'reject') as rejected,
         (select jsonb_agg(jsonb_build_object('state', c.state, 'result', c.result, 'mode', c.mode, 'code', e.code)) from hold_check c join extension e on e.id = c.extension_id where c.hold_id = h.id) as checks,
         (select state from hold_approval a where a.hold_id = h.id) as approval
       from hold h order by h.id`,
    );
    const ids = new Set(holds.map(({ id }) => id));
    for (const id of acknowledged) if (!ids.has(id)) fault(`the acknowledged hold ${id} is lost`);
    for (const hold of holds) {
      const { id, status, proceeded, rejected, checks } = hold;
      if (processStatus(status) === 'CHECKING') fault(`hold ${id} is still ${status}`);
      if (checks.some((check) => check.state === 'WAITING')) fault(`hold ${id} has a check that still waits`);
      if (hold.resume_status === null) fault(`hold ${id} never went on`);
      const wanted = hold.shadow ? [0, 0] : status === 'PASSED' ? [1, 0] : [0, 1];
      if (proceeded !== wanted[0] || rejected !== wanted[1]) fault(`hold ${id} is ${status}, went on ${proceeded} times and was given up ${rejected} times`);
      const worst = worstOf(checks);
      if (status === 'PASSED' && (worst === 'FAIL' || (worst === 'ASK' && hold.approval !== 'APPROVED'))) fault(`hold ${id} passed with ${worst}`);
      if (status === 'BLOCKED' && hold.resume_status === 'DONE' && hold.approval === null && worst !== 'FAIL') fault(`hold ${id} is blocked with ${worst}`);
      for (const check of checks) {
        const said = answered.get(`${id} ${check.code}`);
        if (said !== undefined && (check.state !== 'ANSWERED' || check.result !== said)) fault(`hold ${id}: ${check.code} answered ${said}, which became ${check.state} ${check.result}`);
      }
    }
    const late = await database.rows<{ what: string; due: Date; at: Date }>(
      `select 'hold ' || id as what, deadline_at as due, closed_at as at from hold where closed_at > deadline_at
       union all select 'a check of hold ' || hold_id, deadline_at, answered_at from hold_check where answered_at > deadline_at and state <> 'RELEASED'`,
    );
    for (const { what, due, at } of late) {
      const wasDown = down.some(({ from, to }) => from <= at && to >= due);
      if (at.getTime() - due.getTime() > GRACE_MS && !wasDown) fault(`${what} was decided ${at.getTime() - due.getTime()} ms after its deadline`);
    }
    const events = await database.rows<{ message_id: string; held: boolean }>('select message_id, held from sim_event');
    const heldEvents = new Set(events.flatMap((event) => (event.held ? [event.message_id] : [])));
    const heldHolds = new Set(holds.flatMap((hold) => (hold.shadow ? [] : [hold.message_id])));
    for (const id of heldEvents) if (!heldHolds.has(id)) fault(`the event ${id} says that it holds, and there is no hold`);
    for (const id of heldHolds) if (!heldEvents.has(id)) fault(`a hold has no event ${id}`);
  }
}

function content(fileId: number, version: number): Record<string, unknown> {
  return { CommittedFile: { FileId: fileId, Content: createHash('sha256').update(`${fileId} ${version}`).digest('hex') } };
}

/** The rule of the worst answer, written down a second time. */
function worstOf(checks: readonly { result: string | null; mode: string }[]): string {
  const order = ['OK', 'WARN', 'ASK', 'FAIL'];
  let worst = 0;
  for (const { result, mode } of checks) {
    if (result === null || mode === 'SHADOW') continue;
    const weight = order.indexOf(result);
    worst = Math.max(worst, mode === 'WARN' ? Math.min(weight, 1) : weight);
  }
  return order[worst] ?? 'OK';
}
