import type { ClassHistory } from '../decide/module-status.ts';

/** How one attempt ended, as far as statistics go. */
export interface Outcome {
  readonly accepted: boolean;
  /** Score of the answer; undefined when there was none. */
  readonly confidence: number | undefined;
  readonly latencyMs: number;
}

/** Least weight of a new value: the rolling means reach back over about this many outcomes. */
const WINDOW = 50;

const EMPTY: ClassHistory = { count: 0, successRate: 1, confidence: 0.5, latencyMs: 0 };

/** History after one more attempt. Answers that were not given leave the mean score as it is. */
export function withOutcome(history: ClassHistory | undefined, outcome: Outcome): ClassHistory {
  const before = history ?? EMPTY;
  const count = before.count + 1;
  const weight = 1 / Math.min(count, WINDOW);
  return {
    count,
    successRate: moved(before.successRate, outcome.accepted ? 1 : 0, weight),
    confidence:
      outcome.confidence === undefined ? before.confidence : moved(before.confidence, outcome.confidence, weight),
    latencyMs: moved(before.latencyMs, outcome.latencyMs, weight),
  };
}

/** History after a user has judged an answer, from 0 to 1: the judgement counts as one more score. */
export function withFeedback(history: ClassHistory | undefined, rating: number): ClassHistory {
  const before = history ?? EMPTY;
  const weight = 1 / Math.min(before.count + 1, WINDOW);
  return { ...before, confidence: moved(before.confidence, rating, weight) };
}

function moved(mean: number, value: number, weight: number): number {
  return mean + (value - mean) * weight;
}
