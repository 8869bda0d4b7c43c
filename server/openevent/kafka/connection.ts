import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import { apis, routeByKey } from './handlers/index.ts';
import type { Client, Services } from './handlers/context.ts';
import { code } from './protocol/errors.ts';
import { readHeader, readRequest, writeResponse, type RequestHeader } from './protocol/frame.ts';
import { apiVersions, saslAuthenticate, saslHandshake } from './protocol/messages.ts';
import { MalformedMessage, Reader as Bytes } from './protocol/wire.ts';
import { AuthenticationFailed, beginExchange, type Credential, type Exchange, type Mechanism } from './sasl.ts';
import type { Reader } from './topics.ts';

/** Frames of clients that have not signed in: versions and passwords need no more. */
const EARLY_FRAME_BYTES = 16 * 1024;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly log: Log;
  readonly services: Services;
  readonly mechanisms: readonly Mechanism[];
  readonly findUser: (login: string) => Promise<Credential<Reader> | undefined>;
  /** Makes the salts of users that are not there. */
  readonly secret: Buffer;
  readonly onClose: () => void;
}

export interface Connection {
  /** The user that has signed in or is about to. */
  userId(): number | undefined;
  /** Bytes of answers that the client has not taken. */
  unsent(): number;
  close(): void;
}

class Refused extends Error {}

/**
 * One client. Requests are answered one after the other, as a broker does; what comes meanwhile waits, up to a limit, and then the client's
 * socket is not read any more. A client that does not take its answers gets no further ones, and is cut off in the end.
 */
