import { randomBytes, randomUUID } from 'node:crypto';

/**
 * Ids come in two kinds. Things have integers from PostgreSQL sequences, below 2^53 so that JavaScript clients read them undamaged.
 * Messages, requests and processes have random text, made here; the source is an argument so that a simulation can repeat itself.
 */
export interface IdSource {
  /** A request id in the vendor's form: an upper-case UUID. */
  requestId(): string;
  /** An event id, which is the `MessageId` of callbacks: a lower-case UUID. */
  eventId(): string;
  /** Random text of `bytes` bytes in base64url, for tokens and nonces. */
  token(bytes: number): string;
  /** Random text of `length` letters and digits, for access keys and passwords that people copy. */
  text(length: number): string;
}

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';

/** Ids from the system's randomness. */
export const randomIds: IdSource = {
  requestId: () => randomUUID().toUpperCase(),
  eventId: () => randomUUID(),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
  text(length) {
    let text = '';
    while (text.length < length) {
      for (const byte of randomBytes(length)) {
        // Bytes beyond the last whole multiple are skipped, so that every letter is equally likely.
        if (byte < 256 - (256 % ALPHABET.length) && text.length < length) text += ALPHABET[byte % ALPHABET.length];
      }
    }
    return text;
  },
};
