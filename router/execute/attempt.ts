import type { Clock } from '../../core/clock.ts';
import type { QueryClass } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { jitter, type Rng } from '../../core/rng.ts';
import { startSpan, type Context } from '../../core/telemetry/tracing.ts';
import { costOf, promptTokens } from '../decide/cost.ts';
import { FULL_RETRY_MS } from '../decide/eligibility.ts';
import { fullness, type Fullness } from '../decide/module-status.ts';
import type { AttemptRecord, JudgedAnswer, TokenUsage } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import type { Query } from '../domain/query.ts';
import type { CalibrationBook } from '../calibration/calibration-book.ts';
import { isAccepted } from '../pipeline/judge.ts';
import type { HoldPolicy, StreamReader } from '../resilience/hold-rule.ts';
import { holdRule } from '../resilience/hold-rule.ts';
import type { CallEnd, ModuleBoard } from '../resilience/module-board.ts';
import { attemptBounds, type AttemptBounds, type Patience } from '../resilience/patience.ts';
import type { RetryBudget } from '../resilience/retry-budget.ts';
import { attemptFailure, isModulesFault, mayBeMeshLag } from './attempt-failure.ts';
import { createHoldBack, type HoldBack } from './hold-back.ts';
import type { ModuleCall, ModuleCaller } from './module-caller.ts';
import { priorsFor } from './priors.ts';
import { withTokenCap } from './token-cap.ts';
import { startSilenceWatch } from './silence-watch.ts';

export interface AttemptDependencies {
  readonly board: ModuleBoard;
  readonly caller: ModuleCaller;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly patience: Patience;
  readonly holdPolicy: HoldPolicy;
  readonly retryBudget: RetryBudget;
  /** What scores have turned out to be worth. */
  readonly calibration: CalibrationBook;
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
  readonly reader: StreamReader;
  readonly traceContext: Context;
}

/** Which module an attempt calls, and whether another one could answer after it. */
export interface AttemptStep {
  readonly moduleId: string;
  readonly othersRemain: boolean;
}

/** How an attempt ended, and its tokens: those given out, and those that are still held back. */
export type AttemptOutcome =
  | {
      readonly kind: 'answered';
      readonly answer: JudgedAnswer;
      readonly record: AttemptRecord;
      readonly tokens: HoldBack;
    }
  | {
      readonly kind: 'failed';
      readonly error: FrontierError;
      readonly record: AttemptRecord;
      readonly tokens: HoldBack;
    };

/** Longest pause before a call is repeated that the mesh could not deliver yet, in milliseconds. */
const MAX_LAG_BACKOFF_MS = 100;
const FIRST_LAG_BACKOFF_MS = 10;

/**
 * Calls one module once, and tells the board how it went. Throws only when the request itself is over: cancelled, or past
 * its deadline.
 */
