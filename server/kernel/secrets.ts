import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Encrypts secrets for storage with AES-256-GCM. `purpose` (such as `access-key:LTAI…`) is bound to the text: it opens nowhere else. */
export interface SecretBox {
  seal(plain: string, purpose: string): string;
  /** Rejects text that was not sealed here for this purpose. */
  open(sealed: string, purpose: string): string;
}

const VERSION = 'v1';

/** Makes a box from a master key of 32 bytes. */
export function secretBox(masterKey: Buffer): SecretBox {
  if (masterKey.length !== 32) throw new Error('the master key must have 32 bytes');
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', 'millrace secrets', 32));
  return {
    seal(plain, purpose) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      cipher.setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return `${VERSION}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, purpose) {
      const [version, text] = sealed.split('.');
      if (version !== VERSION || text === undefined) throw new Error('not a sealed secret');
      const bytes = Buffer.from(text, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(purpose));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    },
  };
}

/**
 * Reads the master key: from `configured` (base64 or hex of 32 bytes) or from `file`, which is made on first use, readable by its owner only.
 * A database backup is worth nothing without this key, and the other way round.
 */
export async function loadMasterKey(file: string, configured: string | undefined): Promise<Buffer> {
  if (configured !== undefined && configured !== '') {
    const key = /^[0-9a-f]{64}$/i.test(configured) ? Buffer.from(configured, 'hex') : Buffer.from(configured, 'base64');
    if (key.length !== 32) throw new Error('MILLRACE_MASTER_KEY must hold 32 bytes in base64 or hex');
    return key;
  }
  const stored = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stored !== undefined) return Buffer.from(stored.trim(), 'base64');
  await mkdir(dirname(file), { recursive: true });
  // Written aside and linked into place: two processes that start together agree on one key, and a crash leaves no half key.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(draft);
  await chmod(file, 0o600);
  return Buffer.from((await readFile(file, 'utf8')).trim(), 'base64');
}
