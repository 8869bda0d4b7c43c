import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../chaos/server.ts';
import { kafkaJars } from './kafka-cluster-jars.ts';

/** A start on a busy machine takes some seconds. */
const START_MS = 90_000;
const CLUSTER_ID = 'bWlsbHJhY2UtdGVzdC0wMQ';

export interface TestBroker {
  /** `host:port` of the listener without passwords, for the tests themselves; its users may do everything. */
  readonly address: string;
  /** `host:port` of the listener with SASL (PLAIN, SCRAM), where one is wanted. */
  readonly saslAddress: string;
  /** Starts it again after `kill`; resolves when it answers. */
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** One real Apache Kafka in KRaft mode, broker and controller in one process, in a folder of its own on free ports of loopback. With `tls` (PEM), the SASL listener speaks TLS. User `relay` with password `relay-secret` is its administrator. */
export async function startKafka(options: { readonly start?: boolean; readonly tls?: { readonly cert: string; readonly key: string } } = {}): Promise<TestBroker> {
  const jars = await kafkaJars();
  if ('missing' in jars) throw new Error(jars.missing);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  const [port, saslPort, controllerPort] = [await freePort(), await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  const saslAddress = `127.0.0.1:${saslPort}`;
  const data = join(folder, 'data');
  const keyStore = join(folder, 'broker.pem');
  if (options.tls !== undefined) await writeFile(keyStore, `${options.tls.key}${options.tls.cert}`);
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    listeners: `PLAINTEXT://${address},SASL_PLAINTEXT://${saslAddress},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${address},SASL_PLAINTEXT://${saslAddress}`,
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:${options.tls === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL'},CONTROLLER:PLAINTEXT`,
    ...(options.tls === undefined ? {} : { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': keyStore }),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required user_relay="relay-secret";',
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:relay;User:ANONYMOUS',
    'log.dirs': data,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': '0',
    'num.network.threads': '2',
    'num.io.threads': '2',
  };
  await writeFile(join(folder, 'server.properties'), Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''));

  await mkdir(data);
  const java = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-XX:+UnlockDiagnosticVMOptions', '-XX:-BytecodeVerificationRemote', `-Djava.io.tmpdir=${folder}`, '-cp', join(jars.folder, '*')];
  await command([...java, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', join(folder, 'server.properties')], folder);
  let child: ChildProcess | undefined;
  let said = '';

  async function start(): Promise<void> {
    const own = spawn('java', [...java, 'kafka.Kafka', join(folder, 'server.properties')], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child = own;
    for (const stream of [own.stdout, own.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-4_000);
      });
    }
    const deadline = Date.now() + START_MS;
    while (!(await answers(port))) {
      if (own.exitCode !== null || own.signalCode !== null) throw new Error(`Kafka ended while starting: ${said}`);
      if (Date.now() > deadline) throw new Error(`Kafka did not answer within ${START_MS} ms: ${said}`);
      await pause(50);
    }
  }

  async function kill(): Promise<void> {
    const own = child;
    if (own === undefined || own.exitCode !== null || own.signalCode !== null) return;
    const ended = once(own, 'exit');
    own.kill('SIGKILL');
    await ended;
  }

  if (options.start !== false) await start();
  return {
    address,
    saslAddress,
    start,
    kill,
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function command(args: readonly string[], folder: string): Promise<void> {
  const child = spawn('java', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the folder of Kafka could not be prepared: ${said.slice(-2_000)}`);
}

/** True once the port answers a request for the versions of the protocol: it is open long before. */
async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  try {
    return await new Promise<boolean>((resolve) => {
      socket.setTimeout(2_000, () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('data', () => resolve(true));
      // ApiVersions version 0, correlation 1, client "t".
      socket.write(Buffer.from([0, 0, 0, 11, 0, 18, 0, 0, 0, 0, 0, 1, 0, 1, 0x74]));
    });
  } finally {
    socket.destroy();
  }
}
