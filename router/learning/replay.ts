import { moduleSpecSchema, type QueryClass } from '../../core/config/schema.ts';
import type { Classification } from '../classification/classifier.ts';
import type { ClassHistory, ModuleStatus } from '../decide/module-status.ts';
import { plan, type PlanPolicy } from '../decide/plan.ts';
import type { Principal } from '../domain/principal.ts';
import { plainQuery } from '../domain/query.ts';
import { withOutcome } from '../resilience/statistics.ts';
import type { LoggedOutcome } from './outcome.ts';

/** How a policy did over the outcomes that it would have had. */
export interface ReplayResult {
  /** Outcomes whose module is the one that the policy would have chosen. */
  readonly matched: number;
  /** Mean of accepted × confidence over those, from 0 to 1; NaN when there are none. */
  readonly reward: number;
  readonly acceptedShare: number;
  readonly latencyMs: number;
  readonly cost: number;
}

const REPLAYER: Principal = { tenant: '', subject: 'replay', permissions: new Set(['route']), modules: undefined };

/**
 * Tells how a policy would have done on logged outcomes, and lets it learn from those alone that it would have had: the replay
 * method (Li, Chu, Langford and Wang 2011, "Unbiased offline evaluation of contextual-bandit-based news article
 * recommendation"). It is unbiased where the log's own choices were made by chance; else it shows what the log can show.
 */
export function replay(outcomes: Iterable<LoggedOutcome>, policy: PlanPolicy): ReplayResult {
  const learned = new Map<string, LearnedModule>();
  const sum = { matched: 0, reward: 0, accepted: 0, latencyMs: 0, cost: 0 };
  for (const outcome of outcomes) {
    const statuses = new Map(
      outcome.candidates.map((id) => [id, statusOf(id, outcome.query_class, learnedOf(learned, id))]),
    );
    const made = plan(plainQuery(outcome.request_id, ''), certain(outcome), statuses, REPLAYER, policy);
    if (made.steps[0]?.moduleId !== outcome.module_id) continue;
    learn(learnedOf(learned, outcome.module_id), outcome);
    sum.matched += 1;
    sum.reward += outcome.accepted ? (outcome.confidence ?? 0) : 0;
    sum.accepted += Number(outcome.accepted);
    sum.latencyMs += outcome.latency_ms;
    sum.cost += outcome.cost;
  }
  const { matched } = sum;
  return {
    matched,
    reward: sum.reward / matched,
    acceptedShare: sum.accepted / matched,
    latencyMs: sum.latencyMs / matched,
    cost: sum.cost / matched,
  };
}

interface LearnedModule {
  readonly history: Map<QueryClass, ClassHistory>;
  count: number;
  meanCost: number;
}

function learnedOf(learned: Map<string, LearnedModule>, moduleId: string): LearnedModule {
  const known = learned.get(moduleId) ?? { history: new Map(), count: 0, meanCost: 0 };
  learned.set(moduleId, known);
  return known;
}

function learn(
  known: LearnedModule,
  { query_class: queryClass, accepted, confidence, latency_ms, cost }: LoggedOutcome,
): void {
  const outcome = { accepted, confidence, latencyMs: latency_ms };
  known.history.set(queryClass, withOutcome(known.history.get(queryClass), outcome));
  known.count += 1;
  known.meanCost += (cost - known.meanCost) / known.count;
}

function statusOf(moduleId: string, queryClass: QueryClass, { history, meanCost }: LearnedModule): ModuleStatus {
  return {
    spec: moduleSpecSchema.parse({
      module_id: moduleId,
      query_classes: [queryClass],
      price: { per_request: meanCost },
    }),
    state: 'READY',
    reason: '',
    readyReplicas: 1,
    expectedActivationMs: undefined,
    breakerAdmits: true,
    inFlight: 0,
    history,
  };
}

function certain({ query_class: queryClass }: LoggedOutcome): Classification {
  const probabilities = [{ queryClass, probability: 1 }];
  return { queryClass, probability: 1, margin: 1, probabilities, signals: [], stage: 'replay' };
}
