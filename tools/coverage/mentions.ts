/** Finds the operations that a test file calls, by reading its text: which actions stand in calls, and of which version. */

/** Names that stand for versions all over the tests. A file's own constants come before them. */
const USUAL: Readonly<Record<string, string>> = {
  legacy: '2020-05-18',
  LEGACY: '2020-05-18',
  old: '2020-05-18',
  dataworks20200518: '2020-05-18',
  current: '2024-05-18',
  CURRENT: '2024-05-18',
  dataworks20240518: '2024-05-18',
  own: '2026-12-01',
  OWN: '2026-12-01',
  PLATFORM: '2026-12-01',
  openPlatform20261201: '2026-12-01',
};

const VERSION = /'(20\d\d-\d\d-\d\d)'/;

export interface Mention {
  readonly action: string;
  /** Undefined when the text does not tell which of several it is. */
  readonly version: string | undefined;
}

/** `versionsOf` tells the versions that have an action, `fixtures` is the text of the fixtures beside the file, where helpers may stand. Calls that a test expects to be refused are left out: they show no effect. */
export function mentionsIn(text: string, fixtures: string, versionsOf: (action: string) => readonly string[]): Mention[] {
  const constants = new Map(Object.entries(USUAL));
  for (const [, name = '', version = ''] of text.matchAll(/const (\w+) = '(20\d\d-\d\d-\d\d)'/g)) constants.set(name, version);
  const inFile = new Set([...text.matchAll(/'(20\d\d-\d\d-\d\d)'/g)].map(([, version = '']) => version));
  for (const [word] of text.matchAll(/\b[A-Za-z]\w+\b/g)) {
    const version = constants.get(word);
    if (version !== undefined) inFile.add(version);
  }
  const versionIn = (part: string): string | undefined => {
    const literal = VERSION.exec(part)?.[1];
    if (literal !== undefined) return literal;
    for (const [word] of part.matchAll(/\b[A-Za-z]\w+\b/g)) {
      const version = constants.get(word);
      if (version !== undefined) return version;
    }
    return undefined;
  };
  /** The version that a helper, such as `call`, always names: in its definition here or in a fixture, or by its own name. */
  const versionOfHelper = (name: string): string | undefined => {
    if (name === '') return undefined;
    const definition = new RegExp(`(?:(?:const|function|async) ${name}\\b|\\b${name}: (?:async )?[(<])`);
    for (const source of [text, fixtures]) {
      const at = definition.exec(source);
      const version = at === null ? undefined : versionIn(source.slice(at.index + at[0].length, at.index + 300));
      if (version !== undefined) return version;
    }
    return constants.get(name);
  };

  const mentions: Mention[] = [];
  for (const match of text.matchAll(/'([A-Z][A-Za-z]+)'|\b(\w+)\.([A-Z][A-Za-z]+)\(/g)) {
    const [, literal, owner, method] = match;
    const action = literal ?? method ?? '';
    const versions = versionsOf(action);
    if (versions.length === 0) continue;
    const line = text.slice(text.lastIndexOf('\n', match.index) + 1, text.indexOf('\n', match.index));
    if (/assert\.rejects|refus(ed|al)\(/.test(line)) continue;
    const around = owner === undefined ? callAround(text, match.index) : { callee: owner, before: owner };
    if (around === undefined) continue;
    const after = owner === undefined && around.callee !== '' ? argumentsAfter(text, match.index + match[0].length) : '';
    const told = versionIn(around.before) ?? versionIn(after) ?? versionOfHelper(around.callee);
    const version = told !== undefined && versions.includes(told) ? told : onlyOne(versions) ?? onlyOne(versions.filter((one) => inFile.has(one)));
    mentions.push({ action, version });
  }
  return mentions;
}

function onlyOne(list: readonly string[]): string | undefined {
  return list.length === 1 ? list[0] : undefined;
}

/** The call whose argument stands at `index`: what is called, and the arguments before. Undefined where the text stands in no call, such as in a list. */
function callAround(text: string, index: number): { callee: string; before: string } | undefined {
  let depth = 0;
  for (let at = index - 1; at >= Math.max(0, index - 400); at -= 1) {
    const character = text[at];
    if (character === ')' || character === ']' || character === '}') depth += 1;
    else if (character === '(' || character === '[' || character === '{') {
      if (depth > 0) depth -= 1;
      // A list of actions that a loop goes through is taken as called.
      else if (character === '[') return { callee: '', before: '' };
      else if (character === '{') return undefined;
      else return { callee: /(\w+)\s*$/.exec(text.slice(0, at))?.[1] ?? '', before: text.slice(at + 1, index) };
    }
  }
  return undefined;
}

/** The arguments that follow in the same call, without what stands in brackets: a helper may take the version as its last one. */
function argumentsAfter(text: string, index: number): string {
  let depth = 0;
  let plain = '';
  for (const character of text.slice(index, index + 1_000)) {
    if (character === '(' || character === '[' || character === '{') depth += 1;
    else if (character === ')' || character === ']' || character === '}') depth -= 1;
    else if (depth === 0) plain += character;
    if (depth < 0) break;
  }
  return plain;
}
