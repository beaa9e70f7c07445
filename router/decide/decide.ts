import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import type { ModuleStatuses } from './module-status.ts';
import { plan, type Plan, type PlanPolicy } from './plan.ts';

/** What is to be done with a query. */
export interface Decision {
  readonly classification: Classification;
  readonly plan: Plan;
}

/** Runs one stage; a caller that measures stages hands in its own. */
export type RunStage = <T>(stage: string, work: () => T) => T;

/** Plans for a query that has been classified; the same arguments always give the same decision. */
export function decide(
  query: Query,
  classification: Classification,
  statuses: ModuleStatuses,
  principal: Principal,
  policy: PlanPolicy,
  runStage: RunStage = (_stage, work) => work(),
): Decision {
  return { classification, plan: runStage('plan', () => plan(query, classification, statuses, principal, policy)) };
}
