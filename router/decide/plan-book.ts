import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query, Strategy } from '../domain/query.ts';
import { CandidateWalk } from './candidate-walk.ts';
import { exploresWith } from './candidates.ts';
import { createClassIndex, type ClassIndex, type Slot } from './class-index.ts';
import { expectedCost } from './cost.ts';
import type { Exclusion } from './eligibility.ts';
import { expectedWaitMs, type ModuleStatuses } from './module-status.ts';
import { abstains, plan, strategyOf, type Plan, type PlanPolicy, type PlanStep } from './plan.ts';
import { costFactor, weighWithCost } from './score.ts';

/** Plans for a query. The map of statuses is replaced when modules come, go or have another specification, never edited. */
export type Planner = (
  query: Query,
  classification: Classification,
  statuses: ModuleStatuses,
  principal: Principal,
) => Plan;

/**
 * Plans as `plan` does and gives the same, many times as fast: it keeps how modules stand in each class for as long as their
 * statuses are what they were, and looks at no more candidates than it takes to fill the plan. What was left out is found
 * out when it is read, from the statuses as they are then; at once where the query asks for an explanation.
 */
export function createPlanBook(policy: PlanPolicy): Planner {
  const walk = new CandidateWalk(policy);
  let index: ClassIndex | undefined;
  return (query, classification, statuses, principal) => {
    if (query.moduleId !== undefined || query.explain || exploresWith(query, principal, policy.selection))
      return plan(query, classification, statuses, principal, policy);
    if (index?.statuses !== statuses) index = createClassIndex(statuses, policy.selection.weights);
    const chosen = walk.choose(query, classification, principal, index);
    const [first] = chosen;
    // With shares, who comes first hangs on the request and on all who could stand in.
    if (first === undefined || mayStandBack(first, policy) || chosen.some(({ status }) => status.share !== undefined))
      return plan(query, classification, statuses, principal, policy);
    const steps = stepsFor(chosen, classification, query, index, policy);
    return new BookPlan(steps, query, classification, statuses, principal, policy);
  };
}

/** A plan that finds out what it has left out when it is asked. */
class BookPlan implements Plan {
  readonly steps: readonly PlanStep[];
  readonly abstained: boolean;
  readonly strategy: Strategy;
  readonly explores = false;
  readonly wake: readonly string[] = NOBODY;
  readonly #query: Query;
  readonly #classification: Classification;
  readonly #statuses: ModuleStatuses;
  readonly #principal: Principal;
  readonly #policy: PlanPolicy;

  constructor(
    steps: readonly PlanStep[],
    query: Query,
    classification: Classification,
    statuses: ModuleStatuses,
    principal: Principal,
    policy: PlanPolicy,
  ) {
    this.steps = steps;
    this.abstained = abstains(query, classification, policy);
    this.strategy = strategyOf(query, policy);
    this.#query = query;
    this.#classification = classification;
    this.#statuses = statuses;
    this.#principal = principal;
    this.#policy = policy;
  }

  get exclusions(): readonly Exclusion[] {
    return plan(this.#query, this.#classification, this.#statuses, this.#principal, this.#policy).exclusions;
  }
}

const NOBODY: readonly string[] = [];

/** Tells whether another module may have to come before the first one, for which all have to be looked at. */
function mayStandBack({ status }: Slot, { selection: { coldStart } }: PlanPolicy): boolean {
  return coldStart.policy === 'answer_warm' && expectedWaitMs(status) > coldStart.maxWaitMs;
}

/** The steps of `plan`, from what is kept of the modules. */
function stepsFor(
  chosen: readonly Slot[],
  { queryClass }: Classification,
  query: Query,
  index: ClassIndex,
  { selection: { weights } }: PlanPolicy,
): readonly PlanStep[] {
  let lowestCost = Infinity;
  for (const { status } of chosen) lowestCost = Math.min(lowestCost, expectedCost(status.spec, query));
  const steps: PlanStep[] = [];
  for (const slot of chosen) {
    const { standing, weighed, readyReplicas } = index.ratingOf(slot, queryClass);
    const { spec } = slot.status;
    const ownCost = expectedCost(spec, query);
    const cost = costFactor(ownCost, lowestCost);
    const { quality, latency, load, readiness } = standing;
    steps.push({
      moduleId: spec.module_id,
      score: weighWithCost(weighed, cost, weights),
      factors: { quality, latency, cost, load, readiness },
      ready: readyReplicas > 0,
      confidenceThreshold: spec.confidence_threshold,
      expectedCost: ownCost,
      expectedWaitMs: expectedWaitMs(slot.status),
    });
  }
  return steps;
}
