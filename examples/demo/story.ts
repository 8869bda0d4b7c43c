import { randomBytes } from 'node:crypto';
import { checkCommit, type Decision } from './checker.ts';
import { createClient, type Access, type CallOperation } from './client.ts';
import { startReceiver, type ReceivedEvent } from './receiver.ts';
import { until } from './until.ts';

export interface StoryOptions extends Access {
  /** Takes each step as it happens, one line. */
  readonly say: (line: string) => void;
}

/** How a commit or a deployment ended. */
export interface Ending {
  readonly deploymentId: number;
  readonly succeeded: boolean;
  /** Why not; has the checker's tip. */
  readonly message: string;
}

export interface CallRow {
  readonly Operation: string;
  readonly Access: string;
  readonly HttpStatus: number;
  readonly RequestId: string;
  readonly Time: number;
}

export interface StoryResult {
  readonly projectId: number;
  readonly fileId: number;
  readonly nodeId: number;
  readonly extensionCode: string;
  readonly blocked: Ending;
  /** The draft after the blocked commit. */
  readonly draftAfterBlock: string;
  readonly committed: Ending;
  readonly deployed: Ending;
  readonly decisions: readonly Decision[];
  readonly instanceId: number;
  readonly instanceStatus: string;
  /** The result of the query, cells as text. */
  readonly rows: readonly (readonly string[])[];
  readonly log: string;
  /** As they were received. */
  readonly events: readonly ReceivedEvent[];
  /** Deliveries that the receiver did not believe. */
  readonly refused: number;
  /** The calls of this story, oldest first. */
  readonly calls: readonly CallRow[];
}

const STUDIO = '2020-05-18';
const PLATFORM = '2026-12-01';
const SQL = 10;
const INSTANCE_STATUS = 'dataworks:InstanceStatusChanges:InstanceStatusChanges';
/** `status` of an instance in events. */
const STATUS_NAMES: Readonly<Record<number, string>> = { 0: 'not run', 1: 'not run', 2: 'waits for its time', 3: 'waits for resources', 4: 'running', 5: 'failed', 6: 'succeeded', 7: 'checking', 8: 'checking' };
const SUCCEEDED = 6;

const orders = [
  'create table if not exists orders (day varchar, shop varchar, amount integer);',
  "delete from orders where day = '${day}';",
  "insert into orders values ('${day}', 'north', 120), ('${day}', 'south', 80), ('${day}', 'north', 45);",
].join('\n');
const summary = 'select shop, sum(amount) as amount from orders where day =';
const forbiddenCode = `${orders}\n${summary} max_pt('orders') group by shop order by shop;\n`;
const goodCode = `${orders}\n${summary} '\${day}' group by shop order by shop;\n`;

/**
 * Plays the story once: a commit that a checker blocks, the fix, the deployment, a run, and what the platform tells of it all. Leaves the
 * workspace to look at, and takes the subscription and the checker away again, since their receiver ends with this program.
 */
