import type { Context } from '../../core/telemetry/tracing.ts';
import type { JudgedAnswer, JudgePriors } from '../domain/answer.ts';
import type { Query } from '../domain/query.ts';
import type { Patience } from '../resilience/patience.ts';

/** One call of a module. */
export interface ModuleCall {
  readonly query: Query;
  readonly priors: JudgePriors;
  readonly tenant: string;
  readonly signal: AbortSignal;
  /** When to stop waiting, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly traceContext: Context;
  /** Limits for the stages; the module's own when left out. */
  readonly patience?: Patience | undefined;
}

/** What a streamed answer is made of: tokens in order, then the whole answer. A token without text is a sign of life. */
export type StreamPiece =
  | { readonly kind: 'token'; readonly text: string; readonly index: number }
  | { readonly kind: 'answer'; readonly answer: JudgedAnswer };

/** Calls modules over the mesh. Both throw a FrontierError. */
export interface ModuleCaller {
  execute(moduleId: string, call: ModuleCall): Promise<JudgedAnswer>;
  /** @param pieces whether tokens are wanted, or only signs of life before the answer */
  stream(moduleId: string, call: ModuleCall, pieces: 'tokens' | 'beats'): AsyncIterable<StreamPiece>;
}
