/** Reads a contract file and fills in what the file leaves unsaid. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contract, Node, Operation, Pagination, Parameter } from './form.ts';

type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;
type WrittenParameter = Node & Optional<Pick<Parameter, 'name' | 'in' | 'encoding'>, 'encoding'>;
type WrittenOperation = Optional<
  Omit<Operation, 'name' | 'product' | 'version' | 'parameters' | 'pagination'>,
  'deprecated' | 'sessionOnly'
> & {
  readonly pagination?: Optional<Pagination, 'requestFields' | 'responseFields'>;
  readonly parameters: readonly WrittenParameter[];
};
interface WrittenContract extends Omit<Contract, 'operations' | 'formerActions'> {
  readonly formerActions?: Readonly<Record<string, string>>;
  readonly operations: Readonly<Record<string, WrittenOperation>>;
}

/** Reads one JSON file of this folder. The caller states its form: the files are part of the source. */
export function readData<T>(file: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as T;
}

/** Reads the contract in `file`, a path relative to this folder. */
export function readContract(file: string): Contract {
  const written = readData<WrittenContract>(file);
  const operations = new Map<string, Operation>();
  for (const [name, operation] of Object.entries(written.operations)) {
    operations.set(name, {
      ...operation,
      name,
      product: written.product,
      version: written.version,
      deprecated: operation.deprecated ?? false,
      sessionOnly: operation.sessionOnly ?? false,
      pagination: { requestFields: [], responseFields: [], ...(operation.pagination ?? { style: 'none' }) },
      parameters: operation.parameters.map(completeParameter),
    });
  }
  return {
    product: written.product,
    version: written.version,
    style: written.style,
    enumerations: written.enumerations,
    formerActions: new Map(Object.entries(written.formerActions ?? {})),
    operations,
  };
}

function completeParameter(parameter: WrittenParameter): Parameter {
  return { ...parameter, encoding: parameter.encoding ?? 'none', required: parameter.required ?? false };
}
