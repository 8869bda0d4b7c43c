import { ApiError, invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';

/** Rules for the names of files and folders. */

/** The folders under which the businesses lie, and what is in them. */
export const BUSINESS_ROOTS = { NORMAL: '业务流程', MANUAL_BIZ: '手动业务流程' } as const;
/** Queries that are never scheduled. */
export const ADHOC_ROOT = '临时查询';

/** Other spellings of the roots that programs write; the first name is the one that is kept. */
const ROOT_SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['Business Flow', BUSINESS_ROOTS.NORMAL],
  ['Business_process', BUSINESS_ROOTS.NORMAL],
  ['Manually Triggered Workflows', BUSINESS_ROOTS.MANUAL_BIZ],
  ['Ad Hoc Query', ADHOC_ROOT],
]);

/** The folders that a business has from its beginning; programs take them as existing. */
export const BUSINESS_FOLDERS = ['数据集成', 'MaxCompute', 'EMR', 'Hologres', 'CDH', '数据库', '通用', '算法', '自定义'] as const;

const MOST_CHARACTERS = 128;
/** Control characters, and what separates the parts of a path. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f/\\]/;

/** Checks the name of a file, a folder or a business. Throws InvalidParameter. */
export function checkName(parameter: string, name: string): string {
  if (name === '' || name.trim() !== name) throw invalid(parameter, 'a name may not be empty, nor begin or end with a blank');
  if (name.length > MOST_CHARACTERS) throw invalid(parameter, `a name may have at most ${MOST_CHARACTERS} characters`);
  if (FORBIDDEN.test(name) || !name.isWellFormed() || name === '.' || name === '..') throw invalid(parameter, 'a name may not contain slashes or control characters');
  return name;
}

/** Splits a folder path into its names, with the usual name of its root. Leading, trailing and double slashes count for nothing. */
export function readPath(parameter: string, path: string): string[] {
  const [root, ...rest] = path.split('/').filter((part) => part !== '');
  if (root === undefined) return [];
  const parts = [ROOT_SPELLINGS.get(root) ?? root, ...rest].map((part) => checkName(parameter, part));
  if (parts.length > limits.folderDepth.value) throw new ApiError('TooMany', { kind: 'FolderDepth', limit: limits.folderDepth.value, label: 'levels of folders' });
  return parts;
}
