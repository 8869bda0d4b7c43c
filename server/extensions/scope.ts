import { compilePattern, eventView, parseEventPattern, PatternError, readEventPattern, type MatchEvent } from '../openevent/patterns/index.ts';
import type { EventType } from '../../contract/events.ts';
import { invalid } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';

/** Which operations reach an extension where it is enabled: those whose event fulfils a pattern, in the language of OpenEvent. */

/** Reads a pattern that a caller gives. Throws InvalidParameter with the place of the fault. Empty text: no pattern. */
export function readScope(text: string): object | null {
  if (text.trim() === '') return null;
  try {
    parseEventPattern(text);
    return JSON.parse(text) as object;
  } catch (error) {
    if (error instanceof PatternError || error instanceof SyntaxError) throw invalid('Pattern', error.message);
    throw error;
  }
}

const compiled = new Map<string, MatchEvent>();

/** The match function of a stored pattern, kept for the next time. */
export function scopeMatcher(pattern: object): MatchEvent {
  const text = JSON.stringify(pattern);
  let match = compiled.get(text);
  if (match === undefined) {
    if (compiled.size >= limits.scopePatterns.value) compiled.clear();
    match = compilePattern(readEventPattern(pattern));
    compiled.set(text, match);
  }
  return match;
}

/** Whether the event of an operation that is about to happen fulfils the pattern. */
export function inScope(pattern: object | null, type: EventType, event: { tenantId: number; workspaceId: number | undefined; objectKey: string; data: Readonly<Record<string, unknown>>; now: Date; userId: number }): boolean {
  if (pattern === null) return true;
  return scopeMatcher(pattern)(
    eventView({
      position: 0,
      id: 0,
      eventId: '',
      tenantId: event.tenantId,
      workspaceId: event.workspaceId,
      code: type.eventCode,
      type: type.type,
      objectKey: event.objectKey,
      data: { ...event.data, tenantId: event.tenantId, eventCode: type.eventCode },
      occurredAt: event.now,
      actorId: event.userId,
      requestId: undefined,
    }),
  );
}
