import ipaddr from 'ipaddr.js';

/** Which addresses the server may call. Everything that is not a public address is refused unless it is allowed here. */
export interface GuardOptions {
  /** True while the server itself listens on loopback only. */
  readonly allowLoopback: boolean;
  /** Host names, `host:port` or CIDR ranges (a single address counts as a range of one). */
  readonly allowed: readonly string[];
}

export interface Guard {
  /** Why this address may not be called for this host and port, or undefined when it may. */
  refuse(address: string, host: string, port: number): string | undefined;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Services that hand out credentials to whoever asks from inside. No setting opens them. */
const METADATA = new Set(['169.254.169.254', '100.100.100.200', 'fd00:ec2::254']);

/** The only block of IPv6 that is given out as public addresses. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** The IPv4 address that the way of an IPv6 address ends at, where the address carries one. */
function embeddedIpv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  const at = (start: number) => new ipaddr.IPv4(bytes.slice(start, start + 4));
  const range = address.range();
  if (range === 'ipv4Mapped' || range === 'rfc6145' || range === 'rfc6052') return at(12);
  if (range === '6to4') return at(2);
  // The old compatible form, `::127.0.0.1`.
  return bytes.slice(0, 12).every((byte) => byte === 0) ? at(12) : undefined;
}

function isMetadata(address: Address): boolean {
  if (METADATA.has(address.toString())) return true;
  const inner = address instanceof ipaddr.IPv6 ? embeddedIpv4(address) : undefined;
  return inner !== undefined && METADATA.has(inner.toString());
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}

/** Makes a guard. Throws when an entry of `allowed` is neither a host nor a range. */
export function createGuard(options: GuardOptions): Guard {
  const ranges: [Address, number][] = [];
  const hosts = new Set<string>();
  for (const entry of options.allowed.map((text) => text.trim().toLowerCase()).filter((text) => text !== '')) {
    if (ipaddr.isValidCIDR(entry)) ranges.push(ipaddr.parseCIDR(entry));
    else if (ipaddr.isValid(entry)) {
      const address = ipaddr.process(entry);
      ranges.push([address, address instanceof ipaddr.IPv4 ? 32 : 128]);
    } else if (/^[a-z0-9_.-]+(:\d{1,5})?$/.test(entry) || /^\[[0-9a-f:.]+\]:\d{1,5}$/.test(entry)) hosts.add(entry);
    else throw new Error(`the allowed target ${entry} is neither a host, a host:port nor an address range`);
  }

  return {
    refuse(text, host, port) {
      if (!ipaddr.isValid(text)) return `${text} is not an address`;
      // Turns the mapped form ::ffff:1.2.3.4 into 1.2.3.4, so that it has no rules of its own.
      const address = ipaddr.process(text);
      if (isMetadata(address)) return `${text} hands out credentials and is never called`;
      if (isPublic(address)) return undefined;
      if (options.allowLoopback && address.range() === 'loopback') return undefined;
      const name = host.toLowerCase().replace(/\.$/, '');
      const bracketed = name.includes(':') ? `[${name}]` : name;
      if (hosts.has(name) || hosts.has(`${bracketed}:${port}`)) return undefined;
      if (ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits))) return undefined;
      return `${text} is not a public address (${address.range()})`;
    },
  };
}
