import { createHash } from 'node:crypto';
import type { SecretBox } from '../../kernel/secrets.ts';
import { MASK, maskAddress } from '../../kernel/url-secrets.ts';
import type { AlertSetting } from './baseline-store.ts';
import { addressReceivers, type Receiver } from './model.ts';

/**
 * Addresses at rest. Who knows the address of a robot can write as it, so an address is a secret as a whole: it is stored as
 * `<SHA-256 of tenant and URL, hex>:<sealed URL>`, of which the first part is enough to count what was sent to it.
 */
export interface Addresses {
  sealReceivers(tenantId: number, receivers: readonly Receiver[]): Receiver[];
  /** Throws for what was not sealed here for this tenant. */
  openReceivers(tenantId: number, receivers: readonly Receiver[]): Receiver[];
  sealSettings(tenantId: number, settings: readonly AlertSetting[]): AlertSetting[];
  /** Throws for what was not sealed here for this tenant. */
  openSettings(tenantId: number, settings: readonly AlertSetting[]): AlertSetting[];
  /** The URL of a stored address. Throws for what was not sealed here for this tenant. */
  open(tenantId: number, stored: string): string;
}

const DIGEST_LENGTH = 64;
/** Shorter parts of an address are words such as `send` or `v1`, which give nothing away. */
const TELLING_LENGTH = 6;

const purpose = (tenantId: number) => `alert-url:${tenantId}`;

export function isAddress(type: Receiver['type']): type is (typeof addressReceivers)[number] {
  return (addressReceivers as readonly string[]).includes(type);
}

/** A text that is the same for the same address of a tenant, and does not tell it. */
export function addressKey(stored: string): string {
  return `url:${stored.slice(0, DIGEST_LENGTH)}`;
}

/** A text, such as what a receiver answered, without what it repeats of the address. */
export function withoutAddress(text: string, url: string): string {
  const parsed = URL.parse(url);
  const rest = parsed === null ? [] : [`${parsed.pathname}${parsed.search}`, ...parsed.pathname.split('/'), ...parsed.search.split(/[?&=]/), ...parsed.searchParams.values()];
  const parts = [url, ...(parsed === null ? [] : [parsed.href]), ...rest].filter((part) => part.length >= TELLING_LENGTH).toSorted((a, b) => b.length - a.length);
  return parts.reduce((left, part) => left.replaceAll(part, MASK), text);
}

function mapReceivers(receivers: readonly Receiver[], change: (url: string) => string): Receiver[] {
  return receivers.map((receiver) => (isAddress(receiver.type) ? { ...receiver, values: receiver.values.map(change) } : receiver));
}

function mapSettings(settings: readonly AlertSetting[], change: (url: string) => string): AlertSetting[] {
  const given = (url: string) => (url === '' ? '' : change(url));
  return settings.map(({ DingRobots, Webhooks, ...setting }) => ({
    ...setting,
    ...(DingRobots === undefined ? {} : { DingRobots: DingRobots.map(({ WebUrl, ...robot }) => ({ ...robot, ...(WebUrl === undefined ? {} : { WebUrl: given(WebUrl) }) })) }),
    ...(Webhooks === undefined ? {} : { Webhooks: Webhooks.map(given) }),
  }));
}

export const maskReceivers = (receivers: readonly Receiver[]) => mapReceivers(receivers, maskAddress);
export const maskSettings = (settings: readonly AlertSetting[]) => mapSettings(settings, maskAddress);

export function createAddresses(secrets: SecretBox): Addresses {
  const seal = (tenantId: number) => (url: string) => `${createHash('sha256').update(`${tenantId} ${url}`).digest('hex')}:${secrets.seal(url, purpose(tenantId))}`;
  const open = (tenantId: number, stored: string) => secrets.open(stored.slice(DIGEST_LENGTH + 1), purpose(tenantId));
  return {
    open,
    sealReceivers: (tenantId, receivers) => mapReceivers(receivers, seal(tenantId)),
    openReceivers: (tenantId, receivers) => mapReceivers(receivers, (stored) => open(tenantId, stored)),
    sealSettings: (tenantId, settings) => mapSettings(settings, seal(tenantId)),
    openSettings: (tenantId, settings) => mapSettings(settings, (stored) => open(tenantId, stored)),
  };
}
