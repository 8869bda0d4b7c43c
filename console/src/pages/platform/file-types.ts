import types from '../../../../contract/file-types.json';
import type { CodeLanguage } from '../../parts/code-editor.tsx';

export interface FileType {
  readonly number: number;
  readonly name: string;
  readonly language: string;
  readonly runnable: boolean;
}

export const fileTypes: readonly FileType[] = (types as readonly { number: number; name: string; language?: string; kind: string; runnable?: string }[])
  .filter((one) => one.kind === 'node')
  .map((one) => ({ number: one.number, name: one.name, language: one.language ?? 'text', runnable: one.runnable !== undefined }));

const byNumber = new Map(fileTypes.map((one) => [one.number, one]));
/** The virtual node runs nothing and is of use all the same. */
const virtualNode = 99;

/** Whether something here runs files of the type. */
export function isRunnable(number: number): boolean {
  return number === virtualNode || byNumber.get(number)?.runnable === true;
}

export function typeName(number: number | undefined): string {
  return number === undefined ? '' : (byNumber.get(number)?.name ?? String(number));
}

export function languageOfType(number: number | undefined): CodeLanguage {
  const language = number === undefined ? 'text' : byNumber.get(number)?.language;
  return language === 'sql' || language === 'shell' || language === 'python' || language === 'json' ? language : 'text';
}
