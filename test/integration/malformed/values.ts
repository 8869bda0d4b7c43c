import type { Node } from '../../../contract/index.ts';

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export interface Random {
  next(): number;
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<Value>(values: readonly Value[]): Value;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick<Value>(values: readonly Value[]) {
      return values[below(values.length)] as Value;
    },
  };
}

export type Loose = string | number | boolean | null | Loose[] | { [key: string]: Loose };

const absurdTexts = [
  '', ' ', '\u0000', 'a\u0000b', '\ud800', '\udc00x', '\ufeff', '\u202e', '𝟘𝟙', 'İ', 'ß'.repeat(70), '\r\n', '\u0007\u001b[31m', '-1', '0', '-0', '1e308', '1e999', 'NaN', 'Infinity', '0x10', '١٢',
  '9007199254740993', '99999999999999999999', '-9223372036854775809', '2147483648', 'true', 'TRUE', 'null', 'undefined', '[]', '{}', '[[[[', '{"a":', '[null]', '[{}]', '{"a":{"b":[1,2,{"c":null}]}}',
  '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}', '["\\u0000"]', '{"\\u0000":"\\ud800"}', '"\\ud800"', "'; drop table workspace; --", '$1', '%', '_', '\\', '%s%n', '../../etc/passwd', '/a//b/',
  '((((a+)+)+)+)+!', '__proto__', 'constructor', 'toString', '2020-13-45 99:99:99', '0000-00-00', '+275760-09-14T00:00:00Z', '8640000000000001', '-8640000000000001', '* * * * * ?', '99 99 99 99 99 ?', '0 0 0 31 2 ?',
  'DAY', 'PROD', 'http://169.254.169.254/', 'http://[::1', 'javascript:alert(1)', 'file:///etc/passwd', '${jndi:ldap://x}', '$[yyyymmdd-1]', '${', 'Id Desc', 'Id; Desc', 'a,b,,c', ',,,,', '业务流程/x/y', '业务流程//', '/'.repeat(60),
];
const absurdNumbers = [0, -0, -1, 1.5, 1e308, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, 5e-324, 8.64e15 + 1, 65_536];

/** A value that nothing expects: `depth` levels at most. */
export function absurdValue(random: Random, depth = 3): Loose {
  const kind = random.below(depth > 0 ? 10 : 6);
  if (kind < 4) return random.pick(absurdTexts);
  if (kind === 4) return random.pick(absurdNumbers);
  if (kind === 5) return random.pick([true, false, null]);
  if (kind === 6) return random.chance(0.05) ? nested(random.pick([8, 33, 500])) : 'x'.repeat(random.pick([64, 129, 257, 4_097]));
  if (kind < 9) return Array.from({ length: random.below(4) }, () => absurdValue(random, depth - 1));
  return Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.pick([...absurdTexts, 'Name', 'Id', 'Code']), absurdValue(random, depth - 1)]));
}

function nested(levels: number): Loose {
  let value: Loose = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Things that exist, so that a call with one wrong value comes as far as a call can come. Learned from answers. */
export interface Known {
  readonly ids: readonly number[];
  readonly names: readonly string[];
  /** Values seen under the name of a parameter or field. */
  readonly byName: Map<string, (string | number)[]>;
}

const MOST_KNOWN = 50;
/** The generator must not find its own account: of users and keys it knows what the test gives it. */
const OWN = /User|AccessKey|Owner|Tenant/;

/** Remembers the ids and names in an answer. What an operation creates and answers as `Data` is known as the thing's id. */
export function learn(known: Known, action: string, answer: unknown, depth = 0): void {
  if (typeof answer !== 'object' || answer === null || depth > 6) return;
  for (const [field, value] of Object.entries(answer)) {
    if ((typeof value === 'number' || typeof value === 'string') && value !== '' && String(value).length < 64) {
      const name = field === 'Data' || field === 'Id' ? `${action.replace(/^(?:Create|Get|Update|List)/, '').replace(/s$/, '')}Id` : field;
      if (OWN.test(name)) continue;
      const values = known.byName.get(name) ?? [];
      if (!values.includes(value)) values.push(value);
      if (values.length > MOST_KNOWN) values.shift();
      known.byName.set(name, values);
    } else {
      learn(known, action, value, depth + 1);
    }
  }
}

/** A value that the parameter could really have: one seen under its name, or one of its type. */
export function fittingValue(name: string, node: Node, random: Random, known: Known): Loose {
  const seen = known.byName.get(name);
  return seen !== undefined && seen.length > 0 && (OWN.test(name) || random.chance(0.8)) ? random.pick(seen) : plausibleValue(node, random, known);
}

/** A value of the type that the contract wants, often one that makes sense. */
export function plausibleValue(node: Node, random: Random, known: Known): Loose {
  switch (node.type) {
    case 'boolean':
      return random.chance(0.5);
    case 'int32':
    case 'int64':
      if (node.enum !== undefined && random.chance(0.7)) return random.pick(node.enum);
      if (node.format?.startsWith('epoch') === true) return random.pick([0, 1_790_000_000_000, Date.now(), -1]);
      return random.chance(0.6) ? random.pick(known.ids) : random.pick([0, 1, 2, 3, 10, 100, 2_147_483_647, node.minimum ?? 1, node.maximum ?? 9]);
    case 'float':
    case 'double':
      return random.next() * 100;
    case 'string':
      if (node.enum !== undefined && random.chance(0.8)) return random.pick(node.enum);
      if (node.format === 'json') return random.pick(['{}', '[]', '[{"Key":"a","Value":"b"}]', '{"a":1}', '["1"]', JSON.stringify(absurdValue(random))]);
      if (node.format?.includes('yyyy') === true || node.format === 'date-time') return random.pick(['2026-01-15 00:00:00', '2026-01-15T00:00:00Z', '2026-01-15', '20260115']);
      return random.chance(0.5) ? random.pick(known.names) : random.pick([String(random.pick(known.ids)), 'abc', `n${random.below(1_000_000)}`, '1']);
    case 'array':
      return Array.from({ length: random.below(3) }, () => plausibleValue(node.items, random, known));
    case 'object':
      return Object.fromEntries(Object.entries(node.properties).flatMap(([name, property]) => (property.required === true || random.chance(0.5) ? [[name, plausibleValue(property, random, known)]] : [])));
    case 'map':
      return { [random.pick(['a', '__proto__', ''])]: plausibleValue(node.values, random, known) };
    case 'any':
      return absurdValue(random);
  }
}
