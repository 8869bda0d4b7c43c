import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { signV3, type Draft, type Key } from '../support/sign.ts';
import type { Random } from '../integration/malformed/values.ts';

const LEGACY = '2020-05-18';
/** Operations that only the newer version has. */
const newer: Readonly<Record<string, string>> = {
  DeleteProject: '2024-05-18',
  ...Object.fromEntries(['UpdatePlan', 'CreateSubscription', 'CreateKafkaUser', 'CreateExtension', 'PublishExtension', 'EnableExtension'].map((action) => [action, '2026-12-01'])),
};

/** What the server said of one write. */
export type Outcome =
  | { readonly kind: 'acknowledged'; readonly requestId: string; readonly data: unknown }
  /** The connection broke, or the server said that it cannot: the write may have happened or not. */
  | { readonly kind: 'uncertain'; readonly status: number | undefined; readonly message: string }
  /** Refused for its content, such as a deployment with nothing to deploy. */
  | { readonly kind: 'refused'; readonly code: string };

export type Send = (action: string, parameters: Readonly<Record<string, string | number | boolean>>) => Promise<Outcome>;

/** No call takes longer than this, whatever has been killed. */
const LONGEST_CALL_MS = 45_000;

/** Signed calls over HTTP. Throws for an answer that no trouble explains, and for none at all. `acknowledged` gets each request that was. */
export function sender(port: number, key: Key, acknowledged: (draft: Draft) => void = () => {}): Send {
  const host = `127.0.0.1:${port}`;
  return async (action, parameters) => {
    const body = Buffer.from(new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)])).toString());
    const draft = signV3(key, { version: newer[action] ?? LEGACY, action, host, query: [], contentType: 'application/x-www-form-urlencoded', body });
    let status: number;
    let answer: Record<string, unknown>;
    try {
      const response = await fetch(`http://${host}/`, { method: 'POST', headers: draft.headers, body: draft.body.toString(), signal: AbortSignal.timeout(LONGEST_CALL_MS) });
      ({ status } = response);
      answer = (await response.json()) as Record<string, unknown>;
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') throw new Error(`${action} was not answered within ${LONGEST_CALL_MS} ms`, { cause: error });
      return { kind: 'uncertain', status: undefined, message: String(error) };
    }
    if (status === 200) {
      acknowledged(draft);
      return { kind: 'acknowledged', requestId: String(answer['RequestId']), data: answer['Data'] ?? answer };
    }
    if (status === 503) return { kind: 'uncertain', status, message: String(answer['Message']) };
    if (status >= 500) throw new Error(`${action} answered ${status} ${JSON.stringify(answer)}`);
    return { kind: 'refused', code: String(answer['Code']) };
  };
}

/** Calls that go to the servers in turn. Where one gives no answer, the next call waits a little, as a client would, and goes to the next. */
export function inTurn(senders: readonly Send[]): Send {
  let at = 0;
  return async (action, parameters) => {
    at += 1;
    const send = senders[at % senders.length];
    if (send === undefined) throw new Error('there is no server');
    const outcome = await send(action, parameters);
    if (outcome.kind === 'uncertain') await pause(50);
    return outcome;
  };
}

/** A file that one writer changes. Its content counts up, so that a lost change shows. */
export interface WrittenFile {
  readonly projectId: number;
  readonly fileId: number;
  readonly nodeId: number;
  attempted: number;
  acknowledged: number;
}

/** Everything that was acknowledged. */
export interface Ledger {
  readonly requestIds: string[];
  readonly created: number[];
  readonly deleted: number[];
  readonly commits: number[];
  readonly deployments: number[];
  readonly runs: number[];
  /** Deployments of commits that an extension decides about. */
  readonly held: number[];
  readonly files: WrittenFile[];
  uncertain: number;
  readonly refused: Map<string, number>;
}

export function emptyLedger(): Ledger {
  return { requestIds: [], created: [], deleted: [], commits: [], deployments: [], runs: [], held: [], files: [], uncertain: 0, refused: new Map() };
}

