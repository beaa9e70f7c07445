import { learnActivation } from './expected-activation.ts';

/** How long modules take to start, learned from their cold starts. */
export interface LearnedActivations {
  /** Estimate in milliseconds; undefined before the first start. */
  get(moduleId: string): number | undefined;
  /** Takes in a cold start. */
  add(moduleId: string, tookMs: number): void;
}

/** Gives the estimates, beginning with those kept from earlier; `save` is called with each new one. */
export function createLearnedActivations(
  kept: ReadonlyMap<string, number>,
  save: (moduleId: string, estimateMs: number) => void,
): LearnedActivations {
  const estimates = new Map(kept);
  return {
    get: (moduleId) => estimates.get(moduleId),
    add: (moduleId, tookMs) => {
      const estimate = learnActivation(estimates.get(moduleId), tookMs);
      estimates.set(moduleId, estimate);
      save(moduleId, estimate);
    },
  };
}
