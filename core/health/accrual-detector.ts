/**
 * Says how surprising a silence is, from how regular signs of life were before: the phi accrual failure detector (Hayashibara et
 * al., 2004), with the logistic approximation of the normal distribution and an acceptable pause, as Akka has it. A phi of 8 is a
 * silence that regular traffic shows once in 10⁸ intervals.
 */
export interface AccrualDetector {
  /** Notes the time between two signs of life. */
  add(intervalMs: number): void;
  /** How surprising a silence of this length is. */
  phi(silenceMs: number): number;
  /** Length of silence at which phi reaches the threshold, in milliseconds. */
  suspectAfterMs(threshold: number): number;
}

export interface AccrualPolicy {
  /** Interval that is assumed before any has been seen, in milliseconds. */
  readonly expectedMs: number;
  /** Pause that is nobody's fault (garbage collection, a busy machine), in milliseconds. */
  readonly pauseMs: number;
  /** Least spread that is believed: traffic that was very regular may still be late, in milliseconds. */
  readonly leastSpreadMs: number;
}

/** Intervals that are remembered. */
const SIZE = 200;
const LONGEST_MS = 3_600_000;
const BISECTIONS = 40;

/** Creates a detector that has seen nothing yet. */
export function createAccrualDetector({ expectedMs, pauseMs, leastSpreadMs }: AccrualPolicy): AccrualDetector {
  const intervals: number[] = [expectedMs];
  let next = 1;
  let sum = expectedMs;
  let squares = expectedMs * expectedMs;

  const add = (intervalMs: number): void => {
    const old = intervals[next] ?? 0;
    intervals[next] = intervalMs;
    next = (next + 1) % SIZE;
    sum += intervalMs - old;
    squares += intervalMs * intervalMs - old * old;
  };
  const phi = (silenceMs: number): number => {
    const mean = sum / intervals.length;
    const spread = Math.max(Math.sqrt(Math.max(0, squares / intervals.length - mean * mean)), leastSpreadMs);
    const y = (silenceMs - mean - pauseMs) / spread;
    // The logarithm of 1 / (1 + e^z), without the overflow of e^z.
    const z = y * (1.5976 + 0.070566 * y * y);
    const tail = z > 30 ? -z : -Math.log1p(Math.exp(z));
    return -tail / Math.LN10;
  };
  return {
    add,
    phi,
    suspectAfterMs(threshold) {
      let [low, high] = [0, LONGEST_MS];
      for (let count = 0; count < BISECTIONS; count += 1) {
        const middle = (low + high) / 2;
        if (phi(middle) < threshold) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}
