/**
 * What the gateway costs: the rate of signed V3 `GetProject` (2024-05-18) against a bare Fastify route that runs the same
 * single query with none of it, on one PostgreSQL, in interleaved rounds. Limit: at least 0.5 of the bare rate.
 * Run: `node bench/gateway.ts [rounds] [requests per round]`. With MILLRACE_BENCH_PROFILE=<folder> the server writes a CPU profile there.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import type { Measurement, Order } from './gateway/load.ts';

const LEAST_RATIO = 0.5;
const CONNECTIONS = 32;
const rounds = Number(process.argv[2] ?? 7);
const requests = Number(process.argv[3] ?? 15_000);
const root = join(import.meta.dirname, '..');
const key = { accessKeyId: 'LTAI5tBenchOfTheGateway1', accessKeySecret: 'benchSecretOfTheGateway0123456' };

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const children: ChildProcess[] = [];
const postgres = await startEmbeddedPostgres({ dataDir: folder, log: () => {} });
try {
  const databaseUrl = connectionUrl(postgres.connection);
  const gateway = await startServer('server/main.ts', /OpenAPI\s+(http\S+?)\/ /, {
    DATABASE_URL: databaseUrl,
    MILLRACE_DATA: folder,
    MILLRACE_PORT: '0',
    MILLRACE_SAMPLE: 'off',
    MILLRACE_ADMIN_ACCESS_KEY_ID: key.accessKeyId,
    MILLRACE_ADMIN_ACCESS_KEY_SECRET: key.accessKeySecret,
  });
  const bare = await startServer('bench/gateway/bare.ts', /(http\S+)/, { DATABASE_URL: databaseUrl });
  const load = fork(join(root, 'bench/gateway/load.ts'));
  children.push(load);
  const measure = async (order: Omit<Order, 'connections' | 'key'>): Promise<number> => {
    load.send({ ...order, connections: CONNECTIONS, key } satisfies Order);
    const [answer] = (await once(load, 'message')) as [Measurement];
    if (answer.fault !== undefined) throw new Error(answer.fault);
    return answer.perSecond;
  };

  const projectId = await createProject(gateway);
  const gatewayOrder = { kind: 'signed', url: gateway, projectId, requests } as const;
  const bareOrder = { kind: 'bare', url: bare, projectId, requests } as const;
  await measure(gatewayOrder);
  await measure(bareOrder);
  const pairs: { gateway: number; bare: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with the other one, so that a drift of the machine falls on both.
    const first = round % 2 === 0 ? { gateway: await measure(gatewayOrder), bare: await measure(bareOrder) } : undefined;
    pairs.push(first ?? { bare: await measure(bareOrder), gateway: await measure(gatewayOrder) });
    const { gateway: signed, bare: plain } = pairs.at(-1) ?? { gateway: 0, bare: 1 };
    console.log(`round ${round + 1}: signed GetProject ${signed.toFixed(0)}/s, bare route ${plain.toFixed(0)}/s, ratio ${(signed / plain).toFixed(3)}`);
  }
  const ratio = median(pairs.map((pair) => pair.gateway / pair.bare));
  console.log(
    `medians of ${rounds} rounds of ${requests} requests on ${CONNECTIONS} connections: signed GetProject ${median(pairs.map((pair) => pair.gateway)).toFixed(0)}/s, ` +
      `bare route ${median(pairs.map((pair) => pair.bare)).toFixed(0)}/s, ratio ${ratio.toFixed(3)}`,
  );
  console.log(`limit ${LEAST_RATIO}: ${ratio >= LEAST_RATIO ? 'kept' : 'MISSED'}`);
  if (ratio < LEAST_RATIO) process.exitCode = 1;
} finally {
  for (const child of children) {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGTERM')) await ended;
  }
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Starts a server of the project and answers the address that it prints. */
async function startServer(script: string, address: RegExp, env: Record<string, string>): Promise<string> {
  const profile = process.env['MILLRACE_BENCH_PROFILE'];
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...flags, join(root, script)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
  });
  children.push(child);
  let text = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    const url = address.exec(text)?.[1];
    if (url !== undefined) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error(`${script} ended: ${text}`);
}

async function createProject(url: string): Promise<number> {
  const { signedRequest } = await import('./gateway/signed-request.ts');
  const { headers, target } = signedRequest({ url, key, action: 'CreateProject', query: { Name: 'bench', DisplayName: 'Bench' }, nonce: 'create' });
  const answer = await fetch(`${url}${target}`, { headers });
  const { Id } = (await answer.json()) as { Id?: number };
  if (Id === undefined) throw new Error(`CreateProject answered ${answer.status}`);
  return Id;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}
