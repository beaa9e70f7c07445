import type { AccrualDetector, AccrualPolicy } from '../../core/health/accrual-detector.ts';

/** What is expected of sidecars: a sign of life every half second, and a pause now and then. */
export const BEATS: AccrualPolicy = { expectedMs: 500, pauseMs: 800, leastSpreadMs: 100 };
/** Phi from which a silence is a failure. */
export const SUSPICIOUS = 8;
/** A module whose signs of life were irregular is waited for longer, but not longer than this many times patience. */
const MOST_PATIENCE = 2;

/** Gives how long a sidecar may be silent during a call: as long as patience has it, longer where silences are usual. */
export function silenceLimitMs(detector: AccrualDetector, patienceMs: number): number {
  return Math.min(Math.max(detector.suspectAfterMs(SUSPICIOUS), patienceMs), MOST_PATIENCE * patienceMs);
}
