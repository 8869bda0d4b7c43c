import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../../test/support/eventually.ts';
import { manualClock } from '../../kernel/clock.ts';
import { schedulingPlace, SHELL } from '../scheduling/scheduling.fixture.ts';
import { processStart } from './process-tree.ts';

const places: { close(): Promise<void> }[] = [];
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const place of places) await place.close();
});

async function newPlace() {
  const place = await schedulingPlace();
  places.push(place);
  // Where tasks leave marks that outlive their own folder.
  const marks = join(place.dataFolder, 'marks');
  await mkdir(marks);
  await chmod(marks, 0o777);
  return { ...place, marks };
}

/** The first attempt writes its process id and stays; a later one finds the mark and ends. */
const firstStays = (marks: string) => `if [ -e ${marks}/began ]; then echo second; else touch ${marks}/began; echo pid $$; sleep 60; fi`;

/** A worker in a process of its own, running. */
function workerProcess(url: string, dataFolder: string): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('worker.fixture.ts', import.meta.url)), url, dataFolder], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

/** The process id that a task has told in its log, undefined as long as it has not. */
function pidIn(text: string): number | undefined {
  const told = /^pid (\d+)$/m.exec(text)?.[1];
  return told === undefined ? undefined : Number(told);
}

test('a worker that is silent for longer than its lease loses its run; its late result is refused', async () => {
  const place = await newPlace();
  const instance = await place.run(await place.publish(SHELL, firstStays(place.marks)));
  await place.reaches(instance, 'WaitResource');
  // The clock of the first worker stands: it renews nothing, and what is queued later is never due for it.
  const start = new Date();
  await place.server({ leaseMs: 10_000 }, manualClock(start)).start();
  await place.reaches(instance, 'Running');
  const pid = await eventually('its process runs', async () => (await place.database.row<{ process_id: number | null }>('select process_id from task_run where instance_id = $1', [instance]))?.process_id);
  const ahead = manualClock(new Date(start.getTime() + 20_000));
  const second = place.server({ leaseMs: 10_000 }, ahead);
  await second.start();
  await eventually('the second attempt is begun', async () => {
    ahead.advance(150);
    return (await place.status(instance)) === 'Success';
  });
  assert.equal(processStart(pid), undefined);
  assert.deepEqual(place.told(instance), [3, 4, 3, 4, 6]);
  assert.match(await place.log(instance), /attempt 2: The worker that ran the task is gone\. ---\nsecond\n/);
  const runs = await place.database.rows('select attempt, state, outcome from task_run where instance_id = $1 order by attempt', [instance]);
  assert.deepEqual(runs, [
    { attempt: 1, state: 'Finished', outcome: 'Lost' },
    { attempt: 2, state: 'Finished', outcome: 'Success' },
  ]);
});

test('a task whose rerun mode denies reruns fails when its worker is lost, and its log says why', async () => {
  const place = await newPlace();
  const instance = await place.run(await place.publish(SHELL, 'sleep 60', { spec: { rerunMode: 'Denied' } }));
  const start = new Date(Date.now() + 1_000);
  await place.server({ leaseMs: 10_000 }, manualClock(start)).start();
  await place.reaches(instance, 'Running');
  await place.server({ leaseMs: 10_000 }, manualClock(new Date(start.getTime() + 20_000))).start();
  await place.reaches(instance, 'Failure');
  assert.match(await place.log(instance), /The worker that ran the task is gone\. ---\n--- not run again: its rerun mode denies it ---\n$/);
  assert.deepEqual(place.told(instance), [3, 4, 5]);
});

