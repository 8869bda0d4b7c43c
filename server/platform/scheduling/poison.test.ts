import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

const place = await schedulingPlace();
const { publish, database } = place;
before(() => place.start());
after(place.close);

const ASSIGNMENT = { fileType: 1100, command: 'CONTROLLER_ASSIGNMENT' };
const TRAVERSE = { fileType: 1106, command: 'CONTROLLER_TRAVERSE' };

test('a row with a character that the database cannot hold goes through its loop without it', async () => {
  const rows = await publish(ASSIGNMENT, `printf '%s\\n' '["a\\u0000b\\ud800"]'`, { name: 'nul_rows', spec: { script: { language: 'shell' }, outputs: { nodeOutputs: [{ data: 'nul.rows' }] } } });
  const each = await publish(TRAVERSE, '', { name: 'nul', spec: { 'for-each': {}, inputs: { nodeOutputs: [{ data: 'nul.rows' }], variables: [{ name: 'outputs', inputName: 'loopDataArray', artifactType: 'Variable', scope: 'NodeContext', type: 'NodeOutput', node: { output: 'nul.rows' } }] } } });
  await publish(SHELL, 'echo "${dag.foreach.current[0]}"', { name: 'nul_body', workflowId: each });
  const tasks = await place.tasksOf(1, [rows, each]);
  await place.changes.change(place.actor, (change) => place.dags.make(change, { name: 'play', type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks }));
  const body = await eventually('the body has run', async () => database.row<{ id: number }>(`select id from task_instance where name = 'nul_body' and status = 'Success'`));
  assert.equal(await place.log(body.id), 'a\uFFFDb\uFFFD\n');
});

test('a tenant whose instances cannot be moved does not keep those of others back', async () => {
  const other = { ...place.actor, tenantId: 2 };
  await database.run(`create function stumble() returns trigger language plpgsql as $$ begin raise exception 'stumbled'; end $$`);
  await database.run(`create trigger stumble before update on task_instance for each row when (new.tenant_id = 2) execute function stumble()`);
  const task = await publish(ZERO_LOAD, '');
  const tasks = await place.tasksOf(1, [task]);
  const order = { name: 'one', type: 'Manual', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks, now: true } as const;
  await place.changes.change(other, async (change) => {
    const made = await place.dags.make(change, order);
    await change.run('update dag_run set tenant_id = 2 where id = $1', [made.dagId]);
    await change.run(`insert into task_instance (tenant_id, workspace_id, environment, dag_id, task_id, task_version, file_id, name, file_type, command, owner_id, status, bizdate, trigger_time, parameters, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, created_by, created_at, modified_at, modified_by)
      select 2, workspace_id, environment, dag_id, task_id, task_version, file_id, name, file_type, command, owner_id, 'WaitTime', bizdate, now() - interval '1 hour', parameters, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, created_by, created_at, modified_at, modified_by from task_instance where dag_id = $1`, [made.dagId]);
  });
  const { dagId } = await place.changes.change(place.actor, (change) => place.dags.make(change, order));
  await eventually('the other tenant goes on', async () => (await database.row<{ status: string }>('select status from task_instance where dag_id = $1', [dagId]))?.status === 'Success', 3_000);
});
