import ipaddr from 'ipaddr.js';
import type { AddressBlock } from './syntax.ts';

function bytesOf(text: string): readonly number[] | undefined {
  // Short forms such as `10.1` are addresses to some libraries; here they are typing errors.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toByteArray();
  if (text.includes(':') && ipaddr.IPv6.isValid(text)) return ipaddr.process(text).toByteArray();
  return undefined;
}

/** Reads `10.0.0.0/24`, `2001:db8::/32` or a single address. Undefined for anything else. */
export function readBlock(text: string): AddressBlock | undefined {
  const slash = text.indexOf('/');
  const bytes = bytesOf(slash === -1 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const most = bytes.length * 8;
  if (slash === -1) return { bytes, bits: most };
  const bits = text.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? { bytes, bits: Number(bits) } : undefined;
}

/** True when `text` is an address inside the block. */
export function isInside(block: AddressBlock, text: string): boolean {
  if (text.length > 45 || !/^[\da-fA-F:.]+$/.test(text)) return false;
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes.length !== block.bytes.length) return false;
  const whole = block.bits >> 3;
  for (let index = 0; index < whole; index += 1) if (bytes[index] !== block.bytes[index]) return false;
  const rest = block.bits & 7;
  return rest === 0 || ((bytes[whole] ?? 0) ^ (block.bytes[whole] ?? 0)) >> (8 - rest) === 0;
}
