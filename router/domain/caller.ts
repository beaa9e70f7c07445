import type { Context } from '../../core/telemetry/tracing.ts';
import type { StreamReader } from '../resilience/hold-rule.ts';
import type { Principal } from './principal.ts';
import type { Priority } from './priority.ts';

/** A caller, authenticated. */
export interface Caller {
  readonly principal: Principal;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; undefined when it gave no deadline. */
  readonly deadlineMs: number | undefined;
  /** Trace that the request belongs to. */
  readonly traceContext: Context;
  /** Priority that the request's headers ask for, where the query itself names none. */
  readonly priority?: Priority | undefined;
  /** How the caller reads streams; our own events when left out. */
  readonly reader?: StreamReader;
}
