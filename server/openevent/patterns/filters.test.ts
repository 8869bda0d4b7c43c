import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../../kernel/limits.ts';
import type { LogEvent } from '../log.ts';
import { compilePattern, createPatternFilters, eventView, readEventPattern } from './index.ts';

let count = 0;
function eventOf(tenantId: number, data: Record<string, unknown>): LogEvent {
  count += 1;
  return { position: count, id: count, eventId: `e${count}`, tenantId, workspaceId: undefined, code: 'commit-file', type: 'dataworks:FileChange:CommitFile', objectKey: 'o', data, occurredAt: new Date(0), actorId: 0, requestId: undefined };
}

const pattern = fc.record({ data: fc.dictionary(fc.constantFrom('a', 'b'), fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }), { minKeys: 1 }) });
const data = fc.dictionary(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 3 }));

/** Filters come and go while events pass, some of which are asked about late. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), pattern }),
  fc.record({ kind: fc.constant('ask' as const), filter: fc.nat(20), event: fc.nat(20) }),
  fc.record({ kind: fc.constant('page' as const), from: fc.nat(20) }),
  fc.record({ kind: fc.constant('event' as const), tenant: fc.constantFrom(1, 2), data }),
);

test('whoever asks about whichever event, and since whenever, gets what the own pattern says', () => {
  const idle = limits.patternIdleEvents as { value: number };
  const former = idle.value;
  idle.value = 3;
  try {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { filter: filterOf, split } = createPatternFilters();
        const filters: { tenant: number; pattern: unknown; shared: (event: LogEvent) => boolean; alone: (event: LogEvent) => boolean }[] = [];
        const events: LogEvent[] = [];
        for (const one of steps) {
          if (one.kind === 'add') {
            const matches = compilePattern(readEventPattern(one.pattern));
            // A subscription belongs to one tenant and is asked about its events alone.
            filters.push({ tenant: (filters.length % 2) + 1, pattern: one.pattern, shared: filterOf(one.pattern), alone: (event) => matches(eventView(event)) });
          } else if (one.kind === 'event') {
            events.push(eventOf(one.tenant, one.data));
          } else if (one.kind === 'page') {
            const page = events.slice(one.from % Math.max(1, events.length));
            const fulfilling = split(page);
            for (const { tenant, pattern: own, alone, shared } of filters) {
              const told = fulfilling(own);
              if (told !== undefined) assert.deepEqual(told, page.filter((event) => event.tenantId === tenant && alone(event) && shared(event)));
            }
          } else {
            const filter = filters[one.filter % Math.max(1, filters.length)];
            const event = events[one.event % Math.max(1, events.length)];
            if (filter !== undefined && event?.tenantId === filter.tenant) assert.equal(filter.shared(event), filter.alone(event));
          }
        }
      }),
      { numRuns: 1_000 },
    );
  } finally {
    idle.value = former;
  }
});

test('a thousand filters ask about an event for the price of few', () => {
  const { filter: filterOf, split } = createPatternFilters();
  const patterns = Array.from({ length: 1_000 }, (_, index) => ({ data: { nodeId: [index] } }));
  const filters = patterns.map(filterOf);
  const wanted = (event: LogEvent) => filters.flatMap((filter, index) => (filter(event) ? [index] : []));
  wanted(eventOf(1, {}));
  for (const nodeId of [0, 17, 999]) assert.deepEqual(wanted(eventOf(1, { nodeId })), [nodeId]);
  assert.deepEqual(wanted(eventOf(1, { nodeId: [3, 5] })), [3, 5]);
  const page = [eventOf(1, { nodeId: 7 }), eventOf(1, { nodeId: 8 }), eventOf(1, { nodeId: 7 })];
  const fulfilling = split(page);
  assert.deepEqual(patterns.flatMap((own, index) => fulfilling(own)?.map((event) => [index, page.indexOf(event)]) ?? [[index, -1]]), [[7, 0], [7, 2], [8, 1]]);
  assert.equal(fulfilling({ data: { nodeId: [7] } }), undefined, 'a pattern that nobody has asked about');
});
