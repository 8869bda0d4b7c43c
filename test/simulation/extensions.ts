import { createHash } from 'node:crypto';
import { manualClock, type ManualClock } from '../../server/kernel/clock.ts';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { ApiError } from '../../server/kernel/errors.ts';
import { limits } from '../../server/kernel/limits.ts';
import { OutboundError, type OutboundAnswer, type OutboundRequest } from '../../server/kernel/outbound.ts';
import type { WorkspaceDirectory } from '../../server/identity/directory.ts';
import type { WorkspaceReference } from '../../server/kernel/operation.ts';
import type { PointDeclaration } from '../../server/extensions/declare.ts';
import { processStatus, type HoldState } from '../../server/extensions/states.ts';
import type { Random } from '../integration/malformed/values.ts';
import { testCaller } from '../support/call.ts';
import { testDatabase } from '../support/database.ts';
import { choicesOf, newTally, scriptOf, type Action } from './choices.ts';
import { startProcess, type Process, type World } from './extensions-process.ts';
import { AnswerLost, coverage, crashPoints, doomOf, type CrashPoints } from './mortal.ts';
import type { Report, SimulatedWorld } from './seeds.ts';

/**
 * Random histories of held operations, on a real database, with the clock and the transport in the simulation's hand. A seed repeats the choices.
 *
 * Extensions answer in time, late, twice, never, wrongly, for others, after a restart, and are clogged for a while; content is edited meanwhile; deadlines pass
 * and clocks jump; people pass by hand, approve, call off and reconfigure everything; two processes decide the same; commits are slow, and their answers are
 * lost; and one process is killed at any statement and around any commit. What must hold is checked as it goes and at the end.
 */

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

const STEPS = 40;
const BEGIN = new Date('2026-12-01T08:00:00Z');
const FARTHEST_JUMP_MS = 60_000;
const TABLES = [
  'hold_approval_decision', 'hold_approval', 'hold_check', 'hold', 'refused_callback', 'extension_breaker', 'extension_attachment', 'extension_draft', 'extension_review', 'extension_version',
  'extension_approval_policy', 'extension', 'job', 'sim_event', 'sim_resumed',
];

interface Options {
  readonly withoutDeadlines?: boolean;
}

interface Stage {
  readonly database: Database;
  readonly clock: ManualClock;
  readonly points: CrashPoints;
}

/** A place for many histories, one after the other. */
export async function extensionsWorld(options: Options = {}): Promise<SimulatedWorld> {
  const { url, drop } = await testDatabase();
  const database = openDatabase({ connection: url, connections: 16 });
  const clock = manualClock(BEGIN);
  const points = crashPoints();
  await database.run('create table sim_event (message_id text primary key, held boolean not null)');
  await database.run('create table sim_resumed (hold_id bigint not null, what text not null)');
  await database.run('create table sim_file (id bigint primary key, version integer not null)');
  await database.run('insert into sim_file select file, 1 from generate_series(1, 8) as file');
  return {
    async simulate(seed) {
      await database.run([...TABLES.map((table) => `delete from ${table}`), 'update sim_file set version = 1'].join(';'));
      clock.set(BEGIN);
      return simulate(seed, { database, clock, points }, options);
    },
    crashPoints: () => coverage(points, 100),
    async close() {
      await database.close();
      await drop();
    },
  };
}

