import type { Explanation } from '../decide/explain.ts';
import type { QueryClass } from '../../core/config/schema.ts';
import type { BrownOutEffect } from '../resilience/brown-out.ts';
import type { ExecutionResult } from './answer.ts';
import type { Priority } from './priority.ts';

/** One answer to a request, with all that is told of it. */
export interface RouteResult extends ExecutionResult {
  readonly requestId: string;
  readonly queryClass: QueryClass;
  readonly queryClassProbability: number;
  /** Whether a module other than the first planned one gave the answer. */
  readonly fallbackUsed: boolean;
  /** Priority that held for the request. */
  readonly priority: Priority;
  /** What pressure has changed about the answer; left out when nothing. */
  readonly brownOut?: BrownOutEffect | undefined;
  /** From the request's arrival to the answer, in milliseconds. */
  readonly processingMs: number;
  /** Cost of all attempts. */
  readonly cost: number;
  /** Whether the answer was made for an earlier query. */
  readonly cacheHit: boolean;
  /** W3C trace id; empty when the request was not traced. */
  readonly traceId: string;
  /** Set when it was asked for. */
  readonly explanation: Explanation | undefined;
}
