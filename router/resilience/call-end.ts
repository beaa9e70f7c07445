import type { FrontierError } from '../../core/errors.ts';

/** How a call of a module ended. */
export type CallEnd =
  | {
      readonly kind: 'answered';
      readonly accepted: boolean;
      readonly confidence: number;
      /** Score before calibration; left out where it is the same. */
      readonly rawScore?: number;
      readonly latencyMs: number;
      /** Time to the first token; undefined when none was streamed. */
      readonly firstTokenMs?: number | undefined;
      /** Tokens of the answer; 0 or left out when they are not known. */
      readonly tokens?: number;
      /** Time at the module alone, where `latencyMs` holds a wait before it was sent. */
      readonly serviceMs?: number;
    }
  | {
      readonly kind: 'failed';
      readonly modulesFault: boolean;
      readonly latencyMs: number;
      readonly error: FrontierError;
    }
  /** Ended before it told anything of the module, e.g. because the caller cancelled. */
  | { readonly kind: 'released' };
