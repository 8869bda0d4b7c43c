import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';
import { Agent, request } from 'undici';
import type { Database } from '../../server/kernel/database.ts';
import { openApiCore } from '../../test/conformance/official-clients.ts';
import { median, quantile } from '../delivery/measure.ts';
import { signedRequest, type Key } from '../gateway/signed-request.ts';
import { preparePeers } from '../peers/peers.ts';

const UNDER_WAY = 8;
/** What is written, about as large in both. */
const CONTENT = 'select 1;\n'.repeat(100);

/** A server whose writes are checked in one place and free in another. */
interface Side {
  readonly name: string;
  /** Gets so many writes ready for each kind. */
  prepare(count: number): Promise<void>;
  /** One write, until it is done. */
  write(kind: Kind): Promise<void>;
}
type Kind = 'checked' | 'free';

const http = new Agent({ connections: UNDER_WAY, pipelining: 1 });

/** Measures both sides in interleaved rounds and tells what the check adds. Where parse-server cannot be had, Millrace is measured alone. */
export async function comparePeers(options: { database: Database; connection: string; operations: number; rounds: number; folder: string }): Promise<void> {
  const { database, connection, operations, rounds, folder } = options;
  const children: ChildProcess[] = [];
  const launch = async <Told>(script: string, env: NodeJS.ProcessEnv = {}): Promise<Told> => {
    const child = fork(join(import.meta.dirname, script), { env: { ...process.env, ...env }, execArgv: ['--disable-warning=ExperimentalWarning'], silent: true });
    children.push(child);
    // Warnings of parse-server about its next version are of no interest, unless it does not start.
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${script} ended with ${code}: ${said.trim()}`)));
    ended.catch(() => {});
    const [told] = (await Promise.race([once(child, 'message'), ended])) as [Told];
    return told;
  };
  /** A database of its own, since both would be alone in it. */
  const beside = async (name: string): Promise<string> => {
    await database.run(`drop database if exists ${name} with (force)`);
    await database.run(`create database ${name}`);
    const address = new URL(connection);
    address.pathname = `/${name}`;
    return address.href;
  };
  let listener: Client | undefined;
  try {
    const checker = await launch<string>('checker.ts');
    const own = await beside('millrace_bench_house');
    const house = await launch<{ url: string; key: Key }>('house-process.ts', { BENCH_CONNECTION: own, BENCH_FOLDER: folder });
    listener = new Client({ connectionString: own });
    await listener.connect();
    const sides = [await millrace(house, checker, listener)];
    try {
      await preparePeers();
      const parse = await launch<{ url: string; id: string }>('parse-process.ts', { BENCH_CONNECTION: await beside('millrace_bench_parse'), BENCH_CHECKER: checker.replace(/check$/, 'before-save') });
      sides.push(parseServer(parse));
    } catch (error) {
      console.log(`parse-server is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
    await compare(sides, operations, rounds);
  } finally {
    await listener?.end();
    for (const child of children) {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.connected) child.disconnect();
      if (child.exitCode === null) await ended;
    }
    for (const name of ['millrace_bench_house', 'millrace_bench_parse']) await database.run(`drop database if exists ${name} with (force)`);
  }
}

async function compare(sides: readonly Side[], operations: number, rounds: number): Promise<void> {
  const figures = new Map(sides.map(({ name }) => [name, { p50: [] as number[], p99: [] as number[], checked: [] as number[], free: [] as number[] }]));
  for (const side of sides) {
    await side.prepare(100);
    for (let number = 0; number < 100; number += 1) for (const kind of ['checked', 'free'] as const) await side.write(kind);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await side.prepare(operations * 3);
      const times = { checked: [] as number[], free: [] as number[] };
      for (let number = 0; number < operations; number += 1) {
        for (const kind of ['checked', 'free'] as const) {
          const began = performance.now();
          await side.write(kind);
          times[kind].push(performance.now() - began);
        }
      }
      const rates = { checked: 0, free: 0 };
      for (const kind of ['checked', 'free'] as const) {
        let left = operations * 2;
        const began = performance.now();
        await Promise.all(
          Array.from({ length: UNDER_WAY }, async () => {
            while (left > 0) {
              left -= 1;
              await side.write(kind);
            }
          }),
        );
        rates[kind] = (operations * 2_000) / (performance.now() - began);
      }
      const added = (share: number) => quantile(times.checked, share) - quantile(times.free, share);
      const of = figures.get(side.name);
      of?.p50.push(added(0.5));
      of?.p99.push(added(0.99));
      of?.checked.push(rates.checked);
      of?.free.push(rates.free);
      console.log(
        `peers, round ${round + 1}: ${side.name}: unchecked p50 ${ms(quantile(times.free, 0.5))}, p99 ${ms(quantile(times.free, 0.99))}; checked p50 ${ms(quantile(times.checked, 0.5))}, p99 ${ms(quantile(times.checked, 0.99))}; ` +
          `${rates.free.toFixed(0)} and ${rates.checked.toFixed(0)} writes/s`,
      );
    }
  }
  for (const [name, of] of figures) {
    console.log(`  ${name}: the check adds p50 ${ms(median(of.p50))}, p99 ${ms(median(of.p99))}; ${median(of.checked).toFixed(0)} checked writes/s, ${median(of.free).toFixed(0)} unchecked, ratio ${median(of.checked.map((rate, round) => rate / (of.free[round] ?? Number.NaN))).toFixed(2)}`);
  }
  const [mine, theirs] = [...figures.values()];
  if (mine === undefined || theirs === undefined) return;
  const ratio = (kind: 'p50' | 'checked') => median(mine[kind].map((value, round) => value / (theirs[kind][round] ?? Number.NaN))).toFixed(2);
  console.log(`  Millrace to parse-server: added p50 ${ratio('p50')}, checked writes/s ${ratio('checked')}`);
}

