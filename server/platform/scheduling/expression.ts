/**
 * Conditions of branches and joins: the part of Python's expressions that stands in them once names are replaced by values. Numbers, texts, True,
 * False, None, lists; `or and not`, comparisons (also chained, `in`, `not in`, `is`), `+ - * / // %`, brackets. No calls, no attributes.
 */

export class ExpressionFault extends Error {}

type Value = number | string | boolean | null | readonly Value[];

interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'sign';
  readonly text: string;
}

/** Longest condition, in characters, and deepest nesting; longer ones are refused, so that none is slow. */
const LONGEST = 10_000;
const DEEPEST = 100;

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_一-鿿][\w.一-鿿]*)|(==|!=|<=|>=|<>|\/\/|&&|\|\||[-+*/%<>()[\],!]))/y;

function tokensOf(text: string): Token[] {
  if (text.length > LONGEST) throw new ExpressionFault(`it is longer than ${LONGEST} characters`);
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    if (text.slice(at).trim() === '') break;
    const match = TOKEN.exec(text);
    if (match === null) throw new ExpressionFault(`it cannot be read at ${JSON.stringify(text.slice(at, at + 20))}`);
    const [, number, quoted, name, sign] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1') });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else tokens.push({ kind: 'sign', text: sign ?? '' });
  }
  return tokens;
}

const isTrue = (value: Value): boolean => (Array.isArray(value) ? value.length > 0 : value !== null && value !== false && value !== 0 && value !== '');

function same(left: Value, right: Value): boolean {
  if (Array.isArray(left) && Array.isArray(right)) return left.length === right.length && left.every((one, place) => same(one, right[place] ?? null));
  const plain = (value: Value) => (typeof value === 'boolean' ? Number(value) : value);
  return plain(left) === plain(right);
}

function compare(sign: string, left: Value, right: Value): boolean {
  switch (sign) {
    case '==':
    case 'is':
      return same(left, right);
    case '!=':
    case '<>':
    case 'is not':
      return !same(left, right);
    case 'in':
    case 'not in': {
      const inside = typeof right === 'string' ? right.includes(String(left)) : Array.isArray(right) && right.some((one) => same(one, left));
      return inside === (sign === 'in');
    }
    default: {
      const [a, b] = [typeof left === 'boolean' ? Number(left) : left, typeof right === 'boolean' ? Number(right) : right];
      if (!((typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string'))) throw new ExpressionFault(`${JSON.stringify(left)} and ${JSON.stringify(right)} cannot be compared by ${sign}`);
      return sign === '<' ? a < b : sign === '<=' ? a <= b : sign === '>' ? a > b : a >= b;
    }
  }
}

function calculate(sign: string, left: Value, right: Value): Value {
  if (sign === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
  const [a, b] = [typeof left === 'boolean' ? Number(left) : left, typeof right === 'boolean' ? Number(right) : right];
  if (typeof a !== 'number' || typeof b !== 'number') throw new ExpressionFault(`${JSON.stringify(left)} ${sign} ${JSON.stringify(right)} cannot be calculated`);
  if ((sign === '/' || sign === '//' || sign === '%') && b === 0) throw new ExpressionFault('it divides by zero');
  switch (sign) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '//':
      return Math.floor(a / b);
    default:
      // Python's remainder has the sign of the divisor.
      return ((a % b) + b) % b;
  }
}

/** Evaluates a condition. `names` gives values to bare names; without it a bare name is a fault. Throws ExpressionFault. */
export function evaluateCondition(text: string, names: ReadonlyMap<string, boolean> = new Map()): boolean {
  const tokens = tokensOf(text);
  let at = 0;
  let depth = 0;
  const peek = () => tokens[at];
  const takes = (...texts: string[]): string | undefined => {
    const token = peek();
    if (token === undefined || token.kind === 'text' || token.kind === 'number' || !texts.includes(token.text.toLowerCase())) return undefined;
    at += 1;
    return token.text.toLowerCase();
  };

  function either(): Value {
    let left = both();
    while (takes('or', '||') !== undefined) {
      const right = both();
      left = isTrue(left) ? left : right;
    }
    return left;
  }
  function both(): Value {
    let left = negated();
    while (takes('and', '&&') !== undefined) {
      const right = negated();
      left = isTrue(left) ? right : left;
    }
    return left;
  }
  function negated(): Value {
    if (takes('not', '!') === undefined) return compared();
    return nested(() => !isTrue(negated()));
  }
  function compared(): Value {
    const first = sum();
    let left = first;
    let result: boolean | undefined;
    for (;;) {
      let sign = takes('==', '!=', '<>', '<=', '>=', '<', '>', 'in', 'is');
      if (sign === 'is' && takes('not') !== undefined) sign = 'is not';
      if (sign === undefined && peek()?.text.toLowerCase() === 'not' && tokens[at + 1]?.text.toLowerCase() === 'in') {
        at += 2;
        sign = 'not in';
      }
      if (sign === undefined) return result ?? first;
      const right = sum();
      result = (result ?? true) && compare(sign, left, right);
      left = right;
    }
  }
  function sum(): Value {
    let left = product();
    for (let sign = takes('+', '-'); sign !== undefined; sign = takes('+', '-')) left = calculate(sign, left, product());
    return left;
  }
  function product(): Value {
    let left = single();
    for (let sign = takes('*', '/', '//', '%'); sign !== undefined; sign = takes('*', '/', '//', '%')) left = calculate(sign, left, single());
    return left;
  }
  function single(): Value {
    if (takes('-') !== undefined) return nested(() => calculate('-', 0, single()));
    if (takes('+') !== undefined) return nested(single);
    if (takes('(') !== undefined) return nested(() => closed(either(), ')'));
    if (takes('[') !== undefined) return nested(list);
    const token = peek();
    if (token === undefined) throw new ExpressionFault('it ends where a value should stand');
    at += 1;
    if (token.kind === 'number') return Number(token.text);
    if (token.kind === 'text') return token.text;
    if (token.kind === 'name') return named(token.text);
    throw new ExpressionFault(`a value should stand where ${token.text} stands`);
  }
  function list(): Value {
    const items: Value[] = [];
    if (takes(']') !== undefined) return items;
    do items.push(either());
    while (takes(',') !== undefined);
    return closed(items, ']');
  }
  function closed(value: Value, bracket: string): Value {
    if (takes(bracket) === undefined) throw new ExpressionFault(`a ${bracket} is missing`);
    return value;
  }
  function named(name: string): Value {
    const known = names.get(name);
    if (known !== undefined) return known;
    const word = { true: true, false: false, none: null, null: null }[name.toLowerCase()];
    if (word === undefined) throw new ExpressionFault(`there is no value for ${name}`);
    return word;
  }
  function nested(work: () => Value): Value {
    depth += 1;
    if (depth > DEEPEST) throw new ExpressionFault(`it is nested deeper than ${DEEPEST} levels`);
    const value = work();
    depth -= 1;
    return value;
  }

  const value = either();
  const rest = peek();
  if (rest !== undefined) throw new ExpressionFault(`${rest.text} stands where nothing should`);
  return isTrue(value);
}