export async function* attempt(
  step: AttemptStep,
  request: AttemptRequest,
  dependencies: AttemptDependencies,
): AsyncGenerator<ExecutionEvent, AttemptOutcome, undefined> {
  const { board, clock } = dependencies;
  const { moduleId } = step;
  const startedMs = clock.monotonicMs();
  const elapsed = (): number => clock.monotonicMs() - startedMs;
  const record = board.record(moduleId);
  const full = record === undefined ? undefined : fullness(record, request.query.priority ?? 'normal');
  if (full?.isLearned === true) return shed(moduleId, full);
  if (record === undefined || !board.begin(moduleId)) return refused(moduleId, record?.breakerRetryMs);

  const { span, context } = startSpan('router.attempt', {
    attributes: { 'frontier.module': moduleId },
    parent: request.traceContext,
  });
  const tokens = createHoldBack(
    holdRule(request.reader, dependencies.holdPolicy, {
      history: record.history.get(request.queryClass),
      breaker: record.breaker.phase,
      othersRemain: step.othersRemain,
    }),
  );
  const firstTokenMs = (): number | undefined => {
    const atMs = tokens.firstAtMs;
    return atMs === undefined ? undefined : atMs - startedMs;
  };
  const told = { board: false };
  const end = (how: CallEnd): void => {
    told.board = true;
    board.end(moduleId, request.queryClass, how);
  };
  try {
    const answer = yield* receive(step, { ...request, traceContext: context }, dependencies, tokens);
    const { score, rawScore } = answer.confidence;
    const accepted = isAccepted(answer);
    const latencyMs = elapsed();
    const tokensOfAnswer = answer.usage.completionTokens;
    const seen = { latencyMs, firstTokenMs: firstTokenMs(), tokens: tokensOfAnswer };
    end({ kind: 'answered', accepted, confidence: score, rawScore, ...seen });
    span.setAttributes({ 'frontier.accepted': accepted, 'frontier.confidence': score });
    const cost = costOf(record.spec, answer.usage);
    const reason = accepted ? undefined : 'LOW_CONFIDENCE';
    const { usage } = answer;
    const fullRecord = { moduleId, accepted, reason, latencyMs, cost, confidenceScore: score, usage } as const;
    return { kind: 'answered', answer, record: fullRecord, tokens };
  } catch (thrown) {
    throwIfOver(request, clock);
    const error = attemptFailure(moduleId, thrown, tokens.count > 0);
    const latencyMs = elapsed();
    // A deadline that was too short for anyone says nothing of the module.
    const hurried = error.reason === 'MODULE_TIMEOUT' && latencyMs < dependencies.patience.betweenTokensMs;
    end({ kind: 'failed', modulesFault: isModulesFault(error) && !hurried, latencyMs, error });
    span.setAttributes({ 'frontier.accepted': false, 'frontier.reason': error.reason });
    const usage = spentUsage(request.query, error, tokens);
    const cost = usage === undefined ? 0 : costOf(record.spec, usage);
    const spent = usage === undefined ? {} : { usage, usageEstimated: true };
    return { kind: 'failed', error, record: { ...failedRecord(moduleId, error, latencyMs), cost, ...spent }, tokens };
  } finally {
    if (!told.board) end({ kind: 'released' });
    span.end();
  }
}

