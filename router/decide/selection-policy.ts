import type { Orchestration } from '../../core/config/schema.ts';
import type { ScoreWeights } from './score.ts';

/** How a module is chosen among those that serve a class. */
export interface SelectionPolicy {
  readonly weights: ScoreWeights;
  /** Difference of scores within which queries of one session stay at one module, from 0 to 1. */
  readonly affinityTolerance: number;
  /** What to do when the first module of a plan is not loaded. */
  readonly coldStart: {
    /** `wait` for it, or `answer_warm`: let a ready module of the plan answer while it is started. */
    readonly policy: 'wait' | 'answer_warm';
    /** Expected wait from which `answer_warm` applies, in milliseconds. */
    readonly maxWaitMs: number;
  };
  readonly exploration: {
    /** Share of queries by which modules are tried out, from 0 to 1. */
    readonly share: number;
    /** Tenants whose queries are never used for it. */
    readonly excludedTenants: ReadonlySet<string>;
  };
}

/** Gives the policy as configured. */
export function selectionPolicyOf(settings: Orchestration['router']['selection']): SelectionPolicy {
  const { weights, session_tolerance, cold_start, exploration } = settings;
  return {
    weights,
    affinityTolerance: session_tolerance,
    coldStart: { policy: cold_start.policy, maxWaitMs: cold_start.max_wait * 1000 },
    exploration: { share: exploration.share, excludedTenants: new Set(exploration.excluded_tenants) },
  };
}
