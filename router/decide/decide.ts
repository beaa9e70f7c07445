import type { Classification, Classifier } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import type { ModuleStatuses } from './module-status.ts';
import type { Plan } from './plan.ts';
import type { Planner } from './plan-book.ts';

/** What is to be done with a query. */
export interface Decision {
  readonly classification: Classification;
  readonly plan: Plan;
}

/** Runs one stage; a caller that measures stages hands in its own. */
export type RunStage = <T>(stage: string, work: () => T) => T;

/** Classifies a query and plans for it; the same arguments always give the same decision. */
export function decide(
  query: Query,
  classifier: Classifier,
  planner: Planner,
  statuses: ModuleStatuses,
  principal: Principal,
  runStage: RunStage = (_stage, work) => work(),
): Decision {
  const classification = runStage('classify', () => classifier.classify(query));
  return { classification, plan: runStage('plan', () => planner(query, classification, statuses, principal)) };
}
