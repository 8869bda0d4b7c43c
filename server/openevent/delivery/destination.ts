import type { KeyObject } from 'node:crypto';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { Format } from './format.ts';
import { signingKeys } from './signature.ts';

/** Where events go and how. Made by `openDestination` for deliveries and for tests of a subscription alike. */
export interface Destination {
  readonly url: string;
  readonly format: Format;
  readonly timeoutMs: number;
  /** The bus that envelopes name. */
  readonly bus: string;
  /** Set for the events of a replay, which say so. */
  readonly replayId?: number | undefined;
  /** Keys that sign now: the present one, and until its end the one before. */
  keys(now: Date): readonly KeyObject[];
  readonly headers: Readonly<Record<string, string>>;
}

/** A header of the subscription's own, as it is stored: plain, or sealed. */
export interface StoredHeader {
  readonly name: string;
  readonly value?: string;
  readonly sealed?: string;
}

/** The columns of a subscription that a destination is made of. */
export interface DestinationColumns {
  readonly id: number;
  readonly url: string;
  readonly format: Format;
  readonly timeout_ms: number;
  readonly bus_name: string;
  readonly secret: string;
  readonly previous_secret: string | null;
  readonly previous_until: Date | null;
  readonly headers: readonly StoredHeader[];
}

/** What the secret of a subscription is sealed for. */
export function secretPurpose(subscriptionId: number): string {
  return `subscription:${subscriptionId}`;
}

/** What the secret headers of a subscription are sealed for. */
export function headerPurpose(subscriptionId: number): string {
  return `subscription:${subscriptionId}:header`;
}

/** Opens the secrets of a subscription. Throws when one was not sealed here. */
export function openDestination(row: DestinationColumns, secrets: SecretBox): Destination {
  const purpose = secretPurpose(row.id);
  const [present, previous] = signingKeys([row.secret, ...(row.previous_secret === null ? [] : [row.previous_secret])].map((sealed) => secrets.open(sealed, purpose)));
  if (present === undefined) throw new Error('a subscription needs a secret');
  const until = row.previous_until;
  const only = [present];
  const both = previous === undefined ? only : [present, previous];
  return {
    url: row.url,
    format: row.format,
    timeoutMs: row.timeout_ms,
    bus: row.bus_name,
    keys: (now) => (until !== null && now < until ? both : only),
    headers: Object.fromEntries(row.headers.map((header) => [header.name, header.sealed === undefined ? (header.value ?? '') : secrets.open(header.sealed, headerPurpose(row.id))])),
  };
}
