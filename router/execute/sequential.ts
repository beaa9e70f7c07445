import type { Reason } from '../../core/errors.ts';
import { FrontierError } from '../../core/errors.ts';
import { jitter } from '../../core/rng.ts';
import type { Plan, PlanStep } from '../decide/plan.ts';
import type { ExecutionResult, JudgedAnswer } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import { canAfford, secondChance } from '../resilience/second-chance.ts';
import {
  attempt,
  failedOutcome,
  throwIfOver,
  type AttemptOutcome,
  type AttemptRequest,
  type AttemptStep,
} from './attempt.ts';
import { attemptFailure } from './attempt-failure.ts';
import { continuationOf, withPartial } from './continuation.ts';
import type { ExecutionDependencies } from './execution-dependencies.ts';
import { createProgress, exhausted, note, type Progress } from './progress.ts';
import { waitForStart } from './wait-for-start.ts';

/** Pause before a module is asked a second time, in milliseconds. */
const RETRY_PAUSE_MS = 50;

/**
 * Carries out a plan, one module after another, until an answer is accepted. When every answer was rejected, gives the one
 * with the highest score, with its honest report. When no module has given any answer, the most promising one is asked once
 * more, if the retry budget allows. Throws when there is no answer at all: the only attempt's
 * error, ALL_ATTEMPTS_FAILED after several, STREAM_BROKEN and the like when shown tokens may not be taken back, or why the
 * request itself is over.
 */
export async function* executeSequentially(
  plan: Plan,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
  progress: Progress = createProgress(),
): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  const { clock } = dependencies;
  let previous = progress.attempts.at(-1)?.moduleId;
  for (const [at, step] of plan.steps.entries()) {
    throwIfOver(request, clock);
    const { maxCost } = request.query;
    if (!canAfford(progress.attempts, step.expectedCost, maxCost)) continue;
    if (previous !== undefined) yield { kind: 'fallback', fromModuleId: previous, toModuleId: step.moduleId };
    previous = step.moduleId;
    const isLast = at === plan.steps.length - 1;
    const result = yield* tryStep(step, { othersRemain: !isLast, mayStand: isLast }, request, dependencies, progress);
    if (result !== undefined) return result;
  }
  return yield* concludePlan(plan.steps, request, dependencies, progress);
}

/**
 * Ends a plan whose every step has been tried: with the best rejected answer, else by asking the most promising module once more,
 * else by throwing.
 */
export async function* concludePlan(
  steps: readonly PlanStep[],
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
  progress: Progress,
): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  const { retryBudget, clock, rng } = dependencies;
  if (hasAnswer(progress)) return yield* concludeBest(progress);
  const again = secondChance(steps, progress.attempts);
  if (again !== undefined && retryBudget.withdraw()) {
    await clock.sleep(jitter(RETRY_PAUSE_MS, 0.5, rng), request.signal);
    throwIfOver(request, clock);
    const result = yield* tryStep(again, { othersRemain: false, mayStand: true }, request, dependencies, progress);
    if (result !== undefined) return result;
    if (hasAnswer(progress)) return yield* concludeBest(progress);
  }
  throw exhausted(progress);
}

function hasAnswer({ best }: Progress): boolean {
  return best !== undefined;
}

interface StepPlace {
  /** Whether another module could answer after this one. */
  readonly othersRemain: boolean;
  /** Whether a rejected answer may be the one that is given in the end, so that its tokens are not to be discarded. */
  readonly mayStand: boolean;
}

/** Carries out one step; gives the result when the plan ends with it. */
async function* tryStep(
  step: PlanStep,
  { othersRemain, mayStand }: StepPlace,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
  progress: Progress,
): AsyncGenerator<ExecutionEvent, ExecutionResult | undefined, undefined> {
  const query = continuationOf(request.query, progress.partial);
  const outcome = yield* takeStep(
    { moduleId: step.moduleId, othersRemain },
    { ...request, query },
    dependencies,
    progress,
  );
  return yield* settle(step, outcome, { mayStand }, request, progress);
}

