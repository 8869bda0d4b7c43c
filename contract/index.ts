/**
 * The contracts as data, read once at the first import: what the platform can be asked (operations), what it tells
 * (events) and what its files can be (file types). Everything here is read-only.
 */

import type { Contract, Operation } from './form.ts';
import { readContract } from './load.ts';

export type * from './form.ts';
export * from './events.ts';
export * from './file-types.ts';

const files = [
  'dataworks-public/2020-05-18.json',
  'dataworks-public/2024-05-18.json',
  'open-platform/2026-12-01.json',
  'OpenPlatform/2019-12-19.json',
];

/** All contracts by `product/version`. */
export const contracts: ReadonlyMap<string, Contract> = new Map(
  files.map(readContract).map((contract) => [`${contract.product}/${contract.version}`, contract]),
);

/**
 * The operation a caller means by `action`, also by a former name. Names are case-sensitive. Answers undefined for
 * an unknown product, version or action.
 */
export function findOperation(product: string, version: string, action: string): Operation | undefined {
  const contract = contracts.get(`${product}/${version}`);
  if (contract === undefined) return undefined;
  return contract.operations.get(action) ?? contract.operations.get(contract.formerActions.get(action) ?? '');
}