/** Commits of files: a version, an event, an audit line and a row of the call log each, by signed calls. A checked one is done when the hold has been resumed, which a trigger tells. */
async function millrace(house: { url: string; key: Key }, checker: string, listener: Client): Promise<Side> {
  const { url, key } = house;
  const legacy = openApiCore(url, key, '2020-05-18');
  const own = openApiCore(url, key, '2026-12-01');
  await own('UpdatePlan', { Plan: 'Unlimited' });
  const projects = { checked: 0, free: 0 };
  for (const kind of ['checked', 'free'] as const) {
    projects[kind] = Number((await legacy('CreateProject', { ProjectIdentifier: `bench_${kind}`, ProjectName: `bench_${kind}`, ProjectDescription: 'bench', ProjectMode: 3 }))['Data']);
    await legacy('CreateBusiness', { ProjectId: projects[kind], BusinessName: 'bench' });
  }
  await own('CreateExtension', { ExtensionCode: 'bench', ExtensionName: 'Bench', BindEventList: JSON.stringify(['commit-file']), Invocation: 'HTTP', Target: checker });
  await own('PublishExtension', { ExtensionCode: 'bench' });
  await own('EnableExtension', { ExtensionCode: 'bench', ProjectId: projects.checked });

  const resumed = new Map<string, () => void>();
  await listener.query(
    `create function bench_resumed() returns trigger language plpgsql as $$ begin perform pg_notify('bench_resumed', new.object_key || ' ' || new.resume_status); return new; end $$;
     create trigger bench_resumed after update of resumed_at on hold for each row when (new.resumed_at is not null) execute function bench_resumed();
     listen bench_resumed`,
  );
  listener.on('notification', ({ payload }) => {
    const [object = '', status] = (payload ?? '').split(' ');
    if (status !== 'DONE') throw new Error(`a hold of ${object} ended as ${status}`);
    resumed.get(object)?.();
    resumed.delete(object);
  });

  const call = async (action: string, query: Record<string, string>): Promise<Record<string, unknown>> => {
    const { headers, target } = signedRequest({ url, key, action, query, nonce: randomUUID(), version: '2020-05-18' });
    const answer = await request(`${url}${target}`, { headers, dispatcher: http });
    const body = (await answer.body.json()) as Record<string, unknown>;
    if (answer.statusCode !== 200) throw new Error(`${action} answered ${answer.statusCode}: ${JSON.stringify(body)}`);
    return body;
  };
  const files: Record<Kind, string[]> = { checked: [], free: [] };
  let made = 0;
  return {
    name: 'Millrace',
    async prepare(count) {
      for (const kind of ['checked', 'free'] as const) {
        let left = count;
        await Promise.all(
          Array.from({ length: UNDER_WAY }, async () => {
            while (left > 0) {
              left -= 1;
              const FileName = `file_${(made += 1)}`;
              const { Data } = await call('CreateFile', { ProjectId: String(projects[kind]), FileName, FileType: '10', Content: CONTENT, FileFolderPath: '业务流程/bench', InputList: 'bench_root', OutputList: `bench.${FileName}` });
              files[kind].push(String(Data));
            }
          }),
        );
      }
    },
    async write(kind) {
      const FileId = files[kind].pop();
      if (FileId === undefined) throw new Error('too few files were made');
      const done = kind === 'checked' ? new Promise<void>((resolve) => resumed.set(`file:${FileId}`, resolve)) : undefined;
      await call('SubmitFile', { ProjectId: String(projects[kind]), FileId, Comment: 'bench' });
      await done;
    },
  };
}

/** Saves of new objects by REST: a row each. */
function parseServer({ url, id }: { url: string; id: string }): Side {
  const headers = { 'content-type': 'application/json', 'x-parse-application-id': id };
  let made = 0;
  return {
    name: 'parse-server',
    async prepare() {},
    async write(kind) {
      const body = JSON.stringify({ fileName: `file_${(made += 1)}`, content: CONTENT });
      const answer = await request(`${url}/classes/${kind === 'checked' ? 'Checked' : 'Free'}`, { method: 'POST', headers, body, dispatcher: http });
      const text = await answer.body.text();
      if (answer.statusCode !== 201) throw new Error(`parse-server answered ${answer.statusCode}: ${text}`);
    },
  };
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