/** Makes a workspace with a file of zero load and one of Shell. `mode` 3: with an environment for development, into which commits go. */
export async function prepareFiles(send: Send, name: string, ledger: Ledger, mode: 2 | 3 = 2): Promise<WrittenFile[]> {
  const must = async (action: string, parameters: Parameters<Send>[1]): Promise<unknown> => {
    const outcome = await send(action, parameters);
    if (outcome.kind !== 'acknowledged') throw new Error(`${action}: ${JSON.stringify(outcome)}`);
    ledger.requestIds.push(...(action.startsWith('Get') ? [] : [outcome.requestId]));
    return outcome.data;
  };
  const projectId = Number(await must('CreateProject', { ProjectIdentifier: name, ProjectName: name, ProjectMode: mode }));
  ledger.created.push(projectId);
  await must('CreateBusiness', { ProjectId: projectId, BusinessName: 'chaos' });
  const files: WrittenFile[] = [];
  for (const [FileName, FileType] of [['nothing', 99], ['shell', 6]] as const) {
    const place = { FileFolderPath: '业务流程/chaos/MaxCompute', CreateFolderIfNotExists: true, InputList: `${name}_root`, CronExpress: '00 30 00 * * ?', CycleType: 'DAY' };
    const fileId = Number(await must('CreateFile', { ProjectId: projectId, FileName, FileType, Content: 'echo 0', ...place }));
    await must('SubmitFile', { ProjectId: projectId, FileId: fileId });
    const { File } = (await must('GetFile', { ProjectId: projectId, FileId: fileId })) as { File: { NodeId: number } };
    files.push({ projectId, fileId, nodeId: File.NodeId, attempted: 0, acknowledged: 0 });
  }
  ledger.files.push(...files);
  return files;
}

/** Writes an outcome down. Answers what an acknowledged call answered. */
function note(ledger: Ledger, outcome: Outcome): unknown {
  if (outcome.kind === 'acknowledged') {
    ledger.requestIds.push(outcome.requestId);
    return outcome.data ?? true;
  }
  if (outcome.kind === 'uncertain') ledger.uncertain += 1;
  else ledger.refused.set(outcome.code, (ledger.refused.get(outcome.code) ?? 0) + 1);
  return undefined;
}

function into(list: number[], id: unknown): void {
  if (id !== undefined) list.push(Number(id));
}

/** Writes until `stopped`, with `restMs` between two steps: workspaces that come and go, and the way of files to production and to a run. */
export async function write(send: Send, random: Random, files: readonly WrittenFile[], ledger: Ledger, stopped: () => boolean, restMs = 0): Promise<void> {
  while (!stopped()) {
    if (restMs > 0) await pause(restMs);
    if (random.chance(0.25)) {
      const name = `w${randomUUID().replaceAll('-', '').slice(0, 20)}`;
      const id = note(ledger, await send('CreateProject', { ProjectIdentifier: name, ProjectName: name, ProjectMode: 2 }));
      into(ledger.created, id);
      if (id !== undefined && note(ledger, await send('DeleteProject', { Id: Number(id) })) !== undefined) ledger.deleted.push(Number(id));
      continue;
    }
    const file = random.pick(files);
    const { projectId: ProjectId, fileId: FileId, nodeId: NodeId } = file;
    file.attempted += 1;
    const number = file.attempted;
    if (note(ledger, await send('UpdateFile', { ProjectId, FileId, Content: `echo ${number}` })) === undefined) continue;
    file.acknowledged = number;
    into(ledger.commits, note(ledger, await send('SubmitFile', { ProjectId, FileId })));
    if (random.chance(0.6)) into(ledger.deployments, note(ledger, await send('DeployFile', { ProjectId, FileId })));
    if (random.chance(0.3)) into(ledger.runs, note(ledger, await send('RunSmokeTest', { ProjectEnv: 'PROD', NodeId, Name: `run ${number}`, Bizdate: '2026-01-15 00:00:00' })));
  }
}

/** Changes and commits files of a workspace where an extension decides about commits, until `stopped`. */
export async function writeHeld(send: Send, files: readonly WrittenFile[], ledger: Ledger, stopped: () => boolean, restMs: number): Promise<void> {
  for (let turn = 0; !stopped(); turn += 1) {
    await pause(restMs);
    const file = files[turn % files.length];
    if (file === undefined) return;
    const { projectId: ProjectId, fileId: FileId } = file;
    file.attempted += 1;
    const number = file.attempted;
    if (note(ledger, await send('UpdateFile', { ProjectId, FileId, Content: `echo ${number}` })) === undefined) continue;
    file.acknowledged = number;
    into(ledger.held, note(ledger, await send('SubmitFile', { ProjectId, FileId })));
  }
}

/** Starts runs of a node in production until `stopped`. */
export async function startRuns(send: Send, nodeId: number, ledger: Ledger, stopped: () => boolean, restMs: number): Promise<void> {
  for (let number = 1; !stopped(); number += 1) {
    await pause(restMs);
    into(ledger.runs, note(ledger, await send('RunSmokeTest', { ProjectEnv: 'PROD', NodeId: nodeId, Name: `marked ${number}`, Bizdate: '2026-01-15 00:00:00' })));
  }
}
