/** The types a file or node may have. */

import { readData } from './load.ts';

export interface FileType {
  /** The number of the legacy dialect (`FileType`). Types of the newer studio only have none. */
  readonly number?: number;
  /** The command of FlowSpec and the `programType` of events. Opaque text: blanks and mixed case are real. */
  readonly command: string;
  readonly name: string;
  /** Other spellings of the command that are met. */
  readonly aliases?: readonly string[];
  readonly group: string;
  readonly kind: 'node' | 'resource' | 'function' | 'table' | 'workflow';
  readonly language: 'shell' | 'sql' | 'python' | 'perl' | 'json' | 'notebook' | 'none';
  readonly extension: string;
  /** What runs it; `none` is a zero load that succeeds at once; `postgresql` and `mysql` run on a data source that speaks so. Absent: it can be written but not run here, or the scheduler itself carries it out. */
  readonly runnable?: 'shell' | 'python' | 'duckdb' | 'postgresql' | 'mysql' | 'http' | 'none';
}

/** All file types, those with a number first and in its order. */
export const fileTypes: readonly FileType[] = readData('file-types.json');

/** By the legacy number. */
export const fileTypeByNumber: ReadonlyMap<number, FileType> = new Map(
  fileTypes.flatMap((type) => (type.number === undefined ? [] : [[type.number, type]])),
);

/** By command, then by other spelling. Of two numbers with one command the lower one counts. */
export const fileTypeByCommand: ReadonlyMap<string, FileType> = new Map(
  fileTypes
    .toReversed()
    .flatMap((type) => [...(type.aliases ?? []), type.command].map((command): [string, FileType] => [command, type])),
);
