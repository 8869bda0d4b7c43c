import { createHash, createHmac, randomUUID } from 'node:crypto';
import type { Gateway } from './openapi/gateway.ts';
import { wallTimeOf } from './platform/scheduling/calendar.ts';

/** A call through the signed door, from inside the process. Rejects with the answer's message when it fails. */
export type SignedCall = (version: string, action: string, parameters: Readonly<Record<string, string | number | boolean>>) => Promise<Record<string, unknown>>;

/** Signs calls with ACS3-HMAC-SHA256, all parameters in the form body. */
export function signedCaller(gateway: Gateway, url: string, key: { readonly accessKeyId: string; readonly accessKeySecret: string }): SignedCall {
  const { host } = new URL(url);
  return async (version, action, parameters) => {
    const body = Buffer.from(new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)])).toString());
    const hash = createHash('sha256').update(body).digest('hex');
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      host,
      'x-acs-action': action,
      'x-acs-content-sha256': hash,
      'x-acs-date': `${new Date().toISOString().slice(0, 19)}Z`,
      'x-acs-signature-nonce': randomUUID(),
      'x-acs-version': version,
    };
    const names = Object.keys(headers).toSorted();
    const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${headers[name]}`), '', names.join(';'), hash].join('\n');
    const toSign = `ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical).digest('hex')}`;
    const signature = createHmac('sha256', key.accessKeySecret).update(toSign).digest('hex');
    headers['authorization'] = `ACS3-HMAC-SHA256 Credential=${key.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`;
    const answer = await gateway.handleSigned({ method: 'POST', path: '/', rawQuery: '', headers, body, sourceAddress: '127.0.0.1' });
    if (answer.status >= 400) throw new Error(`${action}: ${String(answer.body['Message'])}`);
    return { ...answer.body };
  };
}

const LEGACY = '2020-05-18';
const WAIT_MS = 60_000;

interface SampleFile {
  readonly name: string;
  readonly type: number;
  readonly content: string;
  readonly after?: string;
}

const files: readonly SampleFile[] = [
  { name: 'start', type: 99, content: '' },
  { name: 'say_hello', type: 6, content: 'echo "Hello from Millrace. Business date: $1"\n', after: 'start' },
  {
    name: 'daily_totals',
    type: 10,
    content: [
      'create table if not exists orders (day varchar, shop varchar, amount integer);',
      "delete from orders where day = '${day}';",
      "insert into orders values ('${day}', 'north', 120), ('${day}', 'south', 80), ('${day}', 'north', 45);",
      'select day, shop, count(*) as orders, sum(amount) as amount from orders group by all order by day, shop;',
    ].join('\n'),
    after: 'say_hello',
  },
];

/** Makes a workspace with a small workflow through the public operations and runs it. Returns a line for the operator. */
export async function makeSample(gateway: Gateway, url: string, key: { readonly accessKeyId: string; readonly accessKeySecret: string }): Promise<string> {
  const call = signedCaller(gateway, url, key);
  const project = { ProjectIdentifier: 'sample', ProjectName: 'Sample', ProjectDescription: 'A small workflow that has run.', ProjectMode: 2 };
  const { TimeZone } = (await call('2026-12-01', 'GetCaller', {}))['Caller'] as { TimeZone: string };
  const ProjectId = Number((await call(LEGACY, 'CreateProject', project))['Data']);
  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'tour' });
  for (const file of files) {
    const FileId = Number(
      (
        await call(LEGACY, 'CreateFile', {
          ProjectId,
          FileName: file.name,
          FileType: file.type,
          Content: file.content,
          FileFolderPath: '业务流程/tour/MaxCompute',
          CreateFolderIfNotExists: true,
          CronExpress: '00 30 00 * * ?',
          CycleType: 'DAY',
          ParaValue: 'day=$bizdate',
          InputList: file.after === undefined ? 'sample_root' : `sample.${file.after}`,
          OutputList: `sample.${file.name}`,
        })
      )['Data'],
    );
    await settle(call, ProjectId, Number((await call(LEGACY, 'SubmitFile', { ProjectId, FileId }))['Data']));
    await settle(call, ProjectId, Number((await call(LEGACY, 'DeployFile', { ProjectId, FileId }))['Data']));
    const deployed = (await call(LEGACY, 'GetFile', { ProjectId, FileId }))['Data'] as { File: { NodeId: number } };
    await runOnce(call, ProjectId, deployed.File.NodeId, file.name, TimeZone);
  }
  return `the workspace "sample" (${ProjectId}) is there, and its three nodes have run`;
}

/** Waits until a commit or deployment has ended well. */
async function settle(call: SignedCall, ProjectId: number, DeploymentId: number): Promise<void> {
  await until(async () => {
    const data = (await call(LEGACY, 'GetDeployment', { ProjectId, DeploymentId }))['Data'] as { Deployment: { Status: number; ErrorMessage?: string } };
    if (data.Deployment.Status === 2) throw new Error(data.Deployment.ErrorMessage ?? 'the deployment failed');
    return data.Deployment.Status === 1;
  });
}

/** Runs a node for yesterday, as days go in the server's calendar: it is the date that the console opens with. */
async function runOnce(call: SignedCall, ProjectId: number, NodeId: number, name: string, timeZone: string): Promise<void> {
  const yesterday = wallTimeOf(new Date(), timeZone);
  yesterday.setUTCDate(yesterday.getUTCDate() - 1);
  const DagId = Number((await call(LEGACY, 'RunSmokeTest', { ProjectEnv: 'PROD', NodeId, Name: `sample ${name}`, Bizdate: `${yesterday.toISOString().slice(0, 10)} 00:00:00` }))['Data']);
  await until(async () => {
    const data = (await call(LEGACY, 'ListInstances', { ProjectId, ProjectEnv: 'PROD', DagId }))['Data'] as { Instances: { Status: string }[] };
    const status = data.Instances[0]?.Status;
    if (status === 'FAILURE') throw new Error(`the node ${name} failed`);
    return status === 'SUCCESS';
  });
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!(await done())) {
    if (Date.now() > end) throw new Error('it took too long');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
