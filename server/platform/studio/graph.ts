/** Circles among nodes that wait for each other. Pure. */

/**
 * A circle in a graph, in its order and with its first node again at the end, or undefined when there is none. `waitsFor` gives what a node waits for. Each
 * node and each arrow is looked at once.
 */
export function findCircle(nodes: Iterable<number>, waitsFor: (node: number) => readonly number[]): number[] | undefined {
  const finished = new Set<number>();
  for (const start of nodes) {
    if (finished.has(start)) continue;
    const path: { readonly node: number; readonly next: readonly number[]; at: number }[] = [{ node: start, next: waitsFor(start), at: 0 }];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.next[top.at];
      top.at += 1;
      if (next === undefined) {
        finished.add(top.node);
        onPath.delete(top.node);
        path.pop();
      } else if (onPath.has(next)) {
        const from = path.findIndex(({ node }) => node === next);
        return [...path.slice(from).map(({ node }) => node), next];
      } else if (!finished.has(next)) {
        path.push({ node: next, next: waitsFor(next), at: 0 });
        onPath.add(next);
      }
    }
  }
  return undefined;
}