export function serveConnection(options: ConnectionOptions): Connection {
  const { socket, clock, log, services, findUser } = options;
  const host = socket.remoteAddress ?? '';
  const gone = new AbortController();
  const passed = new Map<string, { from: number; to: number }>();
  let reader: Reader | undefined;
  let userId: number | undefined;
  let exchange: Exchange<Reader> | undefined;
  /** After the oldest handshake the messages of SASL come bare, with nothing but their length before them. */
  let bare = false;
  /** Bytes received that are no whole frame yet. */
  let parts: Buffer[] = [];
  let held = 0;
  let frames: Buffer[] = [];
  let queued = 0;
  let busy = false;
  let closed = false;
  let cancelWatch = () => {};
  /** The timer that runs is one for the rest of a request. */
  let restDue = false;
  let cancelLogin = () => {};

  function close(reason: string): void {
    if (closed) return;
    closed = true;
    log.debug({ client: host, user: reader?.login, reason }, 'a Kafka connection was closed');
    gone.abort();
    cancelWatch();
    cancelLogin();
    socket.destroy();
    parts = [];
    frames = [];
    options.onClose();
  }

  /** A request that has begun must come to its end soon, however its bytes come; between requests a client may be silent for long. */
  function watch(begun: boolean): void {
    if (restDue && !begun && !busy) return;
    cancelWatch();
    restDue = !busy && held > 0;
    if (busy) cancelWatch = () => {};
    else cancelWatch = clock.after(held > 0 ? limits.kafkaLoginMs.value : limits.kafkaIdleMs.value, () => close(held > 0 ? 'the rest of a request did not come' : 'it was silent for long'));
  }

  function take(data: Buffer): void {
    parts.push(data);
    held += data.length;
    let whole = 0;
    while (held >= 4) {
      if (parts.length > 1 && (parts[0] as Buffer).length < 4) parts = [Buffer.concat(parts)];
      const size = (parts[0] as Buffer).readInt32BE(0);
      const most = reader === undefined ? EARLY_FRAME_BYTES : limits.kafkaFrameBytes.value;
      if (size < (bare ? 1 : 8) || size > most) return close(`a request of ${size} bytes, where 8 to ${most} may be`);
      if (held < size + 4) break;
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      frames.push(bytes.subarray(4, size + 4));
      whole += 1;
      queued += size;
      held -= size + 4;
      parts = held > 0 ? [bytes.subarray(size + 4)] : [];
    }
    if (queued >= limits.kafkaQueuedBytes.value) socket.pause();
    if (!busy && frames.length > 0) void work();
    watch(whole > 0);
  }

  async function work(): Promise<void> {
    busy = true;
    try {
      while (!closed) {
        const frame = frames.shift();
        if (frame === undefined) break;
        queued -= frame.length;
        const answer = await answerTo(frame);
        if (closed) return;
        if (answer === undefined) return close('a request without an answer');
        await send(answer);
        if (queued < limits.kafkaQueuedBytes.value && socket.isPaused()) socket.resume();
      }
    } catch (error) {
      if (error instanceof MalformedMessage || error instanceof Refused) close(error.message);
      else {
        if (!closed) log.warn({ err: error, client: host, user: reader?.login }, 'a Kafka request failed; its connection is closed');
        close('a request failed');
      }
    } finally {
      busy = false;
      if (!closed) watch(true);
    }
  }

  async function send(answer: readonly Buffer[]): Promise<void> {
    socket.cork();
    for (const part of answer) socket.write(part);
    socket.uncork();
    let before = socket.writableLength;
    while (socket.writableNeedDrain && !gone.signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          cancel();
          socket.removeListener('drain', done);
          gone.signal.removeEventListener('abort', done);
          resolve();
        };
        const cancel = clock.after(limits.kafkaStalledMs.value, () => {
          if (socket.writableLength >= before) close('it takes no answers');
          before = socket.writableLength;
          done();
        });
        socket.once('drain', done);
        gone.signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  function isFlexible(apiKey: number, version: number): boolean {
    const api = apis.get(apiKey);
    // Of a version that is not served nothing is read but what says so.
    return api !== undefined && version >= api.flexible && version <= api.max;
  }

  async function answerTo(frame: Buffer): Promise<Buffer[] | undefined> {
    if (bare) return authenticate(frame, (errorCode, _message, reply) => {
      if (errorCode !== code.none) throw new Refused('signing in failed');
      const size = Buffer.alloc(4);
      size.writeInt32BE(reply.length, 0);
      return [size, reply];
    });
    const bytes = new Bytes(frame);
    const header = readHeader(bytes, isFlexible);
    const api = apis.get(header.apiKey);
    if (api === undefined) throw new Refused(`there is no api ${header.apiKey}`);
    if (header.apiVersion < api.min || header.apiVersion > api.max) {
      // Only here a client may ask without knowing what the server speaks.
      if (api === apiVersions) return writeResponse(apiVersions, 0, header.correlationId, { ...versions(), errorCode: code.unsupportedVersion });
      throw new Refused(`${api.name} has no version ${header.apiVersion}`);
    }
    if (api === apiVersions) {
      readRequest(apiVersions, header.apiVersion, bytes);
      return writeResponse(apiVersions, header.apiVersion, header.correlationId, versions());
    }
    if (api === saslHandshake) return handshake(header, bytes);
    if (api === saslAuthenticate) {
      const { authBytes } = readRequest(saslAuthenticate, header.apiVersion, bytes);
      return authenticate(authBytes, (errorCode, errorMessage, reply) =>
        writeResponse(saslAuthenticate, header.apiVersion, header.correlationId, { errorCode, errorMessage, authBytes: reply, sessionLifetimeMs: 0 }),
      );
    }
    if (reader === undefined) throw new Refused(`${api.name} before signing in`);
    const client: Client = { reader, clientId: header.clientId ?? '', host, gone: gone.signal, passed };
    return routeByKey.get(header.apiKey)?.run(services, client, header, bytes);
  }

  function handshake(header: RequestHeader, bytes: Bytes): Buffer[] {
    const { mechanism } = readRequest(saslHandshake, header.apiVersion, bytes);
    const found = options.mechanisms.find((one) => one === mechanism);
    if (reader === undefined && found !== undefined) {
      exchange = beginExchange(
        found,
        async (login) => {
          const credential = await findUser(login);
          // Known before the password is checked, so that a user who is deleted meanwhile does not slip through.
          userId = credential?.user.userId;
          return credential;
        },
        options.secret,
      );
      bare = header.apiVersion === 0;
    }
    const errorCode = reader !== undefined ? code.illegalSaslState : found === undefined ? code.unsupportedSaslMechanism : code.none;
    return writeResponse(saslHandshake, header.apiVersion, header.correlationId, { errorCode, mechanisms: [...options.mechanisms] });
  }

  async function authenticate(message: Buffer, write: (errorCode: number, errorMessage: string | null, reply: Buffer) => Buffer[]): Promise<Buffer[]> {
    const answer = (errorCode: number, errorMessage: string | null, reply: Buffer = Buffer.alloc(0)) => write(errorCode, errorMessage, reply);
    if (exchange === undefined) return answer(code.illegalSaslState, 'SaslHandshake comes first.');
    try {
      const { reply, user } = await exchange.step(message);
      if (user !== undefined) {
        reader = user;
        exchange = undefined;
        bare = false;
        cancelLogin();
      }
      return answer(code.none, null, reply);
    } catch (error) {
      if (!(error instanceof AuthenticationFailed)) throw error;
      log.info({ client: host, reason: error.message }, 'a Kafka client could not sign in');
      // Guessing must not be cheap; and after a failure the protocol knows no second try.
      await new Promise<void>((resolve) => {
        clock.after(limits.kafkaLoginDelayMs.value, resolve);
        gone.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      if (!closed) {
        const refused = answer(code.saslAuthenticationFailed, 'Authentication failed: the user name or the password is wrong.');
        await send(refused);
        socket.end();
      }
      throw new Refused('signing in failed');
    }
  }

  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  socket.on('data', take);
  socket.on('error', (error) => close(error.message));
  socket.on('close', () => close('the client went away'));
  cancelLogin = clock.after(limits.kafkaLoginMs.value, () => close('it did not sign in'));
  watch(true);

  return {
    userId: () => userId,
    unsent: () => socket.writableLength,
    close: () => close('the server closes it'),
  };
}

function versions() {
  return {
    errorCode: code.none as number,
    apiKeys: [...apis.values()].toSorted((a, b) => a.key - b.key).map((one) => ({ apiKey: one.key, minVersion: one.min, maxVersion: one.max })),
    throttleTimeMs: 0,
  };
}
