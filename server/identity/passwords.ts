import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';

/** Cost of new hashes: N = 2^15, r = 8, p = 1 takes some 32 MB and 80 ms. A stored hash carries its own numbers, so these may be raised. */
const COST = 15;
const BLOCK = 8;
const PARALLEL = 1;
const KEY_BYTES = 32;
const SHORTEST = 8;
const LONGEST = 128;

/** Why the password may not be used, or undefined. */
export function passwordFault(password: string, userName: string): string | undefined {
  if (password.length < SHORTEST) return `it must have at least ${SHORTEST} characters`;
  if (password.length > LONGEST) return `it must have at most ${LONGEST} characters`;
  if (password.toLowerCase() === userName.toLowerCase()) return 'it must differ from the user name';
  return undefined;
}

/** Hashes a password: `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, salt and key in base64url. Rejects with `Throttling.System` when too many wait. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, COST, BLOCK, PARALLEL);
  return ['scrypt', COST, BLOCK, PARALLEL, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** A hash that no password has, of the cost of a real one. */
const nobody = ['scrypt', COST, BLOCK, PARALLEL, Buffer.alloc(16).toString('base64url'), Buffer.alloc(KEY_BYTES).toString('base64url')].join('$');

/** True when the password belongs to the hash. Without a hash the same work is done, so that the time tells nothing. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [scheme, cost, block, parallel, salt, key] = (hash ?? nobody).split('$');
  if (scheme !== 'scrypt' || salt === undefined || key === undefined) throw new Error('not a password hash');
  const expected = Buffer.from(key, 'base64url');
  // A longer password belongs to nobody. Its beginning is hashed, so that refusing it costs the same.
  const actual = await derive(password.slice(0, LONGEST), Buffer.from(salt, 'base64url'), Number(cost), Number(block), Number(parallel));
  return timingSafeEqual(actual, expected) && password.length <= LONGEST && hash !== undefined;
}

/** Hashing takes threads that files and name look-ups need too: few run at once, some wait, the rest is refused. */
let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, cost: number, block: number, parallel: number): Promise<Buffer> {
  if (running >= limits.passwordHashes.value) {
    if (waiting.length >= limits.passwordHashQueue.value) throw new ApiError('Throttling.System', {}, 1_000);
    await new Promise<void>((resolve) => void waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    const options: ScryptOptions = { N: 2 ** cost, r: block, p: parallel, maxmem: 256 * 2 ** cost * block };
    return await new Promise<Buffer>((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
    });
  } finally {
    // The seat goes to the next in line, or is freed.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}
