import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { criticalPath, forecast, type ForecastEdge, type ForecastInstance } from './forecast.ts';

const NOW = 1_000;

const instance = (id: number): fc.Arbitrary<ForecastInstance> =>
  fc.record({
    id: fc.constant(id),
    usualMs: fc.integer({ min: 0, max: 500 }),
    triggerTime: fc.integer({ min: 0, max: 2_000 }),
    state: fc.constantFrom<ForecastInstance['state'][]>('waiting', 'waiting', 'running', 'ended'),
    begunAt: fc.integer({ min: 0, max: 900 }),
    endedAt: fc.integer({ min: 900, max: NOW }),
  });

/** Edges go from smaller to larger numbers, so there are no circles. */
const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
  fc.record({
    instances: fc.tuple(...Array.from({ length: size }, (_, place) => instance(place + 1))),
    edges: fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: size }), fc.integer({ min: 1, max: size })).filter(([a, b]) => a < b).map(([upstream, downstream]): ForecastEdge => ({ upstream, downstream })),
      { maxLength: size === 1 ? 0 : 30, selector: ({ upstream, downstream }) => `${upstream} ${downstream}` },
    ),
  }),
);

/** The end, by looking along every path there is. */
function naiveEnd(id: number, instances: readonly ForecastInstance[], edges: readonly ForecastEdge[]): number {
  const own = instances.find((one) => one.id === id);
  assert.ok(own !== undefined);
  if (own.state === 'ended') return own.endedAt ?? NOW;
  if (own.state === 'running') return Math.max(NOW, (own.begunAt ?? NOW) + own.usualMs);
  const ends = edges.filter((edge) => edge.downstream === id).map((edge) => naiveEnd(edge.upstream, instances, edges));
  return Math.max(NOW, own.triggerTime, ...ends) + own.usualMs;
}

test('the forecast of random graphs is the longest path, whatever the order in which they are given', () => {
  fc.assert(
    fc.property(graphs, ({ instances, edges }) => {
      const expected = forecast(instances, edges, NOW);
      assert.equal(expected.size, instances.length);
      for (const { id } of instances) {
        assert.equal(expected.get(id)?.end, naiveEnd(id, instances, edges));
        const path = criticalPath(expected, id);
        for (const [place, step] of path.entries()) {
          const next = path[place + 1];
          const upstreams = edges.filter((edge) => edge.downstream === step.id).map((edge) => expected.get(edge.upstream)?.end ?? 0);
          // Each step is followed by the upstream that ends last, and the path ends where nothing is waited for.
          if (next === undefined) assert.equal(upstreams.length, 0);
          else assert.equal(next.end, Math.max(...upstreams));
        }
      }
      const turned = forecast(instances.toReversed(), edges.toReversed(), NOW);
      for (const [id, own] of expected) assert.deepEqual(turned.get(id), own);
    }),
    { numRuns: 300 },
  );
});
