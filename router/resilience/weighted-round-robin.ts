/** Chooses among the same names again and again, each as often as its weight has it, and never one many times in a row. */
export interface RoundRobin {
  /** Gives one of the names; undefined when there is none. Weights may change from call to call. */
  next(weights: ReadonlyMap<string, number>): string | undefined;
}

/** Creates a smooth weighted round robin (nginx's): each turn adds to every name its weight, and takes from the chosen the sum. */
export function createRoundRobin(): RoundRobin {
  const current = new Map<string, number>();
  return {
    next(weights) {
      for (const name of current.keys()) if (!weights.has(name)) current.delete(name);
      let total = 0;
      let best: string | undefined;
      for (const [name, weight] of weights) {
        total += weight;
        const value = (current.get(name) ?? 0) + weight;
        current.set(name, value);
        if (best === undefined || value > (current.get(best) ?? 0)) best = name;
      }
      if (best !== undefined) current.set(best, (current.get(best) ?? 0) - total);
      return best;
    },
  };
}
