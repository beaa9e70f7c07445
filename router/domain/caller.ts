import type { Context } from '../../core/telemetry/tracing.ts';
import type { StreamReader } from '../resilience/hold-rule.ts';
import type { Principal } from './principal.ts';

/** A caller, authenticated. */
export interface Caller {
  readonly principal: Principal;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; undefined when it gave no deadline. */
  readonly deadlineMs: number | undefined;
  /** Trace that the request belongs to. */
  readonly traceContext: Context;
  /** How the caller reads streams; our own events when left out. */
  readonly reader?: StreamReader;
}
