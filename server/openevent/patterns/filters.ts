import { limits } from '../../kernel/limits.ts';
import type { LogEvent } from '../log.ts';
import { compilePattern, type MatchEvent } from './compile.ts';
import { eventView, readEventPattern } from './event-view.ts';
import { createMatcher, type Matcher } from './matcher.ts';
import type { Pattern } from './syntax.ts';

/** One pattern in use by somebody who delivers. */
interface Entry {
  readonly text: string;
  readonly pattern: Pattern;
  readonly alone: MatchEvent;
  /** The tenant whose events it is asked about; undefined before the first. */
  tenantId: number | undefined;
  /** The number of the event for which it was asked last. */
  asked: number;
}

/** The patterns of one tenant that events are asked about. */
interface Place {
  readonly entries: Map<string, Entry>;
  matcher: Matcher<Entry> | undefined;
  /** What the matcher knows. */
  known: ReadonlySet<Entry>;
  events: number;
}

export interface PatternFilters {
  /** Makes the filter of a pattern as it is stored. Throws PatternError. */
  filter(pattern: unknown): (event: LogEvent) => boolean;
  /**
   * Splits a page by the patterns in use, so that who has one need not look at every event. What is answered tells of a pattern, the very object that
   * its filter was made of, which events fulfil it; undefined where that is not known yet, and all have to be looked at.
   */
  split(page: readonly LogEvent[]): (pattern: unknown) => readonly LogEvent[] | undefined;
}

/**
 * Makes the filters of subscriptions. All that are in use share one compiled set a tenant, against which each event of a page is matched once.
 * A pattern that nobody asks about any more leaves the set by itself.
 */
export function createPatternFilters(): PatternFilters {
  const places = new Map<number, Place>();
  const entries = new WeakMap<object, Entry>();
  /** Answers with the set that they are from: one of a former set does not know the patterns that came later. */
  const answers = new WeakMap<LogEvent, { readonly matcher: Matcher<Entry>; readonly found: ReadonlySet<Entry> }>();

  function placeOf(tenantId: number): Place {
    let place = places.get(tenantId);
    if (place === undefined) places.set(tenantId, (place = { entries: new Map(), matcher: undefined, known: new Set(), events: 0 }));
    return place;
  }

  function forgetUnasked(place: Place): void {
    for (const [text, entry] of place.entries) {
      if (entry.asked >= place.events - limits.patternIdleEvents.value) continue;
      place.entries.delete(text);
      place.matcher = undefined;
    }
  }

  /** What of the tenant's patterns the event fulfils. */
  function answer(place: Place, event: LogEvent): ReadonlySet<Entry> {
    const before = answers.get(event);
    if (before !== undefined && before.matcher === place.matcher) return before.found;
    place.events += 1;
    if (place.events % limits.patternIdleEvents.value === 0) forgetUnasked(place);
    if (place.matcher === undefined) {
      place.known = new Set(place.entries.values());
      place.matcher = createMatcher([...place.known].map((entry) => ({ id: entry, pattern: entry.pattern })));
    }
    const found = new Set(place.matcher.match(eventView(event)));
    answers.set(event, { matcher: place.matcher, found });
    return found;
  }

  return {
    filter(json) {
      const pattern = readEventPattern(json);
      const text = JSON.stringify(json);
      const own: Entry = { text, pattern, alone: compilePattern(pattern), tenantId: undefined, asked: 0 };
      if (typeof json === 'object' && json !== null) entries.set(json, own);
      return (event) => {
        const place = placeOf(event.tenantId);
        own.tenantId = event.tenantId;
        let entry = place.entries.get(text);
        if (entry === undefined) {
          entry = own;
          place.entries.set(text, entry);
          place.matcher = undefined;
        }
        entry.asked = place.events;
        const known = answers.get(event);
        // Where nobody has asked the set, as for an event that one subscription reads for itself, the own pattern is the cheaper question.
        return known !== undefined && known.matcher === place.matcher && place.known.has(entry) ? known.found.has(entry) : own.alone(eventView(event));
      };
    },
    split(page) {
      const byEntry = new Map<Entry, LogEvent[]>();
      for (const event of page) {
        const place = places.get(event.tenantId);
        if (place === undefined || place.entries.size === 0) continue;
        for (const entry of answer(place, event)) {
          const list = byEntry.get(entry);
          if (list === undefined) byEntry.set(entry, [event]);
          else list.push(event);
        }
      }
      // What the sets knew when the page was split; a pattern that comes later is not told of.
      const known = new Map([...new Set(page.map((event) => event.tenantId))].map((tenantId) => [tenantId, places.get(tenantId)?.known]));
      return (pattern) => {
        const own = typeof pattern === 'object' && pattern !== null ? entries.get(pattern) : undefined;
        if (own?.tenantId === undefined) return undefined;
        // A page without events of the tenant.
        if (!known.has(own.tenantId)) return [];
        const place = places.get(own.tenantId);
        const entry = place?.entries.get(own.text);
        if (place === undefined || entry === undefined || known.get(own.tenantId)?.has(entry) !== true) return undefined;
        entry.asked = place.events;
        return byEntry.get(entry) ?? [];
      };
    },
  };
}