export async function playStory(options: StoryOptions): Promise<StoryResult> {
  const { say } = options;
  const call = createClient(options);
  const began = Date.now();
  const decisions: Decision[] = [];
  const failures: unknown[] = [];
  const suffix = `${began.toString(36)}_${randomBytes(2).toString('hex')}`;
  const extensionCode = `no_max_pt_${suffix}`;
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  async function check(event: ReceivedEvent): Promise<void> {
    const decision = await checkCommit(call, extensionCode, event);
    if (decision === undefined) return;
    decisions.push(decision);
    say(`    > checker reads the snapshot of ${decision.fileName} and answers ${decision.result}`);
  }
  const receiver = await startReceiver(secret, (event) => {
    say(`    > event ${describe(event)}`);
    check(event).catch((error: unknown) => {
      failures.push(error);
      say(`    > the checker failed: ${(error as Error).message}`);
    });
  });
  const undo: (() => Promise<unknown>)[] = [];
  try {
    say('1. A workspace and a SQL node');
    const projectIdentifier = `demo_${suffix}`;
    const projectId = Number((await call(STUDIO, 'CreateProject', { ProjectIdentifier: projectIdentifier, ProjectName: `Demo ${suffix}`, ProjectDescription: 'Made by the demo.', ProjectMode: 3 }))['Data']);
    say(`    workspace ${projectIdentifier} (${projectId})`);
    await call(STUDIO, 'CreateBusiness', { ProjectId: projectId, BusinessName: 'demo' });
    const fileId = Number(
      (
        await call(STUDIO, 'CreateFile', {
          ProjectId: projectId,
          FileName: 'shop_totals',
          FileType: SQL,
          Content: forbiddenCode,
          FileFolderPath: '业务流程/demo/MaxCompute',
          CreateFolderIfNotExists: true,
          CycleType: 'DAY',
          CronExpress: '00 30 00 * * ?',
          ParaValue: 'day=$bizdate',
          InputList: `${projectIdentifier}_root`,
          OutputList: `${projectIdentifier}.shop_totals`,
        })
      )['Data'],
    );
    say(`    file shop_totals (${fileId}); its code calls MAX_PT`);

    say('2. A receiver of events and a checker');
    const subscription = await call(PLATFORM, 'CreateSubscription', { Name: `demo ${suffix}`, Url: receiver.url, ProjectId: projectId, Secret: secret });
    undo.push(() => call(PLATFORM, 'DeleteSubscription', { SubscriptionId: subscription['SubscriptionId'] }));
    say(`    subscribed ${receiver.url} to all events of the workspace; every delivery is signed`);
    await call(PLATFORM, 'CreateExtension', { ExtensionCode: extensionCode, ExtensionName: 'No MAX_PT', ExtensionDesc: 'Code that calls MAX_PT is not committed.', BindEventList: ['commit-file'], DeadlineSeconds: 60 });
    undo.push(() => call(PLATFORM, 'DeleteExtension', { ExtensionCode: extensionCode }));
    await call(PLATFORM, 'PublishExtension', { ExtensionCode: extensionCode });
    undo.push(() => call(PLATFORM, 'DisableExtension', { ExtensionCode: extensionCode }));
    await call(PLATFORM, 'EnableExtension', { ExtensionCode: extensionCode, ProjectId: projectId });
    say(`    registered the checker ${extensionCode} for commits and enabled it in the workspace`);

    say('3. Commit: blocked');
    const blocked = await submit(call, 'SubmitFile', projectId, fileId, 'first try');
    say(blocked.succeeded ? '    the commit passed, which it should not' : `    commit ${blocked.deploymentId} is blocked: ${blocked.message}`);
    const draftAfterBlock = (await readFile(call, projectId, fileId)).Content;

    say('4. Fix, commit and deploy: passed');
    await call(STUDIO, 'UpdateFile', { ProjectId: projectId, FileId: fileId, Content: goodCode });
    say('    the code names its partition now');
    const committed = await submit(call, 'SubmitFile', projectId, fileId, 'names the partition');
    say(`    commit ${committed.deploymentId} ${committed.succeeded ? 'passed' : `failed: ${committed.message}`}`);
    const deployed = await submit(call, 'DeployFile', projectId, fileId, 'to production');
    say(`    deployment ${deployed.deploymentId} ${deployed.succeeded ? 'is in production' : `failed: ${deployed.message}`}`);
    const nodeId = (await readFile(call, projectId, fileId)).NodeId;

    say('5. Smoke test: a real run');
    const { instanceId, status } = await smokeTest(call, projectId, nodeId);
    const log = String((await call(STUDIO, 'GetInstanceLog', { InstanceId: instanceId, ProjectEnv: 'PROD' }))['Data']);
    const rows = lastTable(log);
    say(`    node ${nodeId} ran as instance ${instanceId}: ${status}`);
    say('    rows:');
    for (const row of rows) say(`      ${row.join('  ')}`);
    say('    log:');
    for (const line of log.trimEnd().split('\n')) say(`      ${line}`);

    await until('the event of the finished instance', () => receiver.events.find((event) => isFinish(event, instanceId)));
    say('6. Events, in the order received');
    for (const [index, event] of receiver.events.entries()) say(`    ${index + 1}. ${describe(event)}`);

    say('7. The call log');
    const calls = await readCalls(call, options.accessKeyId, began);
    for (const row of calls) say(`    ${new Date(row.Time).toISOString().slice(11, 23)}  ${String(row.HttpStatus)}  ${row.Access.padEnd(5)}  ${row.Operation}`);

    if (failures.length > 0) throw failures[0];
    return {
      projectId,
      fileId,
      nodeId,
      extensionCode,
      blocked,
      draftAfterBlock,
      committed,
      deployed,
      decisions,
      instanceId,
      instanceStatus: status,
      rows,
      log,
      events: [...receiver.events],
      refused: receiver.refused,
      calls,
    };
  } finally {
    for (const step of undo.toReversed()) await step().catch((error: unknown) => say(`    could not clean up: ${(error as Error).message}`));
    await receiver.close();
  }
}

