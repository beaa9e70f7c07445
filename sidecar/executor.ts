import type { Clock } from '../core/clock.ts';
import { FrontierError, toFrontierError } from '../core/errors.ts';
import type { Reason } from '../core/errors.ts';
import type { Logger } from '../core/logging.ts';
import type { TraceHeaders } from '../core/telemetry/tracing.ts';
import type { AnswerPayload, JudgePriors, ModuleMessage } from '../gen/frontier/common/v1/message.ts';
import type { Adapter, BatchResult, WorkloadCall } from './adapters/adapter.ts';
import { unlessEchoed } from './adapters/lost-resource.ts';
import { startCallSpan } from './call-span.ts';
import { startCallTimeout } from './call-timeout.ts';
import { durationOf } from './durations.ts';
import { demandsJson } from './json-answer.ts';
import { judge } from './judge.ts';
import { createLoopWatch } from './loop-watch.ts';
import type { MessageMaker } from './messages.ts';
import type { SidecarMetrics } from './metrics.ts';
import { receive } from './receive.ts';
import type { ReceivedQuery } from './receive.ts';
import { createProbabilityMean } from './self-assessment.ts';
import { tightened } from './stage-limits.ts';
import type { StageLimits } from './stage-limits.ts';
import { cutAnswer, wholeAnswer } from './streamed-answer.ts';

/** Where a query comes from. */
export interface CallOrigin {
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch. */
  readonly deadlineMs: number | undefined;
  readonly trace: TraceHeaders;
  /** Tighter limits that the caller asks for (see stage-limits.ts). */
  readonly patience?: string;
  /** Whether the caller wants signs of life while nothing comes. */
  readonly beats?: boolean;
  /** Whether the caller wants no tokens, only the answer. */
  readonly beatsOnly?: boolean;
}

export interface ExecutorOptions {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: SidecarMetrics;
  readonly messages: MessageMaker;
  readonly ownPriors: JudgePriors;
  readonly limits: StageLimits;
  /** Aborts when a drain's time is up: what is still running is cut off. */
  readonly abandon: AbortSignal;
}

/** Carries checked queries to the workload and judges what comes back. It does not bound how many run: its caller does. */
export interface Executor {
  /** Checks an envelope. Throws what is wrong with it. */
  receive(message: ModuleMessage | undefined): ReceivedQuery;
  /** Gives the judged answer. Throws a FrontierError. */
  execute(received: ReceivedQuery, origin: CallOrigin): Promise<ModuleMessage>;
  /** Gives tokens, then the judged answer. Throws a FrontierError. */
  stream(received: ReceivedQuery, origin: CallOrigin): AsyncGenerator<ModuleMessage, void, undefined>;
  /** Gives an answer or an error for each query, in their order; never throws. Only while `batching` is true. */
  batch(received: readonly ReceivedQuery[], origin: CallOrigin): Promise<readonly ModuleMessage[]>;
  readonly batching: boolean;
  /** Gives a sign of life: a token without text. */
  beat(message: ModuleMessage | undefined): ModuleMessage;
  /** Counts a failure and gives its message. */
  failure(message: ModuleMessage, thrown: unknown): ModuleMessage;
  /** Counts and logs a failure and gives it as a FrontierError. */
  recordFailure(thrown: unknown): FrontierError;
  /** Running mean of the workload's time, in milliseconds; 0 before the first answer. */
  readonly meanMs: number;
}

/** A call of the workload while it runs. */
interface RunningCall extends WorkloadCall {
  readonly startMs: number;
  progress(text: string): void;
  fail(error: unknown): void;
  end(): void;
}

/** Weight of the newest answer in the running mean of the workload's time. */
const MEAN_WEIGHT = 0.1;
/** A workload whose answers take less is asked for whole ones: a bound on the whole is then as good as one on each stage, and cheaper. */
const FAST_MS = 250;
const FAST_AFTER_ANSWERS = 20;

const EMPTY_MESSAGE: ModuleMessage = { header: undefined, payload: undefined, metadata: undefined };

