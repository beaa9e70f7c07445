import type { Reason } from '../../core/errors.ts';
import type { Decision } from '../decide/decide.ts';
import type { ConfidenceReport, TokenUsage } from './answer.ts';
import type { RouteResult } from './route-result.ts';

/** What happens while a plan is carried out. */
export type ExecutionEvent =
  | {
      readonly kind: 'warming';
      readonly moduleId: string;
      readonly progress: number;
      readonly expectedReadyAtMs: number | undefined;
      readonly stage: string;
    }
  | { readonly kind: 'token'; readonly text: string; readonly index: number; readonly moduleId: string }
  | {
      readonly kind: 'attempt_failed';
      readonly moduleId: string;
      readonly reason: Reason;
      readonly discard: boolean;
      readonly detail: string;
    }
  | { readonly kind: 'fallback'; readonly fromModuleId: string; readonly toModuleId: string };

/** One event of a streamed answer; `done` is the last. */
export type RouteEvent =
  | { readonly kind: 'decision'; readonly decision: Decision; readonly requestId: string }
  | ExecutionEvent
  | { readonly kind: 'confidence'; readonly report: ConfidenceReport }
  | { readonly kind: 'usage'; readonly usage: TokenUsage }
  | { readonly kind: 'done'; readonly result: RouteResult };
