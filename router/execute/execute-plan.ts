import type { QueryClass } from '../../core/config/schema.ts';
import type { Plan, PlanStep } from '../decide/plan.ts';
import type { ExecutionResult } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import type { Strategy } from '../domain/query.ts';
import { byPrice, servingSteps, weightOf, withFirst, type KnownStep } from '../resilience/strategy-order.ts';
import type { Arm, StrategyLearner } from '../resilience/strategy-learner.ts';
import type { RoundRobin } from '../resilience/weighted-round-robin.ts';
import type { AttemptRequest } from './attempt.ts';
import { executeHedged } from './hedged.ts';
import { executeInParallel } from './parallel.ts';
import { executeSequentially } from './sequential.ts';
import type { ExecutionDependencies } from './execution-dependencies.ts';

export interface PlanDependencies extends ExecutionDependencies {
  readonly learner: StrategyLearner;
  readonly roundRobin: RoundRobin;
}

type Execution = AsyncGenerator<ExecutionEvent, ExecutionResult, undefined>;

const WAYS: Readonly<
  Record<Arm, (plan: Plan, request: AttemptRequest, dependencies: ExecutionDependencies) => Execution>
> = {
  sequential: (plan, request, dependencies) => executeSequentially(plan, request, dependencies),
  hedged: executeHedged,
  parallel: executeInParallel,
};

/**
 * Carries out a plan by its strategy. Under every one of them each module is asked at most once, unless the retry budget allows a
 * second time, and all attempts share the request's deadline and its ceiling on cost. Throws as executeSequentially does.
 */
export function executePlan(plan: Plan, request: AttemptRequest, dependencies: PlanDependencies): Execution {
  const strategy: Strategy = plan.strategy ?? 'sequential';
  switch (strategy) {
    case 'adaptive':
      return executeAdaptively(plan, request, dependencies);
    case 'weighted_round_robin':
      return executeInTurn(plan, request, dependencies);
    default:
      return WAYS[strategy](plan, request, dependencies);
  }
}

/** Chooses the way and the order that have given accepted answers at least delay and cost, and learns from what comes of it. */
async function* executeAdaptively(plan: Plan, request: AttemptRequest, dependencies: PlanDependencies): Execution {
  const { learner, clock } = dependencies;
  const { queryClass } = request;
  const startedMs = clock.monotonicMs();
  const arm = learner.choose(queryClass);
  const observe = (accepted: boolean, cost: number): void => {
    learner.observe(queryClass, arm, { accepted, delayMs: clock.monotonicMs() - startedMs, cost });
  };
  const steps = byPrice(knownSteps(plan.steps, dependencies), queryClass);
  try {
    const result = yield* WAYS[arm]({ ...plan, steps }, request, dependencies);
    observe(
      result.answer.confidence.accepted,
      result.attempts.reduce((sum, { cost }) => sum + cost, 0),
    );
    return { ...result, firstModuleId: steps[0]?.moduleId };
  } catch (error) {
    if (!request.signal.aborted) observe(false, 0);
    throw error;
  }
}

/** Begins with the module whose turn it is, of those that serve the class. */
async function* executeInTurn(plan: Plan, request: AttemptRequest, dependencies: PlanDependencies): Execution {
  const { steps } = inTurn(plan, request.queryClass, dependencies);
  const result = yield* executeSequentially({ ...plan, steps }, request, dependencies);
  return { ...result, firstModuleId: steps[0]?.moduleId };
}

/** Gives a plan that begins with the module whose turn it is, of those that serve the class. */
export function inTurn(plan: Plan, queryClass: QueryClass, dependencies: PlanDependencies): Plan {
  const serving = servingSteps(knownSteps(plan.steps, dependencies), queryClass);
  const weights = new Map(serving.map((known) => [known.step.moduleId, weightOf(known, queryClass)]));
  return { ...plan, steps: withFirst(plan.steps, dependencies.roundRobin.next(weights)) };
}

function knownSteps(steps: readonly PlanStep[], { board }: PlanDependencies): readonly KnownStep[] {
  return steps.map((step) => ({ step, status: board.record(step.moduleId) }));
}
