import type { Reason } from '../../core/errors.ts';
import type { Plan, PlanStep } from '../decide/plan.ts';
import type { ExecutionResult, JudgedAnswer } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import type { Activator } from './activation.ts';
import {
  attempt,
  failedRecord,
  throwIfOver,
  type AttemptDependencies,
  type AttemptOutcome,
  type AttemptRequest,
} from './attempt.ts';
import { attemptFailure } from './attempt-failure.ts';
import { createProgress, exhausted, note, type Progress } from './progress.ts';

export interface ExecutionDependencies extends AttemptDependencies {
  readonly activator: Activator;
}

/**
 * Carries out a plan, one module after another, until an answer is accepted. When every answer was rejected, gives the one
 * with the highest score, with its honest report. Throws when there is no answer at all: the only attempt's
 * error, ALL_ATTEMPTS_FAILED after several, STREAM_BROKEN and the like when shown tokens may not be taken back, or why the
 * request itself is over.
 */
export async function* executeSequentially(
  plan: Plan,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  const progress = createProgress();
  for (const [at, step] of plan.steps.entries()) {
    throwIfOver(request, dependencies.clock);
    const previous = plan.steps[at - 1];
    if (previous !== undefined) yield { kind: 'fallback', fromModuleId: previous.moduleId, toModuleId: step.moduleId };
    const outcome = yield* takeStep(step, request, dependencies, progress);
    note(progress, outcome);
    if (outcome.kind === 'answered' && outcome.record.accepted)
      return conclude(progress, step.moduleId, outcome.answer);

    const committed = outcome.shown && request.query.streamFailurePolicy === 'no_restart';
    if (committed) return concludeCommitted(progress, step.moduleId, outcome);
    const isLast = at === plan.steps.length - 1;
    const isBest = outcome.kind === 'answered' && progress.best?.answer === outcome.answer;
    if (!(isLast && isBest)) yield failureEvent(step.moduleId, outcome);
  }
  if (progress.best !== undefined) return conclude(progress, progress.best.moduleId, progress.best.answer);
  throw exhausted(progress);
}

/** Starts the step's module if need be, and calls it. */
async function* takeStep(
  { moduleId }: PlanStep,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
  progress: Progress,
): AsyncGenerator<ExecutionEvent, AttemptOutcome, undefined> {
  const { board, activator, clock } = dependencies;
  if (board.record(moduleId)?.readyReplicas !== 0) return yield* attempt(moduleId, request, dependencies);
  const startedMs = clock.monotonicMs();
  try {
    for await (const update of activator.wait(moduleId, request.signal)) yield { kind: 'warming', moduleId, ...update };
    board.markReady(moduleId);
  } catch (thrown) {
    throwIfOver(request, clock);
    const error = attemptFailure(moduleId, thrown, false);
    return {
      kind: 'failed',
      error,
      record: failedRecord(moduleId, error, clock.monotonicMs() - startedMs),
      shown: false,
    };
  } finally {
    progress.coldStartMs += clock.monotonicMs() - startedMs;
  }
  return yield* attempt(moduleId, request, dependencies);
}

function conclude({ attempts, coldStartMs }: Progress, moduleId: string, answer: JudgedAnswer): ExecutionResult {
  return { answer, moduleId, attempts, coldStartMs };
}

/** Ends an execution whose shown tokens stand: a rejected answer is given as it is, a broken one is an error. */
function concludeCommitted(progress: Progress, moduleId: string, outcome: AttemptOutcome): ExecutionResult {
  if (outcome.kind === 'failed') throw outcome.error;
  return conclude(progress, moduleId, outcome.answer);
}

function failureEvent(moduleId: string, outcome: AttemptOutcome): ExecutionEvent {
  const reason: Reason = outcome.kind === 'failed' ? outcome.error.reason : 'LOW_CONFIDENCE';
  const detail = outcome.kind === 'failed' ? outcome.error.message : rejectionText(outcome.answer);
  return { kind: 'attempt_failed', moduleId, reason, discard: outcome.shown, detail };
}

function rejectionText({ confidence }: JudgedAnswer): string {
  return `the score of ${confidence.score.toFixed(2)} is under the threshold of ${confidence.threshold.toFixed(2)}`;
}
