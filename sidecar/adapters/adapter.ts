import type { FrontierError } from '../../core/errors.ts';
import type { TraceHeaders } from '../../core/telemetry/tracing.ts';
import type { AnswerPayload, ModuleMessage, QueryPayload } from '../../gen/frontier/common/v1/message.ts';

/**
 * A query on its way to the workload. The envelope goes along as it came, because a gRPC workload gets it as it is:
 * to copy it into a type of our own would cost more than all else on the bulk path.
 */
export interface WorkloadQuery {
  readonly message: ModuleMessage;
  readonly query: QueryPayload;
}

/** What surrounds one call of a workload. */
export interface WorkloadCall {
  /** Aborts with a FrontierError when the caller leaves or a time-out passes. */
  readonly signal: AbortSignal;
  /** When nobody waits any more, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly trace: TraceHeaders;
}

/** One piece of a streamed answer, or at the end the whole. A token without text is a sign of life, e.g. hidden reasoning. */
export type StreamEvent =
  | { readonly kind: 'token'; readonly text: string; readonly probability: number | undefined }
  | {
      readonly kind: 'answer';
      readonly answer: AnswerPayload;
      /** Whether the workload stopped without saying that it was finished. */
      readonly truncated?: boolean;
      /** Whether the workload does not know how to stream and gave the answer in one. */
      readonly whole?: boolean;
    };

export type BatchResult =
  { readonly ok: true; readonly answer: AnswerPayload } | { readonly ok: false; readonly error: FrontierError };

export type InvokeBatch = (queries: readonly WorkloadQuery[], call: WorkloadCall) => Promise<readonly BatchResult[]>;

/** What a workload can do. */
export interface WorkloadDescription {
  readonly name: string;
  readonly batching: boolean;
  readonly streaming: boolean;
}

/**
 * Speaks a workload's protocol. Every failure, also a reply that makes no sense, is thrown as a FrontierError with one of
 * the MODULE_* reasons, STREAM_BROKEN, or what is wrong with the query itself.
 */
export interface Adapter {
  /** Answers one query. */
  invoke(query: WorkloadQuery, call: WorkloadCall): Promise<AnswerPayload>;
  /** Whether whole answers are better asked for piece by piece, too, so that a stall or a drip shows. */
  readonly streams: boolean;
  /** Answers piece by piece: tokens, then exactly one answer as the last event. */
  invokeStream(query: WorkloadQuery, call: WorkloadCall): AsyncIterable<StreamEvent>;
  /** Answers many at once, in the order of the queries; undefined while the workload is not known to take batches. */
  readonly invokeBatch: InvokeBatch | undefined;
  /** Resolves when the workload can take queries; throws what is wrong otherwise. */
  health(signal: AbortSignal): Promise<void>;
  /** Asks what the workload can do; the adapter keeps to it from then on. */
  describe(signal: AbortSignal): Promise<WorkloadDescription>;
  close(): Promise<void>;
}
