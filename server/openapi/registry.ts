import { contracts, findOperation, type Contract, type Operation } from '../../contract/index.ts';
import type { OperationDeclaration } from '../kernel/operation.ts';
import { decoderFor, type Decoder } from './decode/index.ts';
import { trimFor } from './trim.ts';

/** An operation as the gateway runs it: the contract's entry, its decoder, and the handler when it is built. */
export interface Entry {
  readonly operation: Operation;
  readonly decode: Decoder;
  /** Keeps of an answer what the contract has. */
  readonly trim: (answer: object) => Record<string, unknown>;
  readonly declaration: OperationDeclaration | undefined;
}

export interface Registry {
  /** The operation of this (present or former) name; undefined when the contract has none. */
  find(product: string, version: string, action: string): Entry | undefined;
  /** The contract of a version, whatever its product. Versions of different products do not collide. */
  contractOfVersion(version: string): Contract | undefined;
  readonly entries: readonly Entry[];
  readonly products: readonly string[];
  readonly versions: readonly string[];
}

/** Joins contract and handlers. Throws when a handler has no contract entry or two handlers claim one: both are faults of the build. */
export function createRegistry(declarations: readonly OperationDeclaration[]): Registry {
  const byKey = new Map<string, Entry>();
  for (const contract of contracts.values()) {
    const strict = contract.enumerations === 'closed';
    for (const operation of contract.operations.values()) {
      byKey.set(key(contract.product, contract.version, operation.name), { operation, decode: decoderFor(operation.parameters, strict), trim: trimFor(operation.response), declaration: undefined });
    }
  }
  for (const declaration of declarations) {
    const name = key(declaration.product, declaration.version, declaration.action);
    const entry = byKey.get(name);
    if (entry === undefined) throw new Error(`there is a handler for ${name}, which is not in the contract`);
    if (entry.declaration !== undefined) throw new Error(`there are two handlers for ${name}`);
    byKey.set(name, { ...entry, declaration });
  }
  const list = [...contracts.values()];
  return {
    find(product, version, action) {
      const direct = byKey.get(key(product, version, action));
      if (direct !== undefined) return direct;
      const operation = findOperation(product, version, action);
      return operation === undefined ? undefined : byKey.get(key(product, version, operation.name));
    },
    contractOfVersion: (version) => list.find((contract) => contract.version === version),
    entries: [...byKey.values()],
    products: [...new Set(list.map((contract) => contract.product))],
    versions: list.map((contract) => contract.version),
  };
}

function key(product: string, version: string, action: string): string {
  return `${product}/${version}/${action}`;
}