test('a task that takes its worker down again and again is given up', async () => {
  const place = await newPlace();
  await place.start();
  const instance = await place.run(await place.publish(SHELL, 'sleep 60'));
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    // The lease of the attempt is made to end, which is all that others see of a lost worker.
    await eventually(`attempt ${attempt} counts as lost`, async () => {
      await place.database.run(`update task_run set lease_until = '2020-01-01' where instance_id = $1 and attempt = $2 and state = 'Running'`, [instance, attempt]);
      return (await place.database.row<{ outcome: string | null }>('select outcome from task_run where instance_id = $1 and attempt = $2', [instance, attempt]))?.outcome === 'Lost';
    });
  }
  assert.equal(await place.status(instance), 'Failure');
  assert.match(await place.log(instance), /not run again: its worker was lost 4 times/);
  assert.deepEqual(place.told(instance), [3, 4, 3, 4, 3, 4, 3, 4, 5]);
});

test('a worker process that is killed leaves nothing running and nothing lost: the next one takes over at once', async () => {
  const place = await newPlace();
  const killed = workerProcess(place.url, place.dataFolder);
  const instance = await place.run(await place.publish(SHELL, firstStays(place.marks)));
  const pid = await eventually('the first attempt runs', async () => pidIn(await place.log(instance)));
  killed.kill('SIGKILL');
  await eventually('the worker is gone', () => killed.signalCode === 'SIGKILL');
  assert.ok(processStart(pid) !== undefined, 'the child of a killed worker survives it');
  const began = performance.now();
  await place.start();
  assert.equal(await place.ends(instance), 'Success');
  assert.ok(performance.now() - began < 5_000);
  assert.equal(processStart(pid), undefined);
  assert.match(await place.log(instance), /second/);
  assert.deepEqual(place.told(instance).slice(-3), [3, 4, 6]);
});

test('a server that is told to end gives its tasks a moment, then puts them back', async () => {
  const place = await newPlace();
  const first = place.server({ shutdownMs: 300 });
  await first.start();
  const short = await place.run(await place.publish(SHELL, 'sleep 0.1; echo done'));
  const long = await place.run(await place.publish(SHELL, firstStays(place.marks)));
  const pid = await eventually('both run', async () => (await place.status(short)) !== 'WaitResource' && (await place.status(long)) === 'Running' ? pidIn(await place.log(long)) : undefined);
  await first.stop();
  assert.equal(await place.status(short), 'Success');
  assert.equal(await place.status(long), 'WaitResource');
  assert.equal(processStart(pid), undefined);
  await place.start();
  assert.equal(await place.ends(long), 'Success');
  assert.deepEqual(place.told(long), [3, 4, 3, 4, 6]);
});

test('a stop reaches the worker of another process', async () => {
  const place = await newPlace();
  workerProcess(place.url, place.dataFolder);
  const instance = await place.run(await place.publish(SHELL, 'echo pid $$; sleep 60'));
  const pid = await eventually('it runs', async () => pidIn(await place.log(instance)));
  await place.call('StopInstance', { InstanceId: instance, ProjectEnv: 'PROD' });
  await place.reaches(instance, 'Failure', 4_000);
  assert.equal(processStart(pid), undefined);
});

test('a run of a workspace that is deleted ends, and its rows and files go', async () => {
  const place = await newPlace();
  await place.start();
  const instance = await place.run(await place.publish(SHELL, 'echo pid $$; sleep 60'));
  const pid = await eventually('it runs', async () => pidIn(await place.log(instance)));
  await place.changes.change(place.actor, (change) => place.scheduling.removeWorkspace(change, 11));
  await eventually('its process has ended', () => processStart(pid) === undefined);
  await eventually('its removal is done', async () => (await place.database.rows('select from workspace_removal')).length === 0);
  for (const table of ['task', 'task_version', 'dag_run', 'task_instance', 'task_run', 'task_log']) assert.deepEqual(await place.database.rows(`select from ${table}`), [], table);
});

test('four workers share what is due, and every task runs once', async () => {
  const place = await newPlace();
  for (let count = 0; count < 4; count += 1) await place.server({ slots: 3 }).start();
  const task = await place.publish(SHELL, 'exit 0');
  const instances = await Promise.all(Array.from({ length: 40 }, () => place.run(task)));
  for (const instance of instances) assert.equal(await place.ends(instance), 'Success');
  for (const instance of instances) assert.deepEqual(place.told(instance), [3, 4, 6]);
});
