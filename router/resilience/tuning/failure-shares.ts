/** Share of a module's calls that fail by its own fault, over about the last thousand of them. */
export interface FailureShare {
  /** From 0 to 1. */
  readonly share: number;
  /** Calls that it is known from. */
  readonly calls: number;
}

export interface FailureShares {
  note(moduleId: string, failed: boolean): void;
  of(moduleId: string): FailureShare;
}

/** Least weight of a call in the rolling share. */
const WINDOW = 1_000;

/** Creates empty shares. Their size is bounded by modules. */
export function createFailureShares(): FailureShares {
  const shares = new Map<string, FailureShare>();
  const of = (moduleId: string): FailureShare => shares.get(moduleId) ?? { share: 0, calls: 0 };
  return {
    note(moduleId, failed) {
      const { share, calls } = of(moduleId);
      const next = Math.min(calls + 1, WINDOW);
      shares.set(moduleId, { share: share + ((failed ? 1 : 0) - share) / next, calls: next });
    },
    of,
  };
}
