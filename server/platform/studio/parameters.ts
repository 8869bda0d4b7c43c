import type { Variable } from './model.ts';

/**
 * `ParaValue` of the legacy dialect: `key=value key2=value2`, or one text without keys. In the model each pair is a
 * variable, and a text that is no list of pairs is one variable of type NoKvVariableExpression.
 */

/** Blanks separate the pairs, but not inside `$[...]` and `${...}`, as in `$[yyyymmdd hh24:mi:ss]`. */
function split(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  for (const letter of text) {
    if (letter === '[' || letter === '{') depth += 1;
    if ((letter === ']' || letter === '}') && depth > 0) depth -= 1;
    if (depth === 0 && /\s/.test(letter)) {
      if (part !== '') parts.push(part);
      part = '';
    } else {
      part += letter;
    }
  }
  return part === '' ? parts : [...parts, part];
}

const PAIR = /^([^\s=]+)=(.*)$/s;

/** Reads `ParaValue`. Never fails: what is no list of pairs is kept as a whole. */
export function readParaValue(text: string): Variable[] {
  const parts = split(text);
  if (parts.length === 0) return [];
  const pairs = parts.flatMap((part) => {
    const match = PAIR.exec(part);
    return match === null ? [] : [{ name: match[1] ?? '', value: match[2] ?? '' }];
  });
  if (pairs.length < parts.length) return [{ name: 'unnamed', artifactType: 'Variable', scope: 'NodeParameter', type: 'NoKvVariableExpression', value: text.trim() }];
  return pairs.map(({ name, value }) => ({ name, artifactType: 'Variable', scope: 'NodeParameter', type: value.startsWith('$') ? 'System' : 'Constant', value }));
}

/** Writes the variables of a node's script as `ParaValue`. */
export function writeParaValue(variables: readonly Variable[]): string {
  return variables.map((variable) => (variable.type === 'NoKvVariableExpression' ? variable.value : `${variable.name}=${variable.value}`)).join(' ');
}
