import { CONTENT_TYPE } from '../envelope.ts';
import type { LogEvent } from '../log.ts';
import { parsePattern, readPattern } from './parse.ts';
import { below, PatternError, type Pattern, type PatternNode } from './syntax.ts';

/** The fields of an event that patterns can ask for: those of its envelope that are the same for all its receivers. */
const FIELDS = ['id', 'source', 'specversion', 'type', 'subject', 'time', 'datacontenttype', 'data', 'aliyunaccountid'] as const;

/** Names of the same fields in patterns written for Amazon EventBridge. */
const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ['detail-type', 'type'],
  ['detail', 'data'],
  ['account', 'aliyunaccountid'],
]);

/** What patterns are held against. */
export function eventView(event: LogEvent): Readonly<Record<(typeof FIELDS)[number], unknown>> {
  return {
    id: event.eventId,
    source: 'acs.dataworks',
    specversion: '1.0',
    type: event.type,
    subject: '',
    time: event.occurredAt.toISOString(),
    datacontenttype: CONTENT_TYPE,
    data: event.data,
    aliyunaccountid: String(event.tenantId),
  };
}

/**
 * Reads a pattern for events of the log. Beside what the language asks, its outermost fields must be those of an event: a misspelt one would
 * match nothing, for ever and silently. Throws PatternError.
 */
export function parseEventPattern(text: string): Pattern {
  return { root: renamed(parsePattern(text).root, '$') };
}

/** The same from parsed JSON, as it is stored. Throws PatternError. */
export function readEventPattern(json: unknown): Pattern {
  return { root: renamed(readPattern(json).root, '$') };
}

function renamed(node: PatternNode, pointer: string): PatternNode {
  const fields = node.fields.map((field) => {
    const name = FORMER_NAMES.get(field.name) ?? field.name;
    if (!(FIELDS as readonly string[]).includes(name)) {
      throw new PatternError(below(pointer, field.name), `an event has no such field; it has ${FIELDS.join(', ')} (and detail-type, detail, account as other names of type, data, aliyunaccountid)`);
    }
    return { ...field, name };
  });
  const alternatives = node.alternatives.map((branches) => branches.map((branch, index) => renamed(branch, `${pointer}.$or[${index}]`)));
  return { fields, alternatives };
}

/** The types that the pattern names outright, when no event of another type can fulfil it; for narrowing what is read. Undefined when it may be any. */
export function typesOf({ root }: Pattern): string[] | undefined {
  for (const { name, want } of root.fields) {
    if (name !== 'type' || 'object' in want) continue;
    const types = want.tests.map((test) => (test.kind === 'equal' && typeof test.value === 'string' ? test.value : undefined));
    if (types.every((type) => type !== undefined)) return types;
  }
  return undefined;
}
