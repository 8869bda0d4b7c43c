import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../examples/demo/until.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { testRuns } from '../support/runs.ts';

/** What the studio keeps is there when a task runs: parameters of the workspace, and files of resources. */

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';
const OWN = '2026-12-01';
const SECRET = 'swordfish-of-the-test';

let house: TestHouse;
let ProjectId: number;
let runs: ReturnType<typeof testRuns>;

before(async () => {
  house = await startTestHouse();
  ProjectId = Number((await house.call(LEGACY, 'CreateProject', { ProjectIdentifier: 'supplies', ProjectName: 'Supplies', ProjectMode: 3 }))['Data']);
  runs = testRuns(house, { id: ProjectId, name: 'supplies' });
});
after(() => house.stop());

const parameter = async (Name: string, Type: string, values: Record<string, string>) =>
  Number((await house.call(CURRENT, 'CreateParameter', { ProjectId, Name, Type, Owner: '', Properties: JSON.stringify(Object.entries(values).map(([EnvType, Value]) => ({ EnvType, Value }))) }))['Id']);

const resource = async (name: string, content: string, encoding?: string) =>
  Number(
    (await house.call(CURRENT, 'CreateResource', {
      ProjectId,
      Spec: JSON.stringify({
        version: '2.0.0',
        kind: 'Resource',
        spec: { fileResources: [{ name, type: 'python', ...(encoding === undefined ? {} : { file: { encoding, storage: { type: 'local' } } }), script: { path: name, runtime: { command: 'ODPS_PYTHON' }, content } }] },
      }),
    }))['Id'],
  );

test('a task runs with the parameters and resources of its workspace, and its log keeps the secret', async () => {
  await house.call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'supplies' });
  await parameter('workspace.city', 'PlainConstant', { Prod: 'Hangzhou', Dev: 'Suzhou' });
  await parameter('door', 'SecretConstant', { Prod: SECRET, Dev: 'not-this-one' });
  await parameter('workspace.day', 'Variable', { Prod: '$[yyyymmdd-1]' });
  const helper = await resource('helper.py', 'def greet(city):\n    return f"hello {city}"\n');
  await resource('undeployed.py', 'x = 1');
  await runs.deploy(helper);
  await runs.deploy(await resource('bytes.bin', Buffer.from([0, 255, 254, 10]).toString('base64'), 'base64'));

  const shell = await runs.run('shell', 6, '##@resource_reference{"helper.py"}\n##@resource_reference{"bytes.bin"}\necho "city ${workspace.city} day ${workspace.day} given $1"\ncat helper.py\nod -An -tx1 bytes.bin\n[ "${workspace.door}" = "swordfish""-of-the-test" ] && echo opened\necho "the door is ${workspace.door}" >&2\nprintf swordfish-; sleep 0.2; echo of-the-test', { ParaValue: 'region=${workspace.city}' });
  assert.equal(shell.status, 'SUCCESS', shell.log);
  assert.match(shell.log, /city Hangzhou day 20260321 given Hangzhou\n/);
  assert.match(shell.log, /def greet\(city\):/);
  assert.match(shell.log, / 00 ff fe 0a\n/);
  assert.match(shell.log, /opened\n/);
  assert.match(shell.log, /the door is \*{6}\n/);
  assert.ok(!shell.log.includes(SECRET));

  const python = await runs.run('python', 1221, '##@resource_reference{"helper.py"}\nimport os, sys\nsys.path.append(os.path.dirname(os.path.abspath("helper.py")))\nfrom helper import greet\nprint(greet("${workspace.city}"))');
  assert.equal(python.status, 'SUCCESS', python.log);
  assert.match(python.log, /hello Hangzhou\n/);

  const sql = await runs.run('sql', 10, "select '${workspace.city}' as city, '${workspace.door}' as door;");
  assert.equal(sql.status, 'SUCCESS', sql.log);
  assert.match(sql.log, /Hangzhou/);
  assert.ok(!sql.log.includes(SECRET));
});

test('in development other values hold, and drafts will do', async () => {
  const { status, log } = await runs.run('development', 6, '##@resource_reference{"undeployed.py"}\ncat undeployed.py; echo " in ${workspace.city}"', {}, 'DEV');
  assert.equal(status, 'SUCCESS', log);
  assert.match(log, /x = 1 in Suzhou\n/);
});

test('a parameter that is not there is named in the log', async () => {
  const { log } = await runs.run('unnamed', 6, "echo 'still ${workspace.nowhere} and ${workspace.city}'");
  assert.match(log, /no parameter nowhere in production/);
  assert.match(log, /still \$\{workspace\.nowhere\} and Hangzhou\n/);
});

test('a resource that is not in production fails the task, and the log names it', async () => {
  const { status, log } = await runs.run('missing', 6, '##@resource_reference{"undeployed.py"}\necho never');
  assert.equal(status, 'FAILURE');
  assert.match(log, /undeployed\.py.*must be deployed/);
  assert.doesNotMatch(log, /never/);
});

test('no table and no row of a call has the secret', async () => {
  const Id = await parameter('later', 'SecretConstant', { Prod: 'first-of-two' });
  const { RequestId } = await house.call(CURRENT, 'UpdateParameter', { Id, Properties: JSON.stringify([{ EnvType: 'Prod', Value: SECRET }]) });
  const row = await until('the row of the call', () => house.call(OWN, 'GetCall', { CallRequestId: String(RequestId) }).catch(() => undefined));
  assert.match(JSON.stringify(row), /UpdateParameter/);
  assert.ok(!JSON.stringify(row).includes(SECRET));
  const tables = await house.database.rows<{ name: string }>(`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`);
  for (const { name } of tables) {
    // The log of a run is bytes, which read as text only here.
    const text = name === 'task_log' ? `convert_from(content, 'UTF8')` : `t::text`;
    const found = await house.database.rows(`select 1 from "${name}" t where position($1 in ${text}) > 0 limit 1`, [SECRET]);
    // The code that compares has it in two parts.
    assert.deepEqual(found, [], name);
  }
});
