import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { audit, type Acknowledged, type Finding } from './audit.ts';

/**
 * Kills the real server at random moments under write load, starts it again, and holds what was acknowledged against what is there.
 * The embedded PostgreSQL is left alone, as after a crash of the process: the next start adopts it.
 */

const PORT = Number(process.env['CHAOS_PORT'] ?? '18990');
const SERVER = `http://127.0.0.1:${PORT}`;
const KEY = { id: 'LTAI5tChaosChaosChaos01', secret: randomBytes(20).toString('hex') };
const LEGACY = '2020-05-18';
const WRITERS = 4;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function call(action: string, parameters: Readonly<Record<string, string | number>>): Promise<Record<string, unknown>> {
  const body = new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)])).toString();
  const hash = createHash('sha256').update(body).digest('hex');
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    host: `127.0.0.1:${PORT}`,
    'x-acs-action': action,
    'x-acs-content-sha256': hash,
    'x-acs-date': `${new Date().toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-version': LEGACY,
  };
  const names = Object.keys(headers).toSorted();
  const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${headers[name]}`), '', names.join(';'), hash].join('\n');
  const signature = createHmac('sha256', KEY.secret).update(`ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical).digest('hex')}`).digest('hex');
  headers['authorization'] = `ACS3-HMAC-SHA256 Credential=${KEY.id},SignedHeaders=${names.join(';')},Signature=${signature}`;
  const answer = await fetch(`${SERVER}/`, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) });
  const result = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${action}: ${String(result['Code'])} ${String(result['Message'])}`);
  return result;
}

function start(dataFolder: string): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../server/main.ts')], {
    env: {
      ...process.env,
      MILLRACE_DATA: dataFolder,
      MILLRACE_PORT: String(PORT),
      MILLRACE_SAMPLE: 'off',
      MILLRACE_ADMIN_ACCESS_KEY_ID: KEY.id,
      MILLRACE_ADMIN_ACCESS_KEY_SECRET: KEY.secret,
      MILLRACE_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Waits until the server can take work. Returns the milliseconds it took. */
async function ready(): Promise<number> {
  const began = performance.now();
  for (;;) {
    const answer = await fetch(`${SERVER}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer?.status === 200) return performance.now() - began;
    if (performance.now() - began > 60_000) throw new Error('the server did not come up within a minute');
    await pause(10);
  }
}

/** One writer: files with a counter in their code, commits, deployments and runs, until it is told to end. */
async function write(writer: number, projectId: number, acknowledged: Acknowledged, going: () => boolean): Promise<void> {
  const noted = async (action: string, parameters: Readonly<Record<string, string | number>>) => {
    const answer = await call(action, parameters);
    acknowledged.requests.push(String(answer['RequestId']));
    return answer;
  };
  while (going()) {
    try {
      const name = `w${writer}_${randomBytes(6).toString('hex')}`;
      const type = Math.random() < 0.7 ? 99 : 6;
      const FileId = Number((await noted('CreateFile', { ProjectId: projectId, FileName: name, FileType: type, Content: 'true # 0' }))['Data']);
      acknowledged.files.set(FileId, { name, sequence: 0 });
      for (let sequence = 1; sequence <= 3 && going(); sequence += 1) {
        await noted('UpdateFile', { ProjectId: projectId, FileId, Content: `true # ${sequence}` });
        acknowledged.files.set(FileId, { name, sequence });
        acknowledged.deployments.push(Number((await noted('SubmitFile', { ProjectId: projectId, FileId }))['Data']));
        acknowledged.deployments.push(Number((await noted('DeployFile', { ProjectId: projectId, FileId }))['Data']));
      }
      const { File } = (await call('GetFile', { ProjectId: projectId, FileId }))['Data'] as { File: { NodeId?: number } };
      if (File.NodeId === undefined) continue;
      acknowledged.dags.push(Number((await noted('RunSmokeTest', { ProjectEnv: 'PROD', NodeId: File.NodeId, Name: name, Bizdate: '2026-11-01 00:00:00' }))['Data']));
    } catch (error) {
      // The server was killed under the call: it may or may not have happened, and nothing was acknowledged.
      if (String(error).includes('InternalError')) throw error;
      await pause(5);
    }
  }
}

export interface ChaosResult {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly restartMs: readonly number[];
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Runs `rounds` of load, kill and restart, then audits. `say` takes a line for each round. */
export async function killRounds(rounds: number, say: (line: string) => void): Promise<ChaosResult> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'));
  const acknowledged: Acknowledged = { requests: [], files: new Map(), deployments: [], dags: [] };
  const restartMs: number[] = [];
  let server = start(dataFolder);
  let database: Database | undefined;
  let leave = async () => {};
  try {
    await ready();
    const projectId = Number((await call('CreateProject', { ProjectIdentifier: 'chaos', ProjectName: 'Chaos', ProjectMode: 2 }))['Data']);
    for (let round = 1; round <= rounds; round += 1) {
      let going = true;
      const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer, projectId, acknowledged, () => going));
      await pause(100 + Math.random() * 900);
      const exited = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await exited;
      server = start(dataFolder);
      const took = await ready();
      going = false;
      await Promise.all(writers);
      restartMs.push(took);
      if (round % 10 === 0 || round === rounds) say(`round ${round}: ready again after ${took.toFixed(0)} ms, ${acknowledged.requests.length} writes acknowledged so far`);
    }
    const postgres = await startEmbeddedPostgres({ dataDir: dataFolder, use: 'shared', log: () => {} });
    leave = () => postgres.leave();
    database = openDatabase({ connection: postgres.connection, connections: 2 });
    const { findings, counts } = await audit(database, acknowledged);
    return { rounds, acknowledged: acknowledged.requests.length, restartMs, findings, counts };
  } finally {
    await database?.close();
    await leave();
    const exited = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode === null && server.kill('SIGTERM')) await exited;
    await rm(dataFolder, { recursive: true, force: true });
  }
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const at = process.argv.indexOf('--rounds');
  const rounds = at === -1 ? 20 : Number(process.argv[at + 1]);
  const result = await killRounds(rounds, (line) => console.log(line));
  console.log(`\n${result.rounds} kills, ${result.acknowledged} acknowledged writes`);
  console.log(`restart to ready: p50 ${percentile(result.restartMs, 0.5).toFixed(0)} ms, max ${Math.max(...result.restartMs).toFixed(0)} ms`);
  for (const [what, count] of Object.entries(result.counts)) console.log(`${what}: ${count}`);
  for (const finding of result.findings.slice(0, 20)) console.log(`BROKEN ${finding.promise}: ${finding.detail}`);
  console.log(result.findings.length === 0 ? 'every promise held' : `${result.findings.length} broken`);
  process.exitCode = result.findings.length === 0 ? 0 : 1;
}