/** Commits or deploys the file and waits for the end, which a checker decides. */
async function submit(call: CallOperation, action: 'SubmitFile' | 'DeployFile', ProjectId: number, FileId: number, Comment: string): Promise<Ending> {
  const DeploymentId = Number((await call(STUDIO, action, { ProjectId, FileId, Comment }))['Data']);
  return until(`the end of ${action}`, async () => {
    const data = (await call(STUDIO, 'GetDeployment', { ProjectId, DeploymentId }))['Data'] as { Deployment: { Status: number; ErrorMessage?: string } };
    const { Status, ErrorMessage } = data.Deployment;
    return Status === 0 ? undefined : { deploymentId: DeploymentId, succeeded: Status === 1, message: ErrorMessage ?? '' };
  });
}

async function readFile(call: CallOperation, ProjectId: number, FileId: number): Promise<{ readonly NodeId: number; readonly Content: string }> {
  const data = (await call(STUDIO, 'GetFile', { ProjectId, FileId }))['Data'] as { File: { NodeId: number; Content: string } };
  return data.File;
}

/** Runs the deployed node for yesterday and waits until it has ended. */
async function smokeTest(call: CallOperation, ProjectId: number, NodeId: number): Promise<{ instanceId: number; status: string }> {
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const DagId = Number((await call(STUDIO, 'RunSmokeTest', { ProjectEnv: 'PROD', NodeId, Name: 'demo', Bizdate: `${yesterday} 00:00:00` }))['Data']);
  return until('the end of the run', async () => {
    const data = (await call(STUDIO, 'ListInstances', { ProjectId, ProjectEnv: 'PROD', DagId }))['Data'] as { Instances: { InstanceId: number; Status: string }[] };
    const instance = data.Instances[0];
    return instance !== undefined && (instance.Status === 'SUCCESS' || instance.Status === 'FAILURE') ? { instanceId: instance.InstanceId, status: instance.Status } : undefined;
  });
}

/** The cells of the last table in a log, whose head is parted from its rows by a line of dashes. */
function lastTable(log: string): string[][] {
  const lines = log.split('\n').map((line) => line.trim());
  const rule = lines.findLastIndex((line) => /^\|[-|]+\|$/.test(line));
  const rows: string[][] = [];
  for (const line of lines.slice(rule + 1)) {
    if (rule === -1 || !line.startsWith('|')) break;
    rows.push(line.slice(1, -1).split('|').map((cell) => cell.trim()));
  }
  return rows;
}

/** The calls of this key since `StartTime`, oldest first. The log is written in batches, so the last call may take a moment to appear. */
async function readCalls(call: CallOperation, AccessKeyId: string, StartTime: number): Promise<CallRow[]> {
  const EndTime = Date.now() + 60_000;
  return until('the call log', async () => {
    const rows: CallRow[] = [];
    for (let PageNumber = 1; ; PageNumber += 1) {
      const answer = await call(PLATFORM, 'ListCalls', { UserAccessKeyId: AccessKeyId, StartTime, EndTime, PageNumber, PageSize: 100 });
      const { Calls, TotalCount } = answer['PagingInfo'] as { Calls: CallRow[]; TotalCount: number };
      rows.push(...Calls);
      if (Calls.length === 0 || rows.length >= TotalCount) break;
    }
    // Reading makes rows too: they are not of the story, and shift the pages, so that a row may come twice.
    const story = [...new Map(rows.filter((row) => row.Operation !== 'ListCalls').map((row) => [row.RequestId, row])).values()];
    return story.some((row) => row.Operation === 'GetInstanceLog') ? story.toSorted((x, y) => x.Time - y.Time) : undefined;
  });
}

function isFinish(event: ReceivedEvent, instanceId: number): boolean {
  return event.type === INSTANCE_STATUS && event.data['taskId'] === instanceId && event.data['status'] === SUCCEEDED;
}

function describe(event: ReceivedEvent): string {
  const { data } = event;
  const name = event.type.slice(event.type.lastIndexOf(':') + 1);
  if (event.type === INSTANCE_STATUS) return `${name}: instance ${String(data['taskId'])} ${STATUS_NAMES[Number(data['status'])] ?? String(data['status'])}`;
  const subject = data['fileName'] ?? data['nodeName'];
  return `${name}${subject === undefined ? '' : `: ${String(subject)}`}${data['blockBusiness'] === true ? ' (held)' : ''}`;
}
