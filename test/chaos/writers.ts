import { randomUUID } from 'node:crypto';
import { signV3, type Key } from '../support/sign.ts';
import type { Random } from '../integration/malformed/values.ts';

const LEGACY = '2020-05-18';
/** Operations that only the newer version has. */
const newer: Readonly<Record<string, string>> = { DeleteProject: '2024-05-18' };

/** What the server said of one write. */
export type Outcome =
  | { readonly kind: 'acknowledged'; readonly requestId: string; readonly data: unknown }
  /** The connection broke, or the server said that it cannot: the write may have happened or not. */
  | { readonly kind: 'uncertain' }
  /** Refused for its content, such as a deployment with nothing to deploy. */
  | { readonly kind: 'refused'; readonly code: string };

export type Send = (action: string, parameters: Readonly<Record<string, string | number | boolean>>) => Promise<Outcome>;

/** Signed calls over HTTP. Throws for an answer that no trouble explains. */
export function sender(port: number, key: Key): Send {
  const host = `127.0.0.1:${port}`;
  return async (action, parameters) => {
    const body = Buffer.from(new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)])).toString());
    const draft = signV3(key, { version: newer[action] ?? LEGACY, action, host, query: [], contentType: 'application/x-www-form-urlencoded', body });
    let status: number;
    let answer: Record<string, unknown>;
    try {
      const response = await fetch(`http://${host}/`, { method: 'POST', headers: draft.headers, body: draft.body.toString() });
      ({ status } = response);
      answer = (await response.json()) as Record<string, unknown>;
    } catch {
      return { kind: 'uncertain' };
    }
    if (status === 200) return { kind: 'acknowledged', requestId: String(answer['RequestId']), data: answer['Data'] };
    if (status === 503) return { kind: 'uncertain' };
    if (status >= 500) throw new Error(`${action} answered ${status} ${JSON.stringify(answer)}`);
    return { kind: 'refused', code: String(answer['Code']) };
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
  readonly files: WrittenFile[];
  uncertain: number;
  readonly refused: Map<string, number>;
}

export function emptyLedger(): Ledger {
  return { requestIds: [], created: [], deleted: [], commits: [], deployments: [], runs: [], files: [], uncertain: 0, refused: new Map() };
}

/** Makes a workspace with a file of zero load and one of Shell. */
export async function prepareFiles(send: Send, name: string, ledger: Ledger): Promise<WrittenFile[]> {
  const must = async (action: string, parameters: Parameters<Send>[1]): Promise<unknown> => {
    const outcome = await send(action, parameters);
    if (outcome.kind !== 'acknowledged') throw new Error(`${action}: ${JSON.stringify(outcome)}`);
    ledger.requestIds.push(...(action.startsWith('Get') ? [] : [outcome.requestId]));
    return outcome.data;
  };
  const projectId = Number(await must('CreateProject', { ProjectIdentifier: name, ProjectName: name, ProjectMode: 2 }));
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

/** Writes until `stopped`: workspaces that come and go, and the way of files to production and to a run. */
export async function write(send: Send, random: Random, files: readonly WrittenFile[], ledger: Ledger, stopped: () => boolean): Promise<void> {
  const note = (outcome: Outcome): unknown => {
    if (outcome.kind === 'acknowledged') {
      ledger.requestIds.push(outcome.requestId);
      return outcome.data ?? true;
    }
    if (outcome.kind === 'uncertain') ledger.uncertain += 1;
    else ledger.refused.set(outcome.code, (ledger.refused.get(outcome.code) ?? 0) + 1);
    return undefined;
  };
  const into = (list: number[], id: unknown) => {
    if (id !== undefined) list.push(Number(id));
  };
  while (!stopped()) {
    if (random.chance(0.25)) {
      const name = `w${randomUUID().replaceAll('-', '').slice(0, 20)}`;
      const id = note(await send('CreateProject', { ProjectIdentifier: name, ProjectName: name, ProjectMode: 2 }));
      into(ledger.created, id);
      if (id !== undefined && note(await send('DeleteProject', { Id: Number(id) })) !== undefined) ledger.deleted.push(Number(id));
      continue;
    }
    const file = random.pick(files);
    const { projectId: ProjectId, fileId: FileId, nodeId: NodeId } = file;
    file.attempted += 1;
    const number = file.attempted;
    if (note(await send('UpdateFile', { ProjectId, FileId, Content: `echo ${number}` })) === undefined) continue;
    file.acknowledged = number;
    into(ledger.commits, note(await send('SubmitFile', { ProjectId, FileId })));
    if (random.chance(0.6)) into(ledger.deployments, note(await send('DeployFile', { ProjectId, FileId })));
    if (random.chance(0.3)) into(ledger.runs, note(await send('RunSmokeTest', { ProjectEnv: 'PROD', NodeId, Name: `run ${number}`, Bizdate: '2026-01-15 00:00:00' })));
  }
}
