import type { Plan } from '../decide/plan.ts';
import type { ExecutionResult } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import type { AttemptRequest } from './attempt.ts';
import { executeSequentially, type ExecutionDependencies } from './sequential.ts';

/** Carries out a plan. Throws as executeSequentially does. */
export function executePlan(
  plan: Plan,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  return executeSequentially(plan, request, dependencies);
}
