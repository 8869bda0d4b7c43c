import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { findCircle } from './graph.ts';

const graphs = fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { minLength: 1, maxLength: 10 }).map((lists) => lists.map((list) => list.filter((target) => target < lists.length)));

/** Whether a node reaches itself, by following every arrow as often as there are nodes. */
function hasCircle(graph: readonly (readonly number[])[]): boolean {
  return graph.some((_, start) => {
    let reached = new Set(graph[start]);
    for (let round = 0; round < graph.length; round += 1) reached = new Set([...reached, ...[...reached].flatMap((node) => graph[node] ?? [])]);
    return reached.has(start);
  });
}

test('a circle is found when there is one, and is one', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const circle = findCircle(graph.keys(), (node) => graph[node] ?? []);
      assert.equal(circle !== undefined, hasCircle(graph));
      if (circle === undefined) return;
      assert.equal(circle[0], circle.at(-1));
      assert.equal(new Set(circle).size, circle.length - 1);
      for (const [at, node] of circle.slice(0, -1).entries()) assert.ok(graph[node]?.includes(circle[at + 1] ?? -1));
    }),
    { numRuns: 500 },
  );
});

test('a chain of any length is walked without a deep stack', () => {
  assert.equal(findCircle([0], (node) => (node < 200_000 ? [node + 1] : [])), undefined);
  assert.equal(findCircle([0], (node) => (node < 200_000 ? [node + 1] : [0]))?.length, 200_002);
});
