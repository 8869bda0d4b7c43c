/**
 * The pattern language a second time, slowly and straight from the JSON as it is written, to hold the compiled form against. It shares no code with it.
 */
type Json = unknown;

function scalarsIn(value: Json): Json[] {
  if (Array.isArray(value)) return value.filter((element) => Array.isArray(element) || typeof element !== 'object' || element === null).flatMap(scalarsIn);
  return value === undefined || (typeof value === 'object' && value !== null) ? [] : [value];
}

function regular(wildcard: string): RegExp {
  let source = '';
  for (let index = 0; index < wildcard.length; index += 1) {
    let character = wildcard[index] ?? '';
    if (character === '*') {
      source += '[^]*';
      continue;
    }
    if (character === '\\') character = wildcard[(index += 1)] ?? '';
    source += `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  }
  // Text by code points on both sides, so that a half pair is a character of its own.
  return new RegExp(`^${source}$`, 'u');
}

function passes(test: Json, value: Json): boolean {
  if (typeof test !== 'object' || test === null) return test === value;
  const [[operator, operand]] = Object.entries(test) as [[string, Json]];
  const text = typeof value === 'string' ? value : undefined;
  switch (operator) {
    case 'prefix':
    case 'suffix': {
      if (text === undefined) return false;
      const fold = typeof operand === 'object';
      const want = fold ? (operand as { 'equals-ignore-case': string })['equals-ignore-case'].toLowerCase() : (operand as string);
      const have = fold ? text.toLowerCase() : text;
      return operator === 'prefix' ? have.slice(0, want.length) === want : have.slice(Math.max(0, have.length - want.length)) === want;
    }
    case 'contains':
      return text !== undefined && text.includes(operand as string);
    case 'equals-ignore-case':
      return text !== undefined && text.toLowerCase() === (operand as string).toLowerCase();
    case 'wildcard':
      return text !== undefined && regular(operand as string).test(text);
    case 'numeric': {
      if (typeof value !== 'number') return false;
      const list = operand as (string | number)[];
      for (let index = 0; index < list.length; index += 2) {
        const bound = Number(list[index + 1]);
        const held = { '=': value === bound, '<': value < bound, '<=': value <= bound, '>': value > bound, '>=': value >= bound }[String(list[index])];
        if (held !== true) return false;
      }
      return true;
    }
    case 'cidr': {
      if (text === undefined || !/^\d+\.\d+\.\d+\.\d+$/.test(text)) return false;
      const [block = '', bits = '32'] = (operand as string).split('/');
      const number = (address: string) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
      const size = 2 ** (32 - Number(bits));
      return Math.floor(number(text) / size) === Math.floor(number(block) / size);
    }
    case 'anything-but': {
      if (typeof operand === 'object' && operand !== null && !Array.isArray(operand)) {
        const [[inner, listed]] = Object.entries(operand) as [[string, Json]];
        return ![listed].flat().some((one) => passes({ [inner]: one }, value));
      }
      return ![operand].flat().some((one) => one === value);
    }
    default:
      throw new Error(`no condition ${operator}`);
  }
}

/** Whether `event` fulfils `pattern`. */
export function interpret(pattern: Record<string, Json>, event: Record<string, Json>): boolean {
  return Object.entries(pattern).every(([name, want]) => {
    if (name === '$or') return (want as Record<string, Json>[]).some((branch) => interpret(branch, event));
    const value = Object.hasOwn(event, name) ? event[name] : undefined;
    if (Array.isArray(want)) {
      const values = scalarsIn(value);
      return want.some((test: Json) => {
        const exists = typeof test === 'object' && test !== null ? (test as { exists?: boolean }).exists : undefined;
        return exists === undefined ? values.some((one) => passes(test, one)) : exists === values.length > 0;
      });
    }
    const objects = [value].flat(1).filter((one) => typeof one === 'object' && one !== null && !Array.isArray(one)) as Record<string, Json>[];
    return (objects.length === 0 ? [{}] : objects).some((object) => interpret(want as Record<string, Json>, object));
  });
}
