/**
 * Rounds of kill -9 of one of two processes that schedule and work on one PostgreSQL, under load:
 *
 *     node tools/launch.mjs chaos-workers -- --rounds 100 [--seed N]
 *
 * Each task writes its process down before it does anything and looks whether an earlier attempt of its instance still lives: two at once would be seen.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createChanges, platformActor } from '../../server/kernel/change.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { openDatabase } from '../../server/kernel/database.ts';
import { connectionUrl } from '../../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { prepareDatabase } from '../../server/modules.ts';
import { createEventLog } from '../../server/openevent/log.ts';
import { createExecution } from '../../server/platform/execution/index.ts';
import { createScheduling } from '../../server/platform/scheduling/index.ts';
import { seededRandom } from '../integration/malformed/values.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: String(Date.now() % 2 ** 32) } },
});
const rounds = Number(values.rounds);
const random = seededRandom(Number(values.seed));
const say = (line: string) => void process.stdout.write(`${line}\n`);

const TASKS = 24;
const KILL_AFTER_MS = 600;
const SETTLE_MS = 120_000;

const folder = await mkdtemp(join(tmpdir(), 'millrace-workers-'));
await chmod(folder, 0o755);
const marks = join(folder, 'marks');
await mkdir(marks);
await chmod(marks, 0o777);
const dataFolder = join(folder, 'data');
await mkdir(dataFolder);
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: () => {} });
const url = connectionUrl(postgres.connection);
const database = openDatabase({ connection: url, connections: 6 });

function startWorker(): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'worker-process.ts'), url, dataFolder], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What a task does: it says that it began, looks whether an earlier attempt lives, works a little, and says that it ended. */
const SCRIPT = `
mark="${marks}/$name.$day"
# A dead process that nobody has collected (Z) does nothing any more.
if [ -f "$mark.pid" ] && [ "$(cut -d' ' -f3 "/proc/$(cat "$mark.pid")/stat" 2>/dev/null || echo Z)" != Z ]; then echo x >> "$mark.overlap"; fi
echo $$ > "$mark.pid"
echo x >> "$mark.began"
sleep 0.0$((RANDOM % 9 + 1))
echo x >> "$mark.ended"
`;

