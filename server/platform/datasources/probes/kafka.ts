import type { Socket } from 'node:net';
import { ProbeFailure, requireAddress, type ProbeContext } from './probe.ts';
import { tlsOf } from '../interface.ts';

/** Three requests of the Kafka protocol, which is all that a test needs: ApiVersions (18), SaslHandshake (17), SaslAuthenticate (36). */

const LARGEST_ANSWER = 64 * 1024;

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function frame(api: number, version: number, correlation: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt16BE(api, 0);
  head.writeInt16BE(version, 2);
  head.writeInt32BE(correlation, 4);
  const whole = Buffer.concat([head, text('millrace'), body]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(whole.length);
  return Buffer.concat([size, whole]);
}

/** Sends one request and reads its answer after the correlation id. */
function ask(socket: Socket, api: number, version: number, correlation: number, body: Buffer): Promise<Buffer> {
  return new Promise((fulfil, reject) => {
    let received = Buffer.alloc(0);
    const done = (settle: () => void) => {
      socket.off('data', onData);
      socket.off('error', onError);
      socket.off('close', onClose);
      settle();
    };
    const onError = (error: Error) => done(() => reject(error));
    const onClose = () => done(() => reject(new ProbeFailure('Unreachable', 'The other side closed the connection; it is no Kafka broker, or asks for TLS.')));
    const onData = (part: Buffer) => {
      received = Buffer.concat([received, part]);
      if (received.length < 8) return;
      const size = received.readInt32BE(0);
      if (size < 6 || size > LARGEST_ANSWER || received.readInt32BE(4) !== correlation) return done(() => reject(new ProbeFailure('Unreachable', 'The answer is not one of a Kafka broker.')));
      if (received.length >= size + 4) done(() => fulfil(received.subarray(8, size + 4)));
    };
    socket.on('data', onData).once('error', onError).once('close', onClose);
    socket.write(frame(api, version, correlation, body));
  });
}

export async function probeKafka(context: ProbeContext): Promise<void> {
  const { connection, tcp, step, signal } = context;
  const { host, port } = requireAddress(connection);
  const socket = await step('Connect', `Connect to ${host}:${port}`, () => tcp.connect({ host, port, ...tlsOf(connection.options), signal }));
  socket.on('error', () => {});
  try {
    await step('ApiVersions', 'Ask which requests the broker takes', async () => {
      const answer = await ask(socket, 18, 0, 1, Buffer.alloc(0));
      // 35 means that the broker wants another version of the question: it is one all the same.
      const code = answer.readInt16BE(0);
      if (code !== 0 && code !== 35) throw new ProbeFailure('Unreachable', `The broker answers with error ${code}.`);
    });
    const mechanism = connection.options['sasl.mechanism'] ?? connection.options['saslMechanism'] ?? 'PLAIN';
    if (connection.user === undefined || connection.password === undefined || mechanism.toUpperCase() !== 'PLAIN') return;
    await step('Login', 'Sign in by SASL PLAIN', async () => {
      const handshake = await ask(socket, 17, 1, 2, text('PLAIN'));
      if (handshake.readInt16BE(0) !== 0) throw new ProbeFailure('ConfigError', 'The broker does not take SASL PLAIN.');
      const token = Buffer.from(`\0${connection.user}\0${connection.password}`);
      const length = Buffer.alloc(4);
      length.writeInt32BE(token.length);
      const answer = await ask(socket, 36, 0, 3, Buffer.concat([length, token]));
      if (answer.readInt16BE(0) !== 0) throw new ProbeFailure('ConfigError', 'The broker does not accept the user and the password.');
    });
  } finally {
    socket.destroy();
  }
}
