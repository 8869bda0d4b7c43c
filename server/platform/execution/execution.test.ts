import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { PYTHON, schedulingPlace, SHELL, SQL, WORKSPACE, ZERO_LOAD } from '../scheduling/scheduling.fixture.ts';
import { processStart } from './process-tree.ts';

const place = await schedulingPlace();
const { publish, run, ends, log, told } = place;
await place.start();
after(place.close);

const parameters = (text: Readonly<Record<string, string>>) => ({ script: { parameters: Object.entries(text).map(([name, value]) => ({ name, type: 'System', value })) } });

test('a shell task really runs: its code, its parameters by position and by name, its log, its events', async () => {
  const task = await publish(SHELL, 'echo "day $1 is $day, city $city"; echo trouble >&2; pwd', { spec: parameters({ day: '$bizdate', city: 'Hangzhou' }) });
  const instance = await run(task, { params: { [task]: 'city=Suzhou' } });
  assert.equal(await ends(instance), 'Success');
  const text = await log(instance);
  assert.match(text, /day 20260321 is 20260321, city Suzhou\n/);
  assert.match(text, /trouble\n/);
  assert.deepEqual(told(instance), [3, 4, 6]);
  const { Data } = await place.call('GetInstance', { InstanceId: instance, ProjectEnv: 'PROD' });
  assert.equal(Data?.Bizdate, Date.parse('2026-03-20T16:00:00Z'));
  assert.equal(Data?.ParamValues, 'day=20260321 city=Suzhou');
  await eventually('the folder of the run is gone', async () => (await readdir(join(place.dataFolder, 'runs'))).length === 0);
});

test('a task sees nothing of the environment of the server', async () => {
  process.env['MILLRACE_TEST_SECRET'] = 'hush-hush';
  const instance = await run(await publish(SHELL, 'env; id -u', { spec: parameters({ day: '$bizdate', PATH: '/nowhere', 'not a name': 'x' }) }));
  assert.equal(await ends(instance), 'Success');
  const text = await log(instance);
  assert.doesNotMatch(text, /hush-hush/);
  const names = text.split('\n').flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []).filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name));
  assert.deepEqual(names.toSorted(), ['HOME', 'LANG', 'PATH', 'TZ', 'day']);
  assert.doesNotMatch(text, /nowhere/);
  if (process.getuid?.() === 0 && process.platform === 'linux') assert.match(text, /^65534$/m);
});

test('a failure is a failure, with the exit code in the log and the reason in the list', async () => {
  const task = await publish(SHELL, 'echo before; exit 3');
  const instance = await run(task);
  assert.equal(await ends(instance), 'Failure');
  assert.match(await log(instance), /^before\n--- The task has failed with the exit code 3\. ---\n$/);
  assert.deepEqual(told(instance), [3, 4, 5]);
  const { Data } = await place.call('ListInstances', { ProjectId: WORKSPACE, ProjectEnv: 'PROD', NodeId: task, Status: 'FAILURE' });
  assert.match(Data?.Instances?.[0]?.ErrorMessage ?? '', /exit code 3/);
});

test('a failed task is run again as often as its settings say', async () => {
  const instance = await run(await publish(SHELL, 'exit 1', { spec: { rerunTimes: 2, rerunInterval: 0 } }));
  assert.equal(await ends(instance), 'Failure');
  assert.deepEqual(told(instance), [3, 4, 3, 4, 3, 4, 5]);
  assert.match(await log(instance), /rerun 2 of 2/);
  assert.match((await place.execution.readLog(place.database, instance, 1)) ?? '', /exit code 1/);
});

test('a task that outlives its time limit is ended', async () => {
  const instance = await run(await publish(SHELL, 'echo waiting; sleep 60', { spec: { timeout: 1 } }));
  assert.equal(await ends(instance), 'Failure');
  assert.match(await log(instance), /waiting\n--- the task has reached its time limit of 1 seconds/);
});

test('stopping ends the whole tree, also what ignores the signal and what left the group', async () => {
  const script = `trap '' TERM
echo self $$
sh -c "trap '' TERM; echo child \\$\\$; sleep 61; sleep 61" &
command -v setsid >/dev/null && setsid sh -c 'echo apart $$; sleep 62; sleep 62' &
sleep 63; sleep 63`;
  const instance = await run(await publish(SHELL, script));
  const expected = process.platform === 'linux' ? 3 : 2;
  const pids = await eventually('all processes told their ids in the log while they run', async () => {
    const found = [...(await log(instance)).matchAll(/^(?:self|child|apart) (\d+)$/gm)].map((match) => Number(match[1]));
    return found.length === expected ? found : undefined;
  });
  assert.equal(await place.status(instance), 'Running');
  assert.ok(pids.every((pid) => processStart(pid) !== undefined));
  await place.call('StopInstance', { InstanceId: instance, ProjectEnv: 'PROD' });
  assert.equal(await ends(instance), 'Failure');
  assert.deepEqual(pids.filter((pid) => processStart(pid) !== undefined), []);
  assert.match(await log(instance), /the task was stopped/);
  assert.deepEqual(place.codes(`instance:${instance}`).filter((code) => code !== 'instance-status-changes'), ['kill-instance']);
});

test('what a task leaves running in the background ends with it', async () => {
  const instance = await run(await publish(SHELL, 'sleep 64 & echo $!'));
  assert.equal(await ends(instance), 'Success');
  const pid = Number(/^(\d+)$/m.exec(await log(instance))?.[1]);
  assert.ok(pid > 0);
  assert.equal(processStart(pid), undefined);
});