/** Draws the consequences of one attempt; gives the result when the plan ends with it. */
export async function* settle(
  { moduleId }: PlanStep,
  ended: AttemptOutcome,
  { mayStand }: Pick<StepPlace, 'mayStand'>,
  request: AttemptRequest,
  progress: Progress,
): AsyncGenerator<ExecutionEvent, ExecutionResult | undefined, undefined> {
  const outcome = withPartial(ended, progress.partial);
  await Promise.resolve();
  note(progress, outcome);
  const { tokens } = outcome;
  const isAccepted = outcome.kind === 'answered' && outcome.record.accepted;
  const isBest = outcome.kind === 'answered' && progress.best?.answer === outcome.answer;
  const policy = request.query.streamFailurePolicy;
  const committed = tokens.shown && policy !== 'restart';
  if (isAccepted || (mayStand && isBest) || (committed && outcome.kind === 'answered')) {
    // What could not be accepted stands with its honest report, when nothing better can follow it.
    yield* tokens.release();
    return conclude(progress, moduleId, outcome.answer);
  }
  if (committed && policy === 'no_restart') throw outcome.kind === 'failed' ? outcome.error : exhausted(progress);
  if (committed) progress.partial += tokens.shownText;
  yield failureEvent(moduleId, outcome, tokens.shown && !committed);
  // A partial answer that was sent stands: nothing but its continuation can be given any more.
  if (progress.partial !== '') progress.best = undefined;
  return undefined;
}

/** Starts the step's module if need be, and calls it. */
export async function* takeStep(
  step: AttemptStep,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
  progress: Progress,
): AsyncGenerator<ExecutionEvent, AttemptOutcome, undefined> {
  const { board, clock } = dependencies;
  const { moduleId } = step;
  if (board.record(moduleId)?.readyReplicas !== 0) return yield* attempt(step, request, dependencies);
  const startedMs = clock.monotonicMs();
  try {
    yield* waitForStart(step, request, dependencies);
    board.markReady(moduleId);
  } catch (thrown) {
    throwIfOver(request, clock);
    return failedOutcome(moduleId, attemptFailure(moduleId, thrown, false), clock.monotonicMs() - startedMs);
  } finally {
    progress.coldStartMs += clock.monotonicMs() - startedMs;
  }
  return yield* attempt(step, request, dependencies);
}

/** Gives the best of rejected answers; its tokens too, when none of another one stand. */
async function* concludeBest(progress: Progress): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  const { best } = progress;
  if (best === undefined) throw new FrontierError('INTERNAL', 'there is no answer to give');
  await Promise.resolve();
  yield* best.tokens?.release() ?? [];
  return conclude(progress, best.moduleId, best.answer);
}

/** Gives the result of an execution that ends with an answer. */
export function conclude(progress: Progress, moduleId: string, answer: JudgedAnswer): ExecutionResult {
  const { attempts, coldStartMs, partial } = progress;
  return { answer, moduleId, attempts, coldStartMs, continuation: partial !== '' };
}

/** Event that tells of an attempt whose answer is not given. */
export function failureEvent(moduleId: string, outcome: AttemptOutcome, discard: boolean): ExecutionEvent {
  const reason: Reason = outcome.kind === 'failed' ? outcome.error.reason : 'LOW_CONFIDENCE';
  const detail = outcome.kind === 'failed' ? outcome.error.message : rejectionText(outcome.answer);
  return { kind: 'attempt_failed', moduleId, reason, discard, detail };
}

function rejectionText({ confidence, finishReason }: JudgedAnswer): string {
  const score = `the score of ${confidence.score.toFixed(2)}`;
  if (confidence.score >= confidence.threshold)
    return `${score} would do, but the answer is not whole (${finishReason})`;
  return `${score} is under the threshold of ${confidence.threshold.toFixed(2)}`;
}