const faults: string[] = [];
let instances = 0;
let attempts = 0;
try {
  await prepareDatabase(database, new Date());
  const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: createEventLog({ database, validatePayloads: false }) });
  const execution = createExecution({ database, changes, clock: systemClock, ids: randomIds, log: silentLog, dataFolder, timeZone: 'UTC', searchPath: process.env['PATH'] ?? '', work: false });
  const { scheduling, dags, tasksOf } = createScheduling({
    database,
    changes,
    clock: systemClock,
    log: silentLog,
    execution: execution.execution,
    timeZone: 'UTC',
    schedule: false,
    holds: { propose: async () => ({ held: false, messageId: '' }), withdraw: async () => {} },
  });
  const actor = platformActor('chaos', 1);
  const taskIds: number[] = [];
  for (let index = 0; index < TASKS; index += 1) {
    await changes.change(actor, async (change) => {
      const taskId = await scheduling.reserveTaskId(change);
      const inputs = index < 4 ? [] : [...new Set([random.below(index), random.below(index)])];
      await scheduling.publish(change, {
        taskId,
        workspaceId: 1,
        environment: 'PROD',
        fileId: index + 1,
        fileVersion: 1,
        name: `t${index}`,
        fileType: 6,
        command: 'DIDE_SHELL',
        ownerId: 1,
        content: SCRIPT,
        spec: {
          rerunMode: 'Allowed',
          script: { parameters: [{ name: 'name', type: 'Constant', value: `t${index}` }, { name: 'day', type: 'System', value: '$bizdate' }] },
          outputs: { nodeOutputs: [{ data: `c.${index}` }] },
          inputs: { nodeOutputs: inputs.map((one) => ({ data: `c.${one}` })) },
        },
      });
      taskIds.push(taskId);
    });
  }
  const tasks = await tasksOf(1, taskIds);
  const workers = [startWorker(), startWorker()];
  for (const worker of workers) await once(worker.stdout ?? worker, 'data');
  const began = performance.now();
  let day = new Date('2026-01-01T00:00:00Z');
  const start = async () => {
    day = new Date(day.getTime() + 86_400_000);
    await changes.change(actor, (change) => dags.make(change, { name: 'chaos', type: 'SupplementData', workspaceId: 1, environment: 'PROD', bizdate: day, tasks }));
  };
  for (let round = 1; round <= rounds; round += 1) {
    await start();
    await pause(random.below(KILL_AFTER_MS));
    const at = random.below(2);
    const worker = workers[at];
    worker?.kill('SIGKILL');
    if (worker !== undefined) await once(worker, 'exit');
    const fresh = startWorker();
    workers[at] = fresh;
    await once(fresh.stdout ?? fresh, 'data');
    if (round % 10 === 0) {
      const left = await database.row<{ left: number }>(`select count(*) as left from task_instance where status not in ('Success', 'Failure')`);
      say(`round ${round} of ${rounds}: ${left?.left ?? 0} instances are still on their way`);
    }
  }
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const left = await database.row<{ left: number }>(`select count(*) as left from dag_run where status not in ('Success', 'Failure')`);
    if ((left?.left ?? 0) === 0) break;
    if (performance.now() > deadline) {
      faults.push(`${left?.left} workflow instances are stuck`);
      break;
    }
    await pause(100);
  }
  for (const worker of workers) worker.kill('SIGTERM');
  const all = await database.rows<{ id: number; name: string; day: string; status: string; attempts: number; interruptions: number; error_text: string }>(
    `select id, name, to_char(bizdate at time zone 'UTC', 'YYYYMMDD') as day, status, attempts, interruptions, error_text from task_instance`,
  );
  instances = all.length;
  attempts = all.reduce((sum, one) => sum + one.attempts, 0);
  const files = new Set(await readdir(marks));
  const lines = async (file: string) => (files.has(file) ? (await readFile(join(marks, file), 'utf8')).split('\n').length - 1 : 0);
  for (const one of all) {
    const mark = `${one.name}.${one.day}`;
    if (files.has(`${mark}.overlap`)) faults.push(`${mark} was run by two at once`);
    const lost = one.status === 'Failure' && /lost \d+ times/.test(one.error_text);
    if (one.status !== 'Success' && !lost && !(one.status === 'NotRun')) faults.push(`${mark} ended with ${one.status}: ${one.error_text}`);
    if (one.status === 'Success' && (await lines(`${mark}.ended`)) < 1) faults.push(`${mark} has succeeded without having been run`);
    if ((await lines(`${mark}.began`)) > one.attempts) faults.push(`${mark} began more often than it had attempts`);
  }
  const twice = await database.rows<{ object_key: string }>(
    `select object_key from event where code = 'instance-status-changes' and (data ->> 'status')::integer = 6 group by object_key having count(*) > 1`,
  );
  for (const { object_key } of twice) faults.push(`${object_key} succeeded twice`);
  const wrong = await database.rows(
    `select e.downstream_id from instance_edge e join task_instance d on d.id = e.downstream_id join task_instance u on u.id = e.upstream_id
     where d.begin_running_at is not null and (u.status <> 'Success' or u.finished_at > d.begin_running_at)`,
  );
  if (wrong.length > 0) faults.push(`${wrong.length} instances ran before their upstreams had succeeded`);
  say(`${rounds} rounds in ${((performance.now() - began) / 1_000).toFixed(0)} s: ${instances} instances, ${attempts} attempts, ${all.filter((one) => one.interruptions > 0).length} instances lost a worker, ${all.filter((one) => one.status === 'Success').length} succeeded`);
} finally {
  await database.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
for (const fault of faults.slice(0, 20)) say(`FAULT: ${fault}`);
say(faults.length === 0 ? 'nothing was lost, nothing was run by two at once' : `${faults.length} faults`);
if (faults.length > 0) process.exitCode = 1;
