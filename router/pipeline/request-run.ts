import { SpanStatusCode } from '@opentelemetry/api';
import { FrontierError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import { currentTraceId, startSpan, type Context } from '../../core/telemetry/tracing.ts';
import type { StageTiming } from '../decide/explain.ts';
import type { Query } from '../domain/query.ts';
import type { Caller } from '../domain/caller.ts';

/** What one request holds while it is handled: its deadline, its span, its timings. */
export interface RequestRun {
  /** Aborts when the caller goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** In milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly traceContext: Context;
  readonly traceId: string;
  readonly stages: readonly StageTiming[];
  elapsedMs(): number;
  readonly timed: <T>(stage: string, work: () => T) => T;
  note(stage: string, ms: number): void;
  /** Throws why the request is over, if it is. */
  throwIfOver(): void;
  /** Has `release` called when the request ends, whichever way. */
  onEnd(release: () => void): void;
  fail(error: FrontierError): void;
  end(): void;
}

/** Starts to handle a request; whoever does must call `end`. */
export function beginRequest(
  query: Query,
  caller: Caller,
  { clock, requestTimeoutMs }: { clock: Clock; requestTimeoutMs: number },
): RequestRun {
  const startedMs = clock.monotonicMs();
  const nowMs = clock.nowMs();
  const deadlineMs = caller.deadlineMs ?? nowMs + requestTimeoutMs;
  const controller = new AbortController();
  const onCallerGone = (): void => {
    controller.abort(caller.signal.reason);
  };
  const expire = (): void => {
    controller.abort(new FrontierError('DEADLINE_EXCEEDED', 'the deadline passed before an answer was found'));
  };
  if (caller.signal.aborted) onCallerGone();
  else if (deadlineMs <= nowMs) expire();
  caller.signal.addEventListener('abort', onCallerGone, { once: true });
  const releases = [
    clock.after(Math.max(0, deadlineMs - nowMs), expire),
    () => {
      caller.signal.removeEventListener('abort', onCallerGone);
    },
  ];
  const { span, context } = startSpan('router.route', {
    attributes: { 'frontier.request_id': query.requestId },
    parent: caller.traceContext,
  });
  const stages: StageTiming[] = [];
  return {
    signal: controller.signal,
    deadlineMs,
    traceContext: context,
    traceId: currentTraceId(context),
    stages,
    elapsedMs: () => clock.monotonicMs() - startedMs,
    timed(stage, work) {
      const fromMs = clock.monotonicMs();
      const { span: stageSpan } = startSpan(`router.${stage}`, { parent: context });
      try {
        return work();
      } finally {
        stages.push({ stage, ms: clock.monotonicMs() - fromMs });
        stageSpan.end();
      }
    },
    note: (stage, ms) => void stages.push({ stage, ms }),
    throwIfOver: () => {
      controller.signal.throwIfAborted();
    },
    onEnd: (release) => void releases.push(release),
    fail: (error) => {
      span.setAttribute('frontier.reason', error.reason);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    },
    end() {
      for (const release of releases) release();
      span.end();
    },
  };
}