/** Gives an executor over one workload. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { adapter, clock, log, metrics, messages, ownPriors, limits: ownLimits, abandon } = options;
  let meanMs = 0;
  let answered = 0;

  const finish = (
    { message, query, priors }: ReceivedQuery,
    answer: AnswerPayload,
    startMs: number,
    truncated = false,
  ): ModuleMessage => {
    if (answer.content.trim() === '' && answer.attachments.length === 0) {
      throw new FrontierError('MODULE_EMPTY_REPLY', 'the workload gave an empty answer');
    }
    const tookMs = clock.monotonicMs() - startMs;
    answered += 1;
    meanMs = meanMs === 0 ? tookMs : meanMs + MEAN_WEIGHT * (tookMs - meanMs);
    const mustBeJson = demandsJson(query.parameters);
    answer.confidence = judge({ query: query.query, answer, seconds: tookMs / 1000, priors, truncated, mustBeJson });
    answer.processingTime ??= durationOf(tookMs);
    metrics.answered(answer, tookMs / 1000);
    return messages.answer(message, answer);
  };
  const startCall = (name: string, origin: CallOrigin, streaming: boolean): RunningCall => {
    const span = startCallSpan(name, 'client', origin.trace);
    const { requestMs } = ownLimits;
    const limits = streaming ? tightened(ownLimits, origin.patience) : { requestMs };
    const time = startCallTimeout({ clock, limits, signals: [origin.signal, abandon] });
    let failed: unknown;
    return {
      signal: time.signal,
      deadlineMs: Math.min(origin.deadlineMs ?? Number.POSITIVE_INFINITY, clock.nowMs() + requestMs),
      trace: span.trace,
      startMs: clock.monotonicMs(),
      progress: time.progress,
      fail: (error) => {
        failed = error;
      },
      end: () => {
        time.close();
        span.end(failed);
      },
    };
  };

  const recordFailure = (thrown: unknown): FrontierError => {
    const error = toFrontierError(thrown);
    metrics.failed(error.reason);
    if (error.reason === 'INTERNAL') log.error({ event: 'query_failed', err: error.cause });
    else log.debug({ event: 'query_failed', reason: error.reason, message: error.message });
    return error;
  };
  const failure = (message: ModuleMessage, thrown: unknown): ModuleMessage =>
    messages.error(message, recordFailure(thrown));

  /** Whether a whole answer is better asked for piece by piece, so that a stall or a drip is seen. */
  const watches = (): boolean => adapter.streams && !(answered >= FAST_AFTER_ANSWERS && meanMs < FAST_MS);

  const execute = async (received: ReceivedQuery, origin: CallOrigin): Promise<ModuleMessage> => {
    if (watches()) {
      for await (const message of stream(received, { ...origin, beatsOnly: true })) return message;
    }
    const call = startCall('workload.invoke', origin, false);
    try {
      return finish(received, await adapter.invoke(received, call), call.startMs);
    } catch (thrown) {
      const error = unlessEchoed(thrown, received.query);
      call.fail(error);
      throw error;
    } finally {
      call.end();
    }
  };

  async function* stream(received: ReceivedQuery, origin: CallOrigin): AsyncGenerator<ModuleMessage, void, undefined> {
    const call = startCall('workload.stream', origin, true);
    const probabilities = createProbabilityMean();
    const pieces: string[] = [];
    const loop = createLoopWatch();
    try {
      for await (const event of adapter.invokeStream(received, call)) {
        if (event.kind === 'answer') {
          const answer = wholeAnswer(event, pieces, probabilities.value());
          yield finish(received, answer, call.startMs, event.truncated);
          return;
        }
        call.progress(event.text);
        // Hidden reasoning: a sign of life, and no part of the answer.
        if (event.text === '') continue;
        probabilities.add(event.probability);
        pieces.push(event.text);
        if (origin.beatsOnly !== true) {
          yield messages.token(received.message, event.text, pieces.length - 1, event.probability);
        }
        if (!loop.add(event.text)) continue;
        // It would go on until the deadline, and be rejected then: whoever is next is better asked now.
        yield finish(received, cutAnswer(pieces, probabilities.value()), call.startMs, true);
        return;
      }
    } catch (thrown) {
      const error = unlessEchoed(thrown, received.query);
      call.fail(error);
      throw withTokens(error, pieces.length);
    } finally {
      call.end();
    }
  }

  const settle = (received: ReceivedQuery, result: BatchResult | undefined, startMs: number): ModuleMessage => {
    try {
      if (result?.ok === true) return finish(received, result.answer, startMs);
      return failure(received.message, unlessEchoed(result?.error, received.query));
    } catch (error) {
      return failure(received.message, error);
    }
  };

  const batch = async (received: readonly ReceivedQuery[], origin: CallOrigin): Promise<readonly ModuleMessage[]> => {
    const call = startCall('workload.batch', origin, false);
    try {
      const results = (await adapter.invokeBatch?.(received, call)) ?? [];
      return received.map((query, index) => settle(query, results[index], call.startMs));
    } catch (error) {
      call.fail(error);
      if (mayBeOneQuery(error) && received.length > 1)
        return await Promise.all(received.map((one) => alone(one, origin)));
      return received.map(({ message, query }) => failure(message, unlessEchoed(error, query)));
    } finally {
      call.end();
    }
  };
  const alone = async (received: ReceivedQuery, origin: CallOrigin): Promise<ModuleMessage> => {
    try {
      return await execute(received, origin);
    } catch (error) {
      return failure(received.message, error);
    }
  };

  return {
    receive: (message) => receive(message, ownPriors, clock.nowMs()),
    execute,
    stream,
    batch,
    get batching() {
      return adapter.invokeBatch !== undefined;
    },
    beat: (message) => messages.token(message ?? EMPTY_MESSAGE, '', 0, undefined),
    failure,
    recordFailure,
    get meanMs() {
      return meanMs;
    },
  };
}

/** A batch that fails as a whole may do so for one bad query: each is then tried alone, unless the workload itself is the matter. */
function mayBeOneQuery(error: unknown): boolean {
  return !WORKLOAD_REASONS.has(toFrontierError(error).reason);
}

const WORKLOAD_REASONS: ReadonlySet<Reason> = new Set<Reason>([
  'MODULE_TIMEOUT',
  'MODULE_UNAVAILABLE',
  'MODULE_OVERLOADED',
  'STREAM_BROKEN',
  'DRAINING',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
]);

/** Gives an error that tells how many pieces had come, so that what was spent on them can be told. */
function withTokens(thrown: unknown, pieces: number): unknown {
  if (pieces === 0 || !(thrown instanceof FrontierError)) return thrown;
  const { reason, message, metadata, cause, retryAfterMs } = thrown;
  return new FrontierError(reason, message, {
    cause,
    metadata: { ...metadata, completion_tokens: String(pieces) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
