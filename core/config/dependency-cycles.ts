/** For each node, the nodes that it needs. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/**
 * Gives every cycle that a walk in depth meets, each once, as the nodes in order: [a, b] means a needs b needs a. Empty if and
 * only if the graph can be put in order. A node that needs itself is a cycle of one.
 */
export function findCycles(graph: Graph): string[][] {
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const start = trail.indexOf(node);
    if (start >= 0) {
      cycles.push(trail.slice(start));
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}