async function simulate(seed: number, { database, clock, points: crashes }: Stage, options: Options): Promise<Report> {
  const choices = choicesOf(seed);
  const tally = newTally();
  const faults: string[] = [];
  const fault = (text: string) => void faults.push(`seed ${seed}: ${text}`);

  const points: PointDeclaration[] = ['commit-file', 'deploy-file'].map((code) => ({
    code,
    async currentSnapshot(change, args) {
      const file = await change.row<{ version: number }>('select version from sim_file where id = $1', [args['fileId']]);
      return content(Number(args['fileId']), file?.version ?? 0);
    },
    async proceed(change, args, outcome) {
      const file = await change.row<{ version: number }>('select version from sim_file where id = $1', [args['fileId']]);
      if (file?.version !== args['version']) fault(`hold ${outcome.holdId} went on with other content than was checked`);
      if (choices.of(`proceed ${args['number']}`).chance(0.05)) throw new ApiError('NotFound', { kind: 'File', label: 'file', id: 1 });
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
    transport: { checkTarget() {}, request: transport },
    crashPoints: crashes,
  };
  /** While they are, no checker answers. */
  let clogged = false;

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
  async function transport({ headers, body }: OutboundRequest): Promise<OutboundAnswer> {
    if (process.fate.dead) throw new OutboundError('cancelled', 'the process is gone', 0);
    const random = choices.of(`${headers?.['x-millrace-extension-code']} ${headers?.['x-millrace-attempt']} ${/#\d+#/.exec(String(body))?.[0]}`);
    if (clogged) {
      tally.count('clogged checkers');
      throw new OutboundError('timeout', 'no complete answer', 1);
    }
    for (let thinking = random.chance(0.3) ? random.below(8) : 0; thinking > 0 && !process.fate.dead; thinking -= 1) {
      time = tick(time);
      await time;
    }
    const say = (status: number, text: string, truncated = false): OutboundAnswer => ({ status, text, truncated, headers: { 'content-type': 'application/json' }, durationMs: 1 });
    const roll = random.below(12);
    if (roll < 5) return say(200, JSON.stringify({ checkResult: random.pick(VERDICTS), checkMessage: 'seen', findings: [{ text: 'x' }] }));
    // Taken on, and it may call back; or an answer that was lost on the way, which is asked for once more.
    if (roll === 5) return say(202, '');
    if (roll === 9) tally.count('lost answers of checkers');
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
  /** Answers to commits that nobody heard although the process lived. */
  let unheard = 0;
  let proposals = 0;
  let refused = 0;
  /** When no process lived, up to the first look of the next one. */
  const down: { from: Date; to: Date }[] = [];
  /** Acknowledged answers by check, which must never be forgotten or changed. */
  const answered = new Map<string, string>();
  const acknowledged = new Set<number>();

  /** Does something as a client would, who hears nothing when the process dies. Answers the refusal, if it was one. */
  async function attempt(work: () => Promise<unknown>): Promise<ApiError | 'done' | 'unknown' | 'unheard'> {
    const mine = process;
    try {
      await work();
      return 'done';
    } catch (error) {
      if (error instanceof ApiError) return error;
      if (!mine.fate.dead && error instanceof AnswerLost) return 'unheard';
      if (!mine.fate.dead) throw error;
      // Several may hear of one death.
      if (process === mine) await (restarting ??= restart().finally(() => (restarting = undefined)));
      return 'unknown';
    }
  }

  let restarting: Promise<void> | undefined;

  /** Takes down what became of a process. */
  function note({ fate }: Process): void {
    circles += fate.circles;
    unheard += fate.lost;
    tally.count('slow commits', fate.slowed);
    Object.assign(fate, { circles: 0, lost: 0, slowed: 0 });
  }

  async function restart(): Promise<void> {
    kills += 1;
    const from = clock.now();
    note(process);
    await process.bury();
    clock.advance(choices.of(`restart ${kills}`).below(3_000));
    process = startProcess(world, options);
    await process.sweep();
    down.push({ from, to: clock.now() });
  }

  const call = (caller: typeof admin, version: string, action: string, request: object) => process.call(caller, version, action, request);

  /** The process looks, and once more where it could not come to the end, as it would a moment later. */
  async function turn(): Promise<void> {
    for (let looks = 0; looks < 4; looks += 1) if ((await attempt(() => process.turn())) === 'done') return;
  }

  /** Both processes look at the same moment. */
  async function turnTogether(): Promise<void> {
    const due = await database.row(
      `select from hold_check where state = 'WAITING' and (deadline_at <= $1 or ask_at <= $1) union all select from hold_approval where state = 'PENDING' and deadline_at <= $1
       union all select from job where run_at <= $1 and failed_at is null limit 1`,
      [clock.now()],
    );
    if (due !== undefined) tally.count('processes at the same work');
    if ((await attempt(() => Promise.all([process.turn(), peer.turn()]))) !== 'done') await turn();
  }

  const nextDue = async () => {
    // What the processes have begun to ask by themselves comes to its end before time goes on.
    await attempt(() => process.idle());
    await peer.idle();
    const row = await database.row<{ at: Date | null }>(
      `select min(at) as at from (select deadline_at as at from hold_check where state = 'WAITING' union all select ask_at from hold_check where state = 'WAITING' union all
         select deadline_at from hold_approval where state = 'PENDING' union all select run_at from job where failed_at is null) as due where at > $1`,
      [clock.now()],
    );
    return row?.at ?? undefined;
  };

  /** Lets time pass, from one moment at which there is something to do to the next. */
  async function pass(milliseconds: number): Promise<void> {
    const end = clock.now().getTime() + milliseconds;
    for (let looks = 0; looks < 30 && clock.now().getTime() < end; looks += 1) {
      const due = (await nextDue())?.getTime() ?? end;
      clock.set(new Date(Math.min(end, due + (looks % 5) * 100)));
      await turn();
    }
  }

  const codes: string[] = [];
  async function register(random: Random): Promise<void> {
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
    await reconfigure(random, code);
  }

  async function reconfigure(random: Random, code: string): Promise<void> {
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

  async function propose(random: Random): Promise<void> {
    const number = (proposals += 1);
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
          title: `file ${fileId} #${number}#`,
          fileType: 10,
          snapshot: content(fileId, version),
          args: { fileId, version, number },
        });
      });
      if (proposed.held) acknowledged.add(proposed.holdId);
    });
  }

  async function someCheck(random: Random): Promise<Callback | undefined> {
    const rows = await database.rows<Callback>(
      `select h.id as "holdId", h.message_id as "messageId", e.code from hold_check c join hold h on h.id = c.hold_id join extension e on e.id = c.extension_id order by h.id desc limit 12`,
    );
    return rows.length === 0 ? undefined : random.pick(rows);
  }

  async function answer(random: Random): Promise<void> {
    const check = await someCheck(random);
    if (check === undefined) return;
    const result = random.pick(VERDICTS);
    const wrong = random.below(10);
    const caller = wrong === 0 ? foreigner : wrong === 1 ? operator : reviewer;
    const messageId = wrong === 2 ? 'nobody-knows' : check.messageId;
    const code = wrong === 3 ? 'nobody' : check.code;
    const action = random.pick(['UpdateIDEEventResult', 'CallbackExtension']);
    const tell = () => attempt(() => call(caller, LEGACY, action, { MessageId: messageId, ExtensionCode: code, CheckResult: result, CheckResultTip: result, CheckMessage: result }));
    let came = await tell();
    if (came === 'unheard') {
      tally.count('answers told again');
      came = await tell();
    }
    if (came === 'unknown' || came === 'unheard') return;
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
      tally.count('doubled answers');
      const again = await attempt(() => call(caller, LEGACY, 'CallbackExtension', { MessageId: messageId, ExtensionCode: code, CheckResult: result, CheckMessage: result }));
      if (again instanceof ApiError) fault(`the same answer again was refused: ${again.message}`);
    }
  }

  const openHold = async (random: Random, status: HoldState) => {
    const rows = await database.rows<{ id: number }>('select id from hold where status = $1 order by id desc limit 20', [status]);
    return rows.length === 0 ? undefined : random.pick(rows).id;
  };

  const slow = (random: Random) => 3 + random.below(10);

  const actions: readonly Action[] = [
    { name: 'propose', weight: 6, run: propose },
    // Several at once, while somebody answers or decides.
    { name: 'propose at the same moment', weight: 1, run: (random) => Promise.all([propose(random), propose(random), answer(random)]) },
    { name: 'answer', weight: 6, run: answer },
    { name: 'look', weight: 2, run: turn },
    { name: 'look together', weight: 2, run: turnTogether },
    {
      name: 'look together when something is due',
      weight: 3,
      run: async () => {
        const due = await nextDue();
        if (due !== undefined) clock.set(due);
        await turnTogether();
      },
    },
    { name: 'a moment passes', weight: 2, run: (random) => pass(500 + random.below(3_000)) },
    { name: 'time passes', weight: 2, run: (random) => pass(500 + random.below(30_000)) },
    {
      name: 'the clock jumps forwards',
      weight: 1,
      run: async (random) => {
        tally.count('jumps forwards');
        // Nobody could look meanwhile.
        const from = clock.now();
        clock.advance(random.below(FARTHEST_JUMP_MS));
        down.push({ from, to: clock.now() });
        await turn();
      },
    },
    {
      name: 'the clock jumps backwards',
      weight: 1,
      run: async (random) => {
        tally.count('jumps backwards');
        clock.set(new Date(clock.now().getTime() - random.below(FARTHEST_JUMP_MS)));
        await turn();
      },
    },
    {
      name: 'die while it answers',
      weight: 2,
      run: async (random) => {
        process.fate.doom = doomOf(random, 26);
        await answer(random);
      },
    },
    {
      name: 'die while it looks',
      weight: 5,
      run: async (random) => {
        const due = await nextDue();
        if (due !== undefined) clock.set(due);
        process.fate.doom = doomOf(random, 26);
        await turn();
      },
    },
    {
      name: 'die while it proposes',
      weight: 2,
      run: async (random) => {
        process.fate.doom = doomOf(random, 26);
        await propose(random);
      },
    },
    {
      name: 'decide slowly',
      weight: 2,
      run: async (random) => {
        process.fate.slow = slow(random);
        await Promise.all([random.chance(0.5) ? answer(random) : turn(), peer.turn()]);
      },
    },
    // What began later is committed first.
    {
      name: 'commit in reverse order',
      weight: 2,
      run: async (random) => {
        tally.count('reordered commits');
        process.fate.slow = slow(random);
        await Promise.all([propose(random), propose(random), answer(random)]);
      },
    },
    // So slowly that its lease runs out, and the other begins the same.
    {
      name: 'carry out slowly',
      weight: 3,
      run: async (random) => {
        for (let tries = 0; tries < 3; tries += 1) await answer(random);
        if ((await database.row('select from job where run_at <= $1 and failed_at is null and (lease_until is null or lease_until < $1) limit 1', [clock.now()])) === undefined) return;
        Object.assign(process.fate, { slow: 25, slowIn: 1 });
        const slowly = attempt(() => process.carryOut());
        for (let turns = 0; turns < 2_000 && process.fate.open === 0; turns += 1) await new Promise((resolve) => setImmediate(resolve));
        const from = clock.now();
        clock.advance(limits.jobLeaseMs.value + 1_000);
        down.push({ from, to: clock.now() });
        tally.count('leases of jobs that ran out');
        await Promise.all([slowly, peer.carryOut()]);
        await turn();
      },
    },
    {
      name: 'an answer of the database is lost',
      weight: 3,
      run: async (random) => {
        process.fate.loses = random.below(3);
        await (random.chance(0.5) ? answer(random) : turn());
      },
    },
    {
      name: 'checkers clog',
      weight: 1,
      run: async (random) => {
        clogged = true;
        await propose(random);
        await pass(1_000);
      },
    },
    {
      name: 'checkers unclog',
      weight: 2,
      run: async () => {
        if (clogged) tally.count('unclogged checkers');
        clogged = false;
        await turn();
      },
    },
    {
      name: 'edit',
      weight: 1,
      run: (random) => {
        const file = 1 + random.below(8);
        return attempt(() => process.changes.change({ tenantId: 1, userId: 4, action: 'UpdateFile', requestId: undefined, sourceAddress: undefined }, (change) => change.run('update sim_file set version = version + 1 where id = $1', [file])));
      },
    },
    {
      name: 'pass by hand',
      weight: 1,
      run: async (random) => {
        const check = await someCheck(random);
        if (check !== undefined) await attempt(() => call(admin, OWN, 'MarkHoldPassed', { HoldId: check.holdId, ExtensionCode: check.code, Reason: 'simulated' }));
      },
    },
    {
      name: 'call off',
      weight: 1,
      run: async (random) => {
        const holdId = await openHold(random, random.pick(['CHECKING', 'APPROVING']));
        if (holdId !== undefined) await attempt(() => call(operator, OWN, 'CancelHold', { HoldId: holdId }));
      },
    },
    {
      name: 'approve',
      weight: 2,
      run: async (random) => {
        const holdId = await openHold(random, 'APPROVING');
        const approve = random.chance(0.6);
        if (holdId !== undefined) await attempt(() => call(keeper, OWN, 'DecideHoldApproval', { HoldId: holdId, Approve: approve }));
      },
    },
    { name: 'register', weight: 1, run: (random) => (codes.length < 6 ? register(random) : reconfigure(random, random.pick(codes))) },
    { name: 'configure', weight: 1, run: (random) => (codes.length === 0 ? register(random) : reconfigure(random, random.pick(codes))) },
    {
      name: 'disable in a workspace',
      weight: 1,
      run: async (random) => {
        if (codes.length === 0) return;
        const request = { ExtensionCode: random.pick(codes), ProjectId: random.pick([ALPHA, BETA]) };
        await attempt(() => call(admin, OWN, 'DisableExtensionForProject', request));
      },
    },
    {
      name: 'disable or publish',
      weight: 1,
      run: async (random) => {
        if (codes.length === 0) return;
        const [action, ExtensionCode] = [random.pick(['DisableExtension', 'PublishExtension', 'PublishExtension']), random.pick(codes)];
        await attempt(() => call(reviewer, OWN, action, { ExtensionCode }));
      },
    },
    {
      name: 'change the policies',
      weight: 1,
      run: async (random) => {
        const request = { Name: `p${random.below(3)}`, Steps: [{ Type: 'ROLE', Values: ['role_project_admin'] }], DeadlineSeconds: 1 + random.below(60) };
        if (random.chance(0.7)) await attempt(() => call(admin, OWN, 'CreateExtensionApprovalPolicy', request));
        else await database.run('delete from extension_approval_policy');
      },
    },
    { name: 'compare the views', weight: 1, run: viewsAgree },
  ];

  /** How the two views differ, of the newest operations. */
  async function differences(): Promise<string[]> {
    const found: string[] = [];
    for (const EventCode of ['commit-file', 'deploy-file']) {
      const { PagingInfo } = (await call(admin, LEGACY, 'ListCheckProcesses', { EventCode, PageSize: 10 })) as { PagingInfo: { CheckProcesses: { ProcessId: string; Status: string }[] } };
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

  const opening = choices.of('opening');
  for (let number = 0; number < 3; number += 1) await register(opening);
  for (const code of codes) await reconfigure(opening, code);
  const script = scriptOf(choices, actions, STEPS);
  for (const [step, action] of script.entries()) await action.run(choices.of(`step ${step}`));

  // Nothing happens any more but time: from deadline to deadline every hold comes to its end, and what follows from it is done. Jobs that failed or whose process was killed wait for their next try.
  clogged = false;
  Object.assign(process.fate, { doom: undefined, loses: undefined, slow: 0, slowIn: 0 });
  for (let round = 0; round < 200; round += 1) {
    await turn();
    const left = await database.row<{ open: boolean; jobs: boolean }>(
      `select exists (select from hold_check where state = 'WAITING') or exists (select from hold_approval where state = 'PENDING') as open, exists (select from job where failed_at is null) as jobs`,
    );
    if (left?.open !== true && left?.jobs !== true) break;
    const due = await nextDue();
    clock.set(new Date(Math.max(due?.getTime() ?? 0, clock.now().getTime() + (left.open ? 1 : 31_000))));
  }
  await viewsAgree();
  await auditEnd();
  const ways = await database.rows<{ way: string; count: number }>(`select state as way, count(*) as count from hold_check group by 1`);
  const total = await database.row<{ count: number }>('select count(*) as count from hold');
  const noted = await database.row<{ count: number }>('select count(*) as count from refused_callback');
  note(process);
  note(peer);
  // A kill between a refusal and its note loses the note, and one after the note loses the answer; so does a lost answer. Nothing else does.
  if (Math.abs((noted?.count ?? 0) - refused) > kills + unheard) fault(`${refused} callbacks were refused, and ${noted?.count} are noted`);
  if (circles > 0) fault(`${circles} changes waited in a circle`);
  await process.bury();
  await peer.bury();
  tally.count('holds', total?.count ?? 0);
  tally.count('deaths', kills);
  tally.count('lost answers', unheard);
  tally.count('refused callbacks', refused);
  for (const { way, count } of ways) tally.count(`checks ${way}`, count);
  return { seed, script: script.map((action) => action.name), counts: tally.all(), faults };

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