function refused(moduleId: string, retryAfterMs: number | undefined): AttemptOutcome {
  const error = new FrontierError('BREAKER_OPEN', `${moduleId} has failed repeatedly and is given time to recover`, {
    metadata: { module_id: moduleId },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  return failedOutcome(moduleId, error, 0);
}

/** Other calls may have taken the places since the plan was made. */
function shed(moduleId: string, { inFlight, limit }: Fullness): AttemptOutcome {
  const text = `${moduleId} has ${inFlight} queries in flight already, and is known to bear ${limit}`;
  const metadata = { module_id: moduleId };
  return failedOutcome(
    moduleId,
    new FrontierError('MODULE_OVERLOADED', text, { metadata, retryAfterMs: FULL_RETRY_MS }),
    0,
  );
}

/** Outcome of an attempt that has sent nothing. */
export function failedOutcome(moduleId: string, error: FrontierError, latencyMs: number): AttemptOutcome {
  const tokens = createHoldBack({ kind: 'none' });
  return { kind: 'failed', error, record: failedRecord(moduleId, error, latencyMs), tokens };
}

/** Record of an attempt that brought no answer. */
export function failedRecord(moduleId: string, error: FrontierError, latencyMs: number): AttemptRecord {
  return { moduleId, accepted: false, reason: error.reason, latencyMs, cost: 0, confidenceScore: undefined };
}

/** What a failed attempt has taken, as far as can be told from here: the pieces that came, and the query. */
function spentUsage(query: Query, { metadata }: FrontierError, tokens: HoldBack): TokenUsage | undefined {
  const completionTokens = Math.max(tokens.count, Number(metadata['completion_tokens'] ?? 0) || 0);
  if (completionTokens === 0) return undefined;
  return { promptTokens: promptTokens(query), completionTokens };
}

/** Throws why the request is over, if it is: then no other module is to be tried either. */
export function throwIfOver({ signal, deadlineMs }: Pick<AttemptRequest, 'signal' | 'deadlineMs'>, clock: Clock): void {
  signal.throwIfAborted();
  if (clock.nowMs() >= deadlineMs)
    throw new FrontierError('DEADLINE_EXCEEDED', 'the deadline passed before an answer was found');
}

/** Gives a module's answer; while the mesh may lag behind a fresh start, a call that it refuses is repeated. */
async function* receive(
  step: AttemptStep,
  request: AttemptRequest,
  dependencies: AttemptDependencies,
  tokens: HoldBack,
): AsyncGenerator<ExecutionEvent, JudgedAnswer, undefined> {
  const { board, caller, clock, rng } = dependencies;
  const { moduleId } = step;
  for (let backoffMs = FIRST_LAG_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, MAX_LAG_BACKOFF_MS)) {
    try {
      const bounds = boundsOf(step, request, dependencies);
      const call = callOf(moduleId, request, bounds, dependencies);
      if (bounds.form === 'whole') return await caller.execute(moduleId, call);
      return yield* receiveStream(moduleId, call, bounds, dependencies, tokens);
    } catch (error) {
      if (tokens.count > 0 || !mayBeMeshLag(error) || !board.isFresh(moduleId)) throw error;
      throwIfOver(request, clock);
      await clock.sleep(jitter(backoffMs, 0.2, rng), request.signal);
    }
  }
}

function boundsOf(
  { moduleId, othersRemain }: AttemptStep,
  { queryClass, streaming, deadlineMs }: AttemptRequest,
  { board, clock, patience }: AttemptDependencies,
): AttemptBounds {
  const record = board.record(moduleId);
  return attemptBounds({
    patience,
    tunedFirstTokenMs: record?.tunedFirstTokenMs,
    othersRemain,
    streaming,
    history: record?.history.get(queryClass),
    requestMs: record === undefined ? Infinity : record.spec.timeouts.request * 1000,
    nowMs: clock.nowMs(),
    deadlineMs,
  });
}

function callOf(
  moduleId: string,
  request: AttemptRequest,
  { deadlineMs, patience }: AttemptBounds,
  { board, calibration }: AttemptDependencies,
): ModuleCall {
  return {
    query: withTokenCap(request.query, board.record(moduleId)?.spec, request.query.tokenCap),
    priors: priorsFor(board.record(moduleId), request.queryClass, calibration),
    tenant: request.tenant,
    signal: request.signal,
    deadlineMs,
    patience,
    traceContext: request.traceContext,
  };
}

/** Streams an answer; while another module could answer, one whose sidecar falls silent is given up. */
async function* receiveStream(
  moduleId: string,
  call: ModuleCall,
  { form, patience }: AttemptBounds,
  { board, caller, clock }: AttemptDependencies,
  tokens: HoldBack,
): AsyncGenerator<ExecutionEvent, JudgedAnswer, undefined> {
  const detector = board.record(moduleId)?.signsOfLife;
  const watch = startSilenceWatch({ clock, patienceMs: patience?.betweenTokensMs, detector, signal: call.signal });
  const pieces = form === 'tokens' ? 'tokens' : 'beats';
  try {
    for await (const piece of caller.stream(moduleId, { ...call, signal: watch.signal }, pieces)) {
      watch.heard();
      if (piece.kind === 'answer') return piece.answer;
      if (piece.text === '' || form !== 'tokens') continue;
      const token = { kind: 'token', text: piece.text, index: tokens.count, moduleId } as const;
      yield* tokens.offer(token, clock.monotonicMs());
    }
  } finally {
    watch.close();
  }
  throw new FrontierError('MODULE_BAD_REPLY', 'the stream ended without an answer');
}
