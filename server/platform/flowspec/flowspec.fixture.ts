import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from './json.ts';
import { dependTypes, entityOf, kinds, versions, type EntityName, type Shape } from './schema.ts';

/** Random specs that are valid: built from the schema itself, with keys that nobody knows in between. */

const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
/** Keys that mean nothing to the schema, the ones among them that a careless reader of objects stumbles over. */
const strangeKey = fc.oneof(fc.stringMatching(/^x[A-Z][a-z]{1,6}$/), fc.constantFrom('constructor', 'toString', '__proto__', 'hasOwnProperty', '未知', 'x y', '$bizdate'));
const anything = fc.jsonValue({ maxDepth: 2, noUnicodeString: false }).filter((value) => JSON.stringify(value).isWellFormed() && !JSON.stringify(value).includes('\\u0000') && !/\\ud[89a-f]/i.test(JSON.stringify(value))) as fc.Arbitrary<JsonValue>;
const CRON = '00 30 01 * * ?';

function value(shape: Shape, depth: number): fc.Arbitrary<JsonValue> {
  if (shape === 'text') return fc.oneof(word, fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\u0000') && text.isWellFormed()));
  if (shape === 'integer') return fc.integer({ min: -1_000_000, max: 1_000_000 });
  if (shape === 'boolean') return fc.boolean();
  if (shape === 'map') return fc.dictionary(strangeKey, anything, { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
  if (shape === 'any') return anything;
  if ('one' in shape) return fc.constantFrom(...shape.one);
  if ('list' in shape) return fc.array(value(shape.list, depth), { maxLength: 2 });
  return entity('ref' in shape ? shape.ref : shape.entity, depth - 1);
}

/** An entity with some of its fields, all that it needs, and some keys that nobody knows. */
function entity(name: EntityName, depth: number): fc.Arbitrary<JsonObject> {
  const { fields, needed = [] } = entityOf(name);
  const own = Object.entries(fields).filter(([field, shape]) => !special.has(`${name}.${field}`) && (depth > 0 || typeof shape === 'string' || 'one' in shape || needed.includes(field)));
  const chosen = fc.record(Object.fromEntries(own.map(([field, shape]) => [field, value(shape, depth)])), { requiredKeys: own.flatMap(([field]) => (needed.includes(field) ? [field] : [])), noNullPrototype: true });
  return fc.tuple(chosen, fc.dictionary(strangeKey, anything, { maxKeys: 1, noNullPrototype: true })).map(([known, strange]) => ({ ...strange, ...known }) as JsonObject);
}

/** Fields that have to fit together with others and are made by hand. */
const special = new Set([
  'Node.id', 'Node.name', 'Node.script', 'Node.trigger', 'Node.do-while', 'Node.for-each', 'Node.combined', 'Node.subflow', 'Workflow.id', 'Workflow.name', 'Workflow.script', 'Workflow.nodes',
  'Workflow.dependencies', 'Workflow.flow', 'Workflow.trigger', 'FileResource.script', 'FileResource.name', 'Function.script', 'Function.name', 'Component.script', 'Component.name', 'Variable.referenceVariable', 'FileResource.id',
  'Function.id', 'Component.id',
]);

const trigger = fc.tuple(entity('Trigger', 1), fc.constantFrom('Scheduler', 'Manual')).map(([rest, type]): JsonObject => ({ ...rest, type, cron: CRON }));

function named(name: EntityName, own: string, depth: number): fc.Arbitrary<JsonObject> {
  return fc
    .tuple(entity(name, depth), entity('Script', 1), word, fc.option(trigger, { nil: undefined }))
    .map(([rest, script, command, when]) => ({ ...rest, name: own, script: { ...script, path: `folder/${own}`, runtime: { command: command.toUpperCase() } }, ...(when === undefined || !['Node', 'Workflow'].includes(name) ? {} : { trigger: when }) }));
}

function edges(names: readonly string[]): fc.Arbitrary<JsonObject[]> {
  if (names.length === 0) return fc.constant([]);
  const depend = fc.tuple(fc.constantFrom(...dependTypes), fc.constantFrom('shop_root', 'shop.a', 'shop.b'), fc.boolean(), fc.constantFrom(...names)).map(([type, output, byNode, nodeId]): JsonObject => ({ type, ...(byNode ? { nodeId } : { output }) }));
  return fc.array(fc.tuple(fc.constantFrom(...names), fc.array(depend, { minLength: 1, maxLength: 3 })).map(([nodeId, depends]): JsonObject => ({ nodeId, depends })), { maxLength: 4 });
}

/** A graph of nodes with edges, loops within loops down to `depth`. */
function graph(depth: number, edgeKey: string): fc.Arbitrary<JsonObject> {
  return fc.integer({ min: 0, max: 3 }).chain((count) => {
    const names = Array.from({ length: count }, (_, at) => `n${at}`);
    const nodes = names.map((name) =>
      fc.tuple(named('Node', name, 2), depth > 0 ? fc.option(fc.tuple(fc.constantFrom('do-while', 'for-each', 'combined', 'subflow'), graph(depth - 1, edgeKey)), { nil: undefined, freq: 3 }) : fc.constant(undefined)).map(
        ([node, body]): JsonObject => ({ ...node, id: name, ...(body === undefined ? {} : { [body[0]]: { ...body[1], maxIterations: 3 } }) }),
      ),
    );
    return fc.tuple(fc.tuple(...nodes), edges(names)).map(([list, flow]): JsonObject => ({ nodes: list, [edgeKey]: flow }));
  });
}

/** A valid spec of any version and kind. */
export const anySpec: fc.Arbitrary<JsonObject> = fc
  .tuple(fc.constantFrom(...versions), fc.constantFrom(...kinds), fc.constantFrom('flow', 'dependencies'), fc.option(value('map', 1), { nil: undefined }))
  .chain(([version, kind, edgeKey, metadata]) =>
    fc.tuple(graph(2, edgeKey), fc.option(fc.tuple(named('Workflow', 'w', 2), graph(1, edgeKey)), { nil: undefined }), fc.array(named('FileResource', 'r', 1), { maxLength: 1 }), fc.array(named('Component', 'c', 2), { maxLength: 1 }), fc.dictionary(fc.stringMatching(/^x[A-Z][a-z]{1,6}$/), anything, { maxKeys: 2, noNullPrototype: true })).map(
      ([own, workflow, fileResources, components, strange]): JsonObject => {
        const body: JsonObject = { ...(strange as JsonObject), ...own, ...(workflow === undefined ? {} : { workflows: [{ ...workflow[0], ...workflow[1] }] }), fileResources, components };
        const envelope: JsonObject = { version, kind, ...(metadata === undefined ? {} : { metadata }) };
        return version === '1.0.0' ? { ...envelope, ...body } : { ...envelope, spec: body };
      },
    ),
  );

/** Something in the place of a spec, or a valid one in which one value was replaced by something else. */
export const brokenSpec: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.json(),
  fc.constantFrom('', 'null', '[]', '1', '"x"', '{', '['.repeat(100_000), '{"a":'.repeat(50_000), '{"version":"2.0.0","kind":"Node","spec":[]}', '{"version":"2.0.0","kind":"Node","spec":{"nodes":[null]}}'),
  fc.tuple(anySpec, fc.array(fc.nat(50), { minLength: 1, maxLength: 8 }), fc.oneof(anything, fc.constantFrom<JsonValue>(null, [], {}, '', '{{x}}', '{{a.b.c.d.e}}', -1, 1e308, '\u0000', '\ud800'))).map(([spec, steps, other]) => JSON.stringify(replaceSomewhere(spec, steps, other))),
);

function replaceSomewhere(whole: JsonValue, steps: readonly number[], other: JsonValue): JsonValue {
  const [step, ...rest] = steps;
  if (step === undefined || typeof whole !== 'object' || whole === null) return other;
  const entries = Object.entries(whole);
  const chosen = entries[step % Math.max(entries.length, 1)];
  if (chosen === undefined) return other;
  const changed = replaceSomewhere(chosen[1] ?? null, rest, other);
  return Array.isArray(whole) ? whole.with(Number(chosen[0]), changed) : Object.fromEntries(entries.map(([key, value_]) => [key, key === chosen[0] ? changed : (value_ ?? null)]));
}
