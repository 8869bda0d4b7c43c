import { limits } from '../../kernel/limits.ts';
import type { LogEvent } from '../log.ts';
import { compilePattern } from './compile.ts';
import { eventView, readEventPattern } from './event-view.ts';
import { createMatcher, type Matcher } from './matcher.ts';
import type { Pattern } from './syntax.ts';

/** One pattern in use by somebody who delivers. */
interface Entry {
  readonly pattern: Pattern;
  /** The number of the event for which it was asked last. */
  asked: number;
}

/** The patterns of one tenant that events are asked about. */
interface Place {
  readonly entries: Map<string, Entry>;
  matcher: Matcher<string> | undefined;
  events: number;
}

/**
 * Makes the filters of subscriptions. All that are in use share one compiled set: who asks first about an event has it matched against all
 * patterns of its tenant at once, and everybody else looks the answer up. A pattern that nobody asks about any more leaves the set by itself.
 */
export function createPatternFilters(): (pattern: unknown) => (event: LogEvent) => boolean {
  const places = new Map<number, Place>();
  /** Answers with the set that they are from: one of a former set does not know the patterns that came later. */
  const answers = new WeakMap<LogEvent, { readonly matcher: Matcher<string>; readonly found: ReadonlySet<string> }>();

  function placeOf(tenantId: number): Place {
    let place = places.get(tenantId);
    if (place === undefined) places.set(tenantId, (place = { entries: new Map(), matcher: undefined, events: 0 }));
    return place;
  }

  function forgetUnasked(place: Place): void {
    for (const [text, entry] of place.entries) {
      if (entry.asked >= place.events - limits.patternIdleEvents.value) continue;
      place.entries.delete(text);
      place.matcher = undefined;
    }
  }

  function answer(place: Place, event: LogEvent): ReadonlySet<string> {
    place.events += 1;
    if (place.events % limits.patternIdleEvents.value === 0) forgetUnasked(place);
    place.matcher ??= createMatcher([...place.entries].map(([id, { pattern }]) => ({ id, pattern })));
    const found = new Set(place.matcher.match(eventView(event)));
    answers.set(event, { matcher: place.matcher, found });
    return found;
  }

  return (json) => {
    const pattern = readEventPattern(json);
    const text = JSON.stringify(json);
    const alone = compilePattern(pattern);
    return (event) => {
      const place = placeOf(event.tenantId);
      let entry = place.entries.get(text);
      if (entry === undefined) {
        entry = { pattern, asked: place.events };
        place.entries.set(text, entry);
        place.matcher = undefined;
        return alone(eventView(event));
      }
      entry.asked = place.events;
      if (place.entries.size === 1) return alone(eventView(event));
      const known = answers.get(event);
      return (known !== undefined && known.matcher === place.matcher ? known.found : answer(place, event)).has(text);
    };
  };
}