test('a long log keeps its beginning and its end', async () => {
  const small = await schedulingPlace();
  try {
    const other = small.server({ logBytes: 4_000 });
    await other.start();
    const instance = await small.run(await small.publish(SHELL, 'echo first; i=0; while [ $i -lt 3000 ]; do echo "line $i of many"; i=$((i+1)); done; echo last'));
    assert.equal(await small.ends(instance), 'Success');
    const text = await small.log(instance);
    assert.match(text, /^first\n/);
    assert.match(text, /--- \d+ bytes left out here: the log is longer than its limit ---/);
    assert.match(text, /line 2999 of many\nlast\n$/);
    const kept = await small.database.row<{ bytes: number }>('select sum(length(content)) as bytes from task_log');
    assert.ok((kept?.bytes ?? 0) <= 4_000, String(kept?.bytes));
    const omitted = Number(/(\d+) bytes left out/.exec(text)?.[1]);
    const whole = 'first\nlast\n'.length + Array.from({ length: 3_000 }, (_, index) => `line ${index} of many\n`.length).reduce((sum, length) => sum + length, 0);
    assert.equal((kept?.bytes ?? 0) + omitted, whole);
  } finally {
    await small.close();
  }
});

test('SQL runs in DuckDB on the file of its workspace, statement by statement', async () => {
  const create = "create table visits (city varchar, n integer);\ninsert into visits values ('${city}', 3), ('b', 4);\nselect city, n from visits order by n;";
  const instance = await run(await publish(SQL, create, { spec: parameters({ city: 'Hangzhou' }) }));
  assert.equal(await ends(instance), 'Success');
  const text = await log(instance);
  assert.match(text, /\[2\/3\] 2 rows changed/);
  assert.match(text, /\| city +\| n \|\n\|-+\|---\|\n\| Hangzhou \| 3 \|\n\| b +\| 4 \|/);
  assert.ok(existsSync(join(place.dataFolder, 'workspaces', String(WORKSPACE), 'prod.duckdb')));
});

test('two SQL runs on one file follow each other, and neither sees a locked file', async () => {
  const task = await publish(SQL, 'create table if not exists counted (n integer); insert into counted select count(*) + 1 from counted; select max(n) as most from counted;');
  const instances = [await run(task), await run(task), await run(task)];
  assert.deepEqual(await Promise.all(instances.map((instance) => ends(instance, 20_000))), ['Success', 'Success', 'Success']);
  const seen = await Promise.all(instances.map(async (instance) => /\| (\d) +\|/.exec(await log(instance))?.[1]));
  assert.deepEqual(seen.toSorted(), ['1', '2', '3']);
  const overlapping = await place.database.row<{ count: number }>(
    `select count(*) as count from task_run a join task_run b on a.id < b.id and a.resource_key = b.resource_key and a.started_at < b.finished_at and b.started_at < a.finished_at`,
  );
  assert.equal(overlapping?.count, 0);
});

test('SQL that is not understood fails with the words of the engine; files of the server are out of reach', async () => {
  const odps = await run(await publish(SQL, "select * from visits where ds = max_pt('visits')"));
  const secret = await run(await publish(SQL, "select * from read_text('/etc/passwd')"));
  const unlocked = await run(await publish(SQL, 'set enable_external_access = true'));
  for (const instance of [odps, secret, unlocked]) assert.equal(await ends(instance, 20_000), 'Failure');
  assert.match(await log(odps), /max_pt/i);
  assert.match(await log(secret), /disabled by configuration/);
  assert.doesNotMatch(await log(secret), /root:/);
  assert.match(await log(unlocked), /locked|Cannot/);
});

test('a Python task runs with its arguments, or says that there is no Python', async () => {
  const instance = await run(await publish(PYTHON, "import os, sys\nprint('hello', sys.argv[1], os.environ['day'])\n", { spec: parameters({ day: '$[yyyy-mm-dd]' }) }));
  const end = await ends(instance);
  const text = await log(instance);
  if (/no Python/.test(text)) assert.equal(end, 'Failure');
  else assert.deepEqual([end, text], ['Success', 'hello 2026-03-22 2026-03-22\n']);
});

test('a zero load succeeds without a worker', async () => {
  const instance = await run(await publish(ZERO_LOAD, ''));
  assert.equal(await ends(instance), 'Success');
  assert.deepEqual(told(instance), [3, 4, 6]);
  assert.deepEqual(await place.database.rows('select from task_run where instance_id = $1', [instance]), []);
});

test('a type that nothing here runs fails with a line that says so', async () => {
  const instance = await run(await publish({ fileType: 227, command: 'EMR_HIVE' }, 'select 1'));
  assert.equal(await ends(instance), 'Failure');
  assert.match(await log(instance), /Nothing here runs the type EMR_HIVE/);
});

test('a queued task that is stopped never runs', async () => {
  // Nothing works at this place.
  const idle = await schedulingPlace();
  try {
    const instance = await idle.run(await idle.publish(SHELL, 'echo never'));
    await idle.reaches(instance, 'WaitResource');
    await idle.call('StopInstance', { InstanceId: instance, ProjectEnv: 'PROD' });
    assert.equal(await idle.status(instance), 'Failure');
    assert.deepEqual(idle.told(instance), [3, 5]);
    await assert.rejects(idle.call('StopInstance', { InstanceId: instance, ProjectEnv: 'PROD' }), /it has ended/);
  } finally {
    await idle.close();
  }
});

test('the folder of runs is passable for the account of tasks, their own folders for nobody else', async () => {
  const instance = await run(await publish(SHELL, 'ls -ld . | cut -c1-10; ls .. 2>&1 | wc -l'));
  assert.equal(await ends(instance), 'Success');
  assert.match(await log(instance), /^drwx------/);
  assert.match(await readFile(join(place.dataFolder, 'machine'), 'utf8'), /^[0-9a-f-]{36}\n$/);
});
