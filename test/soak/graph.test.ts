import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawPanels, slope } from './graph.ts';

test('the slope is that of the later part, and gaps do not matter', () => {
  const minutes = Array.from({ length: 20 }, (_, at) => at);
  assert.ok(Math.abs(slope(minutes, minutes.map((minute) => (minute < 10 ? 1_000 - minute : 3 * minute)), 0.6) - 3) < 1e-9);
  assert.ok(Math.abs(slope(minutes, minutes.map((minute) => (minute % 4 === 0 ? Number.NaN : 7)), 0.5)) < 1e-9);
  assert.equal(slope([1], [5], 0), 0);
});

test('a graph has a line for each series, a legend, a scale, and text that is text', () => {
  const svg = drawPanels('a < b & c', [0, 1, 2], [
    { title: 'Memory', unit: 'MiB', lines: [{ name: 'server', values: [100, Number.NaN, 120] }, { name: 'PostgreSQL', values: [50, 51, 52] }] },
    { title: 'Nothing yet', unit: 'events', lines: [{ name: 'lacking', values: [0, 0, 0] }] },
  ]);
  assert.equal(svg.match(/<polyline /g)?.length, 3);
  assert.ok(svg.includes('a &lt; b &amp; c') && svg.includes('>server<') && svg.includes('Memory (MiB)'));
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
});
