import type { FrontierError } from '../../core/errors.ts';
import type { AttemptRecord, JudgedAnswer } from '../domain/answer.ts';
import { ExhaustedError } from '../domain/exhausted-error.ts';
import type { HoldBack } from './hold-back.ts';

/** How an attempt came out, as far as the rest of the plan is concerned. */
export type NotedOutcome =
  | {
      readonly kind: 'answered';
      readonly answer: JudgedAnswer;
      readonly record: AttemptRecord;
      readonly tokens?: HoldBack;
    }
  | { readonly kind: 'failed'; readonly error: FrontierError; readonly record: AttemptRecord };

/** What has come of a plan so far. */
export interface Progress {
  readonly attempts: AttemptRecord[];
  /** Answer with the highest score. */
  best: { readonly answer: JudgedAnswer; readonly moduleId: string; readonly tokens?: HoldBack } | undefined;
  lastError: FrontierError | undefined;
  /** Time that was waited for modules to start, in milliseconds. */
  coldStartMs: number;
  /** What was sent of an answer that broke and is to be gone on from; empty when nothing was. */
  partial: string;
}

/** Progress before the first attempt. */
export function createProgress(): Progress {
  return { attempts: [], best: undefined, lastError: undefined, coldStartMs: 0, partial: '' };
}

/** Notes how an attempt came out. */
export function note(progress: Progress, outcome: NotedOutcome): void {
  progress.attempts.push(outcome.record);
  if (outcome.kind === 'failed') {
    progress.lastError = outcome.error;
    return;
  }
  const { answer, record, tokens } = outcome;
  const score = progress.best?.answer.confidence.score ?? -1;
  if (answer.confidence.score > score)
    progress.best = { answer, moduleId: record.moduleId, ...(tokens === undefined ? {} : { tokens }) };
}

/** Error of a plan that came to no answer: the only attempt's own, or ALL_ATTEMPTS_FAILED with the reason of each. */
export function exhausted({ attempts, lastError }: Progress): FrontierError {
  if (attempts.length === 1 && lastError !== undefined) return lastError;
  const each = attempts.map(({ moduleId, reason }) => `${moduleId}: ${reason ?? 'accepted'}`).join(', ');
  return new ExhaustedError(`no module could answer (${each})`, attempts, {
    metadata: Object.fromEntries(attempts.map(({ moduleId, reason }) => [moduleId, reason ?? ''])),
    ...(lastError?.retryAfterMs === undefined ? {} : { retryAfterMs: lastError.retryAfterMs }),
  });
}
