export interface Progress {
  /** Part of the way that is done, 0..1; 1 only when ready. */
  readonly progress: number;
  /** When the module is expected to be ready, in ms since the epoch; undefined while unknown. */
  readonly expectedReadyAtMs: number | undefined;
}

export interface ProgressInput {
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** What earlier starts took; undefined before the first. */
  readonly expectedMs: number | undefined;
  readonly ready: boolean;
}

/** What is shown when the expected time is up and the module is not. */
const OVERDUE_PROGRESS = 0.9;
/** Without any experience: half of the way after this time, ever slower afterwards. */
const UNKNOWN_HALF_MS = 5000;

/**
 * Tells how far a start is. It rises with time alone and never falls: straight to 0.9 over the expected time, then ever
 * slower towards 1. An overdue start is expected after as much time again as it is late.
 */
export function activationProgress({ startedAtMs, nowMs, expectedMs, ready }: ProgressInput): Progress {
  if (ready) return { progress: 1, expectedReadyAtMs: nowMs };
  const elapsedMs = Math.max(0, nowMs - startedAtMs);
  if (expectedMs === undefined || expectedMs <= 0) {
    return { progress: elapsedMs / (elapsedMs + UNKNOWN_HALF_MS), expectedReadyAtMs: undefined };
  }
  const lateMs = elapsedMs - expectedMs;
  if (lateMs <= 0) {
    return { progress: (OVERDUE_PROGRESS * elapsedMs) / expectedMs, expectedReadyAtMs: startedAtMs + expectedMs };
  }
  const rest = (1 - OVERDUE_PROGRESS) * (lateMs / (lateMs + expectedMs));
  return { progress: OVERDUE_PROGRESS + rest, expectedReadyAtMs: nowMs + lateMs };
}
