import type { Decision } from '../decide/decide.ts';
import { explain, type StageTiming } from '../decide/explain.ts';
import type { ExecutionResult } from '../domain/answer.ts';
import { priorityOf } from '../domain/query-priority.ts';
import type { Query } from '../domain/query.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { RouterDependencies } from './dependencies.ts';

/** What a result tells besides the answer and how it came about. */
export interface ResultContext {
  readonly query: Query;
  readonly decision: Decision;
  /** From the request's arrival to the answer, in milliseconds. */
  readonly processingMs: number;
  /** Empty when the request was not traced. */
  readonly traceId: string;
  readonly stages: readonly StageTiming[];
}

/** Gives the result of a request whose plan was carried out. */
export function resultOf(
  { answer, moduleId, attempts, coldStartMs, firstModuleId, continuation = false }: ExecutionResult,
  { query, decision, processingMs, traceId, stages }: ResultContext,
  { policy }: Pick<RouterDependencies, 'policy'>,
): RouteResult {
  const { queryClass, probability } = decision.classification;
  return {
    answer,
    moduleId,
    attempts,
    coldStartMs,
    firstModuleId,
    continuation,
    requestId: query.requestId,
    queryClass,
    queryClassProbability: probability,
    fallbackUsed: moduleId !== (firstModuleId ?? decision.plan.steps[0]?.moduleId),
    processingMs,
    cost: attempts.reduce((sum, attempt) => sum + attempt.cost, 0),
    cacheHit: false,
    traceId,
    priority: priorityOf(query),
    brownOut: decision.plan.brownOut,
    explanation: query.explain ? explain(decision, policy, stages) : undefined,
  };
}

/** Gives the result of a request whose answer was made for an earlier one. */
export function cachedResultOf(
  { answer, moduleId }: Pick<ExecutionResult, 'answer' | 'moduleId'>,
  context: ResultContext,
  dependencies: Pick<RouterDependencies, 'policy'>,
): RouteResult {
  const result = resultOf({ answer, moduleId, attempts: [], coldStartMs: 0 }, context, dependencies);
  return { ...result, fallbackUsed: false, cacheHit: true, brownOut: undefined };
}
