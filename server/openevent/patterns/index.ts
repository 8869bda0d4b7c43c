/** The pattern language: reading, checking, matching one pattern and many. */
export { compilePattern, type MatchEvent } from './compile.ts';
export { eventView, parseEventPattern, readEventPattern, typesOf } from './event-view.ts';
export { createPatternFilters, type PatternFilters } from './filters.ts';
export { createMatcher, type Matcher, type MatcherRule } from './matcher.ts';
export { parsePattern, readPattern } from './parse.ts';
export { PatternError, type Pattern } from './syntax.ts';
