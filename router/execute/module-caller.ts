import type { Context } from '../../core/telemetry/tracing.ts';
import type { JudgedAnswer, JudgePriors } from '../domain/answer.ts';
import type { Query } from '../domain/query.ts';

/** One call of a module. */
export interface ModuleCall {
  readonly query: Query;
  readonly priors: JudgePriors;
  readonly tenant: string;
  readonly signal: AbortSignal;
  /** When to stop waiting, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly traceContext: Context;
}

/** What a streamed answer is made of: tokens in order, then the whole answer. */
export type StreamPiece =
  | { readonly kind: 'token'; readonly text: string; readonly index: number }
  | { readonly kind: 'answer'; readonly answer: JudgedAnswer };

/** Calls modules over the mesh. Both throw a FrontierError. */
export interface ModuleCaller {
  execute(moduleId: string, call: ModuleCall): Promise<JudgedAnswer>;
  stream(moduleId: string, call: ModuleCall): AsyncIterable<StreamPiece>;
}
