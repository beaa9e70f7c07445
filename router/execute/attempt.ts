import type { Clock } from '../../core/clock.ts';
import type { QueryClass } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { jitter, type Rng } from '../../core/rng.ts';
import { startSpan, type Context } from '../../core/telemetry/tracing.ts';
import { costOf } from '../decide/cost.ts';
import type { AttemptRecord, JudgedAnswer } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import type { Query } from '../domain/query.ts';
import { isAccepted } from '../pipeline/judge.ts';
import type { CallEnd, ModuleBoard } from '../resilience/module-board.ts';
import { attemptFailure, isModulesFault, mayBeMeshLag } from './attempt-failure.ts';
import type { ModuleCall, ModuleCaller } from './module-caller.ts';
import { priorsFor } from './priors.ts';

export interface AttemptDependencies {
  readonly board: ModuleBoard;
  readonly caller: ModuleCaller;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What an attempt is about. */
export interface AttemptRequest {
  readonly query: Query;
  readonly queryClass: QueryClass;
  readonly tenant: string;
  readonly signal: AbortSignal;
  /** The request's own deadline, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly streaming: boolean;
  readonly traceContext: Context;
}

/** How an attempt ended. `shown` tells whether tokens of it have been given out. */
export type AttemptOutcome =
  | {
      readonly kind: 'answered';
      readonly answer: JudgedAnswer;
      readonly record: AttemptRecord;
      readonly shown: boolean;
    }
  | { readonly kind: 'failed'; readonly error: FrontierError; readonly record: AttemptRecord; readonly shown: boolean };

/** Longest pause before a call is repeated that the mesh could not deliver yet, in milliseconds. */
const MAX_LAG_BACKOFF_MS = 100;
const FIRST_LAG_BACKOFF_MS = 10;
/** Longest time that a timer can be set to, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls one module once, and tells the board how it went. Throws only when the request itself is over: cancelled, or past
 * its deadline.
 */
export async function* attempt(
  moduleId: string,
  request: AttemptRequest,
  dependencies: AttemptDependencies,
): AsyncGenerator<ExecutionEvent, AttemptOutcome, undefined> {
  const { board, clock } = dependencies;
  const startedMs = clock.monotonicMs();
  const elapsed = (): number => clock.monotonicMs() - startedMs;
  const record = board.record(moduleId);
  if (record === undefined || !board.begin(moduleId)) return refused(moduleId);

  const { span, context } = startSpan('router.attempt', {
    attributes: { 'frontier.module': moduleId },
    parent: request.traceContext,
  });
  const received = { shown: false };
  const told = { board: false };
  const end = (how: CallEnd): void => {
    told.board = true;
    board.end(moduleId, request.queryClass, how);
  };
  try {
    const answer = yield* receive(moduleId, { ...request, traceContext: context }, dependencies, received);
    const { score } = answer.confidence;
    const accepted = isAccepted(answer);
    const latencyMs = elapsed();
    end({ kind: 'answered', accepted, confidence: score, latencyMs });
    span.setAttributes({ 'frontier.accepted': accepted, 'frontier.confidence': score });
    const cost = costOf(record.spec, answer.usage);
    const reason = accepted ? undefined : 'LOW_CONFIDENCE';
    const fullRecord = { moduleId, accepted, reason, latencyMs, cost, confidenceScore: score } as const;
    return { kind: 'answered', answer, record: fullRecord, shown: received.shown };
  } catch (thrown) {
    throwIfOver(request, clock);
    const error = attemptFailure(moduleId, thrown, received.shown);
    const latencyMs = elapsed();
    end({ kind: 'failed', modulesFault: isModulesFault(error), latencyMs });
    span.setAttributes({ 'frontier.accepted': false, 'frontier.reason': error.reason });
    return { kind: 'failed', error, record: failedRecord(moduleId, error, latencyMs), shown: received.shown };
  } finally {
    if (!told.board) end({ kind: 'released' });
    span.end();
  }
}

function refused(moduleId: string): AttemptOutcome {
  const error = new FrontierError('BREAKER_OPEN', `${moduleId} has failed repeatedly and is given time to recover`, {
    metadata: { module_id: moduleId },
  });
  return { kind: 'failed', error, record: failedRecord(moduleId, error, 0), shown: false };
}

/** Record of an attempt that brought no answer. */
export function failedRecord(moduleId: string, error: FrontierError, latencyMs: number): AttemptRecord {
  return { moduleId, accepted: false, reason: error.reason, latencyMs, cost: 0, confidenceScore: undefined };
}

/** Throws why the request is over, if it is: then no other module is to be tried either. */
export function throwIfOver({ signal, deadlineMs }: Pick<AttemptRequest, 'signal' | 'deadlineMs'>, clock: Clock): void {
  signal.throwIfAborted();
  if (clock.nowMs() >= deadlineMs)
    throw new FrontierError('DEADLINE_EXCEEDED', 'the deadline passed before an answer was found');
}

/** Whether tokens of an attempt have been given out. */
interface Received {
  shown: boolean;
}

/** Gives a module's answer; while the mesh may lag behind a fresh start, a call that it refuses is repeated. */
async function* receive(
  moduleId: string,
  request: AttemptRequest,
  dependencies: AttemptDependencies,
  received: Received,
): AsyncGenerator<ExecutionEvent, JudgedAnswer, undefined> {
  const { board, caller, clock, rng } = dependencies;
  for (let backoffMs = FIRST_LAG_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, MAX_LAG_BACKOFF_MS)) {
    try {
      const call = callOf(moduleId, request, dependencies);
      if (!request.streaming) return await caller.execute(moduleId, call);
      return yield* receiveStream(moduleId, call, dependencies, received);
    } catch (error) {
      if (received.shown || !mayBeMeshLag(error) || !board.isFresh(moduleId)) throw error;
      throwIfOver(request, clock);
      await clock.sleep(jitter(backoffMs, 0.2, rng), request.signal);
    }
  }
}

/** One call of the module, with the time that it may take: its own limit, or what is left of the request's. */
function callOf(moduleId: string, request: AttemptRequest, { board, clock }: AttemptDependencies): ModuleCall {
  const record = board.record(moduleId);
  const limitMs = record === undefined ? Infinity : clock.nowMs() + record.spec.timeouts.request * 1000;
  return {
    query: request.query,
    priors: priorsFor(record, request.queryClass),
    tenant: request.tenant,
    signal: request.signal,
    deadlineMs: Math.min(limitMs, request.deadlineMs),
    traceContext: request.traceContext,
  };
}

/** Streams an answer, and gives up when its first piece takes too long. */
async function* receiveStream(
  moduleId: string,
  call: ModuleCall,
  { board, caller, clock }: AttemptDependencies,
  received: Received,
): AsyncGenerator<ExecutionEvent, JudgedAnswer, undefined> {
  const late = new AbortController();
  const limitMs = (board.record(moduleId)?.spec.timeouts.first_token ?? Infinity) * 1000;
  const cancelTimer = clock.after(Math.min(limitMs, MAX_TIMER_MS), () => {
    late.abort(new FrontierError('MODULE_TIMEOUT', `no token came within ${limitMs / 1000} s`));
  });
  try {
    const signal = AbortSignal.any([call.signal, late.signal]);
    for await (const piece of caller.stream(moduleId, { ...call, signal })) {
      cancelTimer();
      if (piece.kind === 'answer') return piece.answer;
      received.shown = true;
      yield { kind: 'token', text: piece.text, index: piece.index, moduleId };
    }
  } finally {
    cancelTimer();
  }
  throw new FrontierError('MODULE_BAD_REPLY', 'the stream ended without an answer');
}
