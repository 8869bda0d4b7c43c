import { below } from './syntax.ts';

interface Level {
  /** Names so far; undefined in a list. */
  readonly names: Set<string> | undefined;
  readonly pointer: string;
  name: string;
  index: number;
}

/** The place of a name that an object of valid JSON has twice, or undefined. JSON.parse keeps the last one only, and conditions would get lost without a word. */
export function findDuplicate(json: string): string | undefined {
  const levels: Level[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  let last: string | undefined;
  for (let match = tokens.exec(json); match !== null; match = tokens.exec(json)) {
    const [token] = match;
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      const pointer = level === undefined ? '$' : level.names === undefined ? `${level.pointer}[${level.index}]` : below(level.pointer, level.name);
      levels.push({ names: token === '{' ? new Set() : undefined, pointer, name: '', index: 0 });
    } else if (token === '}' || token === ']') {
      levels.pop();
    } else if (token === ',' && level !== undefined) {
      level.index += 1;
    } else if (token === ':' && level?.names !== undefined && last !== undefined) {
      level.name = JSON.parse(last) as string;
      if (level.names.has(level.name)) return below(level.pointer, level.name);
      level.names.add(level.name);
    }
    last = token.startsWith('"') ? token : undefined;
  }
  return undefined;
}
