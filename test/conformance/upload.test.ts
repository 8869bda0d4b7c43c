import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { writeForm } from './upload-form.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { failure, openApiCore, type Body, type Values } from './official-clients.ts';

/** A file on its way to a resource, in the three steps of the official clients: AuthorizeFileUpload, a form, the request that names the file. */

const CURRENT = '2024-05-18';

let house: TestHouse;
let ProjectId: number;

before(async () => {
  house = await startTestHouse();
  const { Data } = await house.call('2020-05-18', 'CreateProject', { ProjectIdentifier: 'files', ProjectName: 'files', ProjectDescription: 'files', ProjectMode: 2 });
  ProjectId = Number(Data);
});
after(() => house.stop());

const call = (action: string, parameters: Values, version = CURRENT) => openApiCore(house.url, house.first, version)(action, parameters, version === CURRENT ? 'form' : 'query', version === CURRENT ? 'POST' : 'GET');
const authorize = () => call('AuthorizeFileUpload', { Product: 'dataworks-public', RegionId: 'cn-shanghai' }, '2019-12-19') as Promise<Body & Record<string, string>>;

/** Posts a form as the clients write it; they do so to https://<Bucket>.<Endpoint>/, of which the host is all that the server sees. */
async function post(form: Readonly<Record<string, unknown>>): Promise<{ status: number; text: string }> {
  const { body, contentType } = await writeForm(form);
  const answer = await fetch(`${house.url}/`, { method: 'POST', headers: { 'content-type': contentType }, body });
  return { status: answer.status, text: await answer.text() };
}

const formOf = (ticket: Record<string, string>, content: Buffer) => ({
  OSSAccessKeyId: ticket['AccessKeyId'], policy: ticket['EncodedPolicy'], Signature: ticket['Signature'], key: ticket['ObjectKey'], file: { filename: ticket['ObjectKey'], content }, success_action_status: '201',
});
const urlOf = (ticket: Record<string, string>) => `http://${ticket['Bucket']}.${ticket['Endpoint']}/${ticket['ObjectKey']}`;
const spec = (name: string, command: string) => JSON.stringify({ version: '1.1.0', kind: 'Resource', spec: { fileResources: [{ name, script: { path: name, runtime: { command } } }] } });
const entityOf = async (Id: unknown) => {
  const { Resource } = (await call('GetResource', { ProjectId, Id })) as { Resource: { Spec: string } };
  const [entity] = (JSON.parse(Resource.Spec) as { spec: { fileResources: { file: { encoding: string }; script: { content: string } }[] } }).spec.fileResources;
  assert.ok(entity);
  return entity;
};

test('text and bytes come to a resource as they were', async () => {
  const text = Buffer.from('print("größer")\r\n--not a boundary\r\n');
  const ticket = await authorize();
  assert.deepEqual([ticket['Bucket'], ticket['Endpoint'], ticket['UseAccelerate']], ['millrace', 'files.test:8443', false]);
  const answer = await post(formOf(ticket, text));
  assert.equal(answer.status, 201);
  assert.ok(answer.text.includes(`<Key>${ticket['ObjectKey']}</Key>`));
  const { Id } = await call('CreateResource', { ProjectId, Spec: spec('tools.py', 'ODPS_PYTHON'), ResourceFile: urlOf(ticket) });
  assert.deepEqual([(await entityOf(Id)).script.content, (await entityOf(Id)).file.encoding], [text.toString(), 'utf-8']);

  const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 7) % 256));
  const second = await authorize();
  assert.equal((await post(formOf(second, bytes))).status, 201);
  await call('UpdateResource', { ProjectId, Id, Spec: spec('tools.py', 'ODPS_PYTHON'), ResourceFile: urlOf(second) });
  const entity = await entityOf(Id);
  assert.equal(entity.file.encoding, 'base64');
  assert.deepEqual(Buffer.from(entity.script.content, 'base64'), bytes);
});

test('nothing is taken without a policy of ours, for another key, or after its time', async () => {
  const ticket = await authorize();
  const refusal = async (change: Record<string, unknown>) => {
    const { status, text } = await post({ ...formOf(ticket, Buffer.from('x')), ...change });
    return [status, /<Code>(\w+)<\/Code>/.exec(text)?.[1]];
  };
  assert.deepEqual(await refusal({ Signature: 'x' }), [403, 'SignatureDoesNotMatch']);
  assert.deepEqual(await refusal({ policy: Buffer.from('{"key":"1/x","tenantId":1,"expiresAt":9e15}').toString('base64') }), [403, 'SignatureDoesNotMatch']);
  assert.deepEqual(await refusal({ key: '1/other' }), [403, 'AccessDenied']);
  assert.equal((await house.database.rows('select 1 from upload where key = $1', [ticket['ObjectKey']])).length, 0);
  const missing = await failure(call('CreateResource', { ProjectId, Spec: spec('none.py', 'ODPS_PYTHON'), ResourceFile: urlOf(ticket) }));
  assert.equal(missing.code, 'InvalidParameter');
  // Another tenant's file looks like none.
  await post(formOf(ticket, Buffer.from('mine')));
  await house.database.run('update upload set tenant_id = tenant_id + 1 where key = $1', [ticket['ObjectKey']]);
  assert.equal((await failure(call('CreateResource', { ProjectId, Spec: spec('none.py', 'ODPS_PYTHON'), ResourceFile: urlOf(ticket) }))).code, 'InvalidParameter');
});

test('a form of parts that is no upload is answered as any call that is not signed', async () => {
  const answer = await fetch(`${house.url}/`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'no form' });
  assert.equal(answer.status, 400);
  assert.equal(typeof ((await answer.json()) as { Code: string }).Code, 'string');
});
