import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export type Mechanism = (typeof mechanisms)[number];

const hashOf = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
type ScramMechanism = keyof typeof hashOf;

/** What a SCRAM exchange is checked against (RFC 5802); bytes in base64. */
export interface Verifier {
  readonly salt: string;
  readonly iterations: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

export type Verifiers = Readonly<Record<ScramMechanism, Verifier>>;

/** The least that RFC 7677 asks for and Kafka takes; the passwords are random, so more would only cost time. */
const ITERATIONS = 4_096;

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}

export function deriveVerifiers(password: string, random: (bytes: number) => Buffer = randomBytes): Verifiers {
  const derive = (mechanism: ScramMechanism): Verifier => {
    const hash = hashOf[mechanism];
    const salt = random(16);
    const salted = pbkdf2Sync(password, salt, ITERATIONS, hash === 'sha256' ? 32 : 64, hash);
    const storedKey = createHash(hash).update(hmac(hash, salted, 'Client Key')).digest();
    return { salt: salt.toString('base64'), iterations: ITERATIONS, storedKey: storedKey.toString('base64'), serverKey: hmac(hash, salted, 'Server Key').toString('base64') };
  };
  return { 'SCRAM-SHA-256': derive('SCRAM-SHA-256'), 'SCRAM-SHA-512': derive('SCRAM-SHA-512') };
}

/** A user that may sign in. */
export interface Credential<User> {
  readonly user: User;
  readonly password: string;
  readonly verifiers: Verifiers;
}

/** One step of an exchange: a further message to answer, or who it is. `reply` is sent in both cases. */
export type Step<User> = { readonly reply: Buffer; readonly user: User | undefined };

/** Thrown when the exchange has failed. The client is told no more than that. */
export class AuthenticationFailed extends Error {}

export interface Exchange<User> {
  /** Takes the client's next message. Rejects with AuthenticationFailed. */
  step(message: Buffer): Promise<Step<User>>;
}

type Find<User> = (login: string) => Promise<Credential<User> | undefined>;

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function plain<User>(find: Find<User>): Exchange<User> {
  return {
    async step(message) {
      const parts = message.toString('utf8').split('\0');
      const [authorize = '', login = '', password = ''] = parts;
      if (parts.length !== 3 || (authorize !== '' && authorize !== login)) throw new AuthenticationFailed('the message is not that of PLAIN');
      const credential = await find(login);
      const digest = (text: string) => createHash('sha256').update(text).digest();
      // Compared also when there is no such user, so that both take as long.
      const same = sameBytes(digest(password), digest(credential?.password ?? ''));
      if (credential === undefined || !same) throw new AuthenticationFailed('the user name or the password is wrong');
      return { reply: Buffer.alloc(0), user: credential.user };
    },
  };
}

function attributes(text: string): Map<string, string> {
  return new Map(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function scram<User>(mechanism: ScramMechanism, find: Find<User>, secret: Buffer): Exchange<User> {
  const hash = hashOf[mechanism];
  let state: { credential: Credential<User> | undefined; clientFirst: string; serverFirst: string; clientNonce: string; nonce: string; header: string } | undefined;
  return {
    async step(message) {
      const text = message.toString('utf8');
      if (state === undefined) {
        const [, header, clientFirst] = /^((?:n|y),(?:a=[^,]*)?,)(n=[^,]+,r=[\x21-\x2b\x2d-\x7e]{1,256}.*)$/.exec(text) ?? [];
        if (header === undefined || clientFirst === undefined) throw new AuthenticationFailed('the first message is not that of SCRAM');
        const given = attributes(clientFirst);
        const login = (given.get('n') ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=');
        const credential = await find(login);
        // One who is not there gets a salt too, always the same, so that nobody can tell.
        const verifier = credential?.verifiers[mechanism];
        const salt = verifier?.salt ?? createHmac('sha256', secret).update(login).digest().subarray(0, 16).toString('base64');
        const clientNonce = given.get('r') ?? '';
        const nonce = `${clientNonce}${randomBytes(18).toString('base64url')}`;
        const serverFirst = `r=${nonce},s=${salt},i=${verifier?.iterations ?? ITERATIONS}`;
        state = { credential, clientFirst, serverFirst, clientNonce, nonce, header };
        return { reply: Buffer.from(serverFirst), user: undefined };
      }
      const { credential, clientFirst, serverFirst, clientNonce, nonce, header } = state;
      const at = text.lastIndexOf(',p=');
      const given = attributes(text);
      // librdkafka before 2.6.1 puts its own nonce before the whole once more. The server's part is in it all the same, which is what counts.
      const nonces = [nonce, `${clientNonce}${nonce}`];
      if (at === -1 || !nonces.includes(given.get('r') ?? '') || given.get('c') !== Buffer.from(header).toString('base64')) throw new AuthenticationFailed('the final message does not fit the first');
      if (credential === undefined) throw new AuthenticationFailed('the user name or the password is wrong');
      const { storedKey, serverKey } = credential.verifiers[mechanism];
      const stored = Buffer.from(storedKey, 'base64');
      const signed = `${clientFirst},${serverFirst},${text.slice(0, at)}`;
      const signature = hmac(hash, stored, signed);
      const proof = Buffer.from(given.get('p') ?? '', 'base64');
      if (proof.length !== signature.length) throw new AuthenticationFailed('the proof has the wrong length');
      const clientKey = Buffer.from(proof.map((byte, index) => byte ^ (signature[index] ?? 0)));
      if (!sameBytes(createHash(hash).update(clientKey).digest(), stored)) throw new AuthenticationFailed('the user name or the password is wrong');
      return { reply: Buffer.from(`v=${hmac(hash, Buffer.from(serverKey, 'base64'), signed).toString('base64')}`), user: credential.user };
    },
  };
}

/** Begins an exchange. `secret` makes the salts of users that are not there. */
export function beginExchange<User>(mechanism: Mechanism, find: Find<User>, secret: Buffer): Exchange<User> {
  return mechanism === 'PLAIN' ? plain(find) : scram(mechanism, find, secret);
}
