import type { Clock } from '../../core/clock.ts';
import type { QueryClass } from '../../core/config/schema.ts';
import type { Classification, Classifier } from '../classification/classifier.ts';
import type { Decision } from '../decide/decide.ts';
import { exploresWith } from '../decide/candidates.ts';
import type { Plan, PlanPolicy } from '../decide/plan.ts';
import type { Planner } from '../decide/plan-book.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';

export interface PlanCacheDependencies {
  readonly board: ModuleBoard;
  readonly classifier: Classifier;
  readonly policy: PlanPolicy;
  readonly planner: Planner;
  readonly clock: Clock;
}

/** A plan and what it was made for. */
interface CachedPlan {
  readonly first: QueryClass | undefined;
  readonly second: QueryClass | undefined;
  readonly unsure: boolean;
  readonly plan: Plan;
}

/** How long a plan is used again while states do not change: statistics and load move it too, though not by much in this time. */
const MAX_AGE_MS = 100;

/** Decides for the queries of one principal in bulk: plain ones of the same class share a plan. */
export function createPlanCache(
  principal: Principal,
  { board, classifier, policy, planner }: PlanCacheDependencies,
): (query: Query, nowMs: number) => Decision {
  let cached: CachedPlan[] = [];
  let version = -1;
  let madeAtMs = 0;
  const find = (query: Query, classification: Classification): Plan => {
    // An abstaining classifier brings the runner-up into the plan, so both classes and the side of the threshold count.
    const first = classification.probabilities[0]?.queryClass;
    const second = classification.probabilities[1]?.queryClass;
    const unsure = classification.probability < policy.confidenceThreshold;
    for (const entry of cached) {
      if (entry.first === first && entry.second === second && entry.unsure === unsure) return entry.plan;
    }
    const made = planner(query, classification, board.statuses, principal);
    // Which of the modules with a share take part is drawn for each query anew.
    if (!hasShares(board)) cached.push({ first, second, unsure, plan: made });
    return made;
  };
  return (query, nowMs) => {
    const classification = classifier.classify(query);
    if (!isPlain(query) || exploresWith(query, principal, policy.selection))
      return { classification, plan: planner(query, classification, board.statuses, principal) };
    if (version !== board.version || nowMs - madeAtMs > MAX_AGE_MS) {
      cached = [];
      version = board.version;
      madeAtMs = nowMs;
    }
    return { classification, plan: find(query, classification) };
  };
}

function hasShares({ statuses }: ModuleBoard): boolean {
  for (const { share } of statuses.values()) if (share !== undefined) return true;
  return false;
}

/** Tells whether nothing in a query but its class moves the plan. */
function isPlain(query: Query): boolean {
  return (
    query.attachments.length === 0 &&
    query.moduleId === undefined &&
    query.maxCost === undefined &&
    query.sessionId === '' &&
    (query.priority ?? 'normal') === 'normal' &&
    !query.explain
  );
}
