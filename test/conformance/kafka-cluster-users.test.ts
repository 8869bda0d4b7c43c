import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { scramCredentials } from '../../server/openevent/kafka-cluster/access.ts';
import { createClusterClient } from '../../server/openevent/kafka-cluster/client.ts';
import { testDatabase } from '../support/database.ts';
import { startKafka, type TestBroker } from './kafka-cluster-broker.ts';
import { kafkaSkip } from './kafka-cluster-jars.ts';
import { readTopics, recordingLog, relayPlace } from './kafka-cluster.fixture.ts';

const skip = await kafkaSkip();
const ADMIN = { mechanism: 'PLAIN', username: 'relay', password: 'relay-secret' } as const;

describe('signing in to a cluster, and its users', { skip }, () => {
  let kafka: TestBroker;
  let server: Awaited<ReturnType<typeof testDatabase>>;
  let place: Awaited<ReturnType<typeof relayPlace>>;
  before(async () => {
    server = await testDatabase();
    place = await relayPlace(server.url);
    kafka = await startKafka();
  });
  after(async () => {
    await place?.close();
    await kafka?.stop();
    await server?.drop();
  });

  test('a wrong password is a clear line of the log; the server stays up and with the right one nothing is missing', async () => {
    const log = recordingLog();
    await place.raise('file:1', 0);
    const wrong = await place.relay({ brokers: [kafka.saslAddress], sasl: { ...ADMIN, password: 'wrong' } }, log);
    await place.until('the failure is told', async () => (await place.status()).last_error !== null);
    const { last_error: said, connected } = await place.status();
    assert.match(said ?? '', /SASL_AUTHENTICATION_FAILED|[Aa]uthentication failed/);
    assert.doesNotMatch(said ?? '', /wrong/);
    assert.equal(connected, false);
    assert.ok(log.lines.some((one) => /cannot be written to: .*[Aa]uthentication/.test(one)), log.lines.join('\n'));
    await wrong.stop();
    const right = await place.relay({ brokers: [kafka.saslAddress], sasl: ADMIN });
    await place.caughtUp();
    assert.equal((await readTopics(kafka.address, ['dataworks.all'])).length, 1);
    await right.stop();
  });

  test('Kafka users sign in at the cluster by SCRAM and read what they may, until they are deleted', async () => {
    await place.relay({ brokers: [kafka.saslAddress], sasl: ADMIN, users: true });
    await place.raise('file:1', 1);
    await place.raise('file:1', 0, { workspaceId: 12 });
    const all = await place.user();
    const narrow = await place.user({ workspaces: [12], tenantEvents: false });
    await place.caughtUp();
    await place.until('the users are in the cluster', async () => (await place.database.row<{ count: number }>('select count(*) as count from kafka_relay_user'))?.count === 2);
    const as = (user: { readonly login: string; readonly password: string }, mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512') => ({ mechanism, username: user.login, password: user.password });
    assert.equal((await readTopics(kafka.saslAddress, ['dataworks.all'], as(all, 'SCRAM-SHA-256'))).length, 3);
    assert.equal((await readTopics(kafka.saslAddress, ['dataworks.workspace.12'], as(narrow, 'SCRAM-SHA-512'))).length, 1);
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.all'], as(narrow, 'SCRAM-SHA-512')));
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.workspace.11'], as(narrow, 'SCRAM-SHA-256')));
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.workspace.12'], { ...as(narrow, 'SCRAM-SHA-512'), password: 'another' }));
    await place.removeUser(narrow.id);
    await place.until('the user is gone', async () => (await place.database.row<{ count: number }>('select count(*) as count from kafka_relay_user'))?.count === 1);
    await assert.rejects(readTopics(kafka.saslAddress, ['dataworks.workspace.12'], as(narrow, 'SCRAM-SHA-512')));
    assert.equal((await readTopics(kafka.saslAddress, ['dataworks.all'], as(all, 'SCRAM-SHA-512'))).length, 3);
  });
});

test('over TLS with an authority of its own, signed in by SCRAM; another certificate is refused', { skip }, async (context) => {
  const certificate = await makeCertificate();
  if (certificate === undefined) return context.skip('there is no openssl to make a certificate');
  const server = await testDatabase();
  const place = await relayPlace(server.url);
  const kafka = await startKafka({ tls: certificate });
  try {
    const admin = await createClusterClient({ brokers: [kafka.address], sasl: undefined, tls: undefined, replicas: undefined, users: false });
    await admin.setScram(scramCredentials('relay', 'another-secret'));
    await admin.close();
    const sasl = { mechanism: 'SCRAM-SHA-512', username: 'relay', password: 'another-secret' } as const;
    await place.raise('file:1', 0);
    const strange = await place.relay({ brokers: [kafka.saslAddress], sasl, tls: { ca: undefined, cert: undefined, key: undefined } });
    await place.until('the certificate is refused', async () => /self.signed/.test((await place.status()).last_error ?? ''));
    await strange.stop();
    await place.relay({ brokers: [kafka.saslAddress], sasl, tls: { ca: certificate.cert, cert: undefined, key: undefined } });
    await place.caughtUp();
    assert.equal((await readTopics(kafka.address, ['dataworks.all'])).length, 1);
  } finally {
    await place.close();
    await kafka.stop();
    await server.drop();
  }
});

/** A certificate for this machine and its key, or undefined where there is no openssl. */
async function makeCertificate(): Promise<{ readonly cert: string; readonly key: string } | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']);
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
