import type { Cues } from '../core/confidence/cues.ts';

/** Where a module says nothing of itself, a plain finished answer is taken as somewhat better than a coin's toss. */
const FINISHED = 0.6;
const TRUNCATED = 0.35;
const REFUSED = 0.15;
/** Share of repeated word triples from which text counts as degenerate. */
export const DEGENERATE_REPETITION = 0.4;
const DEGENERATE = 0.1;

/** Gathers the probabilities of streamed pieces. */
export interface ProbabilityMean {
  add(probability: number | undefined): void;
  /** Geometric mean, from 0 to 1; undefined when no piece told its probability. */
  value(): number | undefined;
}

/** Gives an empty mean. */
export function createProbabilityMean(): ProbabilityMean {
  let logSum = 0;
  let count = 0;
  return {
    add: (probability) => {
      if (probability === undefined || !(probability >= 0 && probability <= 1)) return;
      // A probability that was rounded to 0 must not make the whole mean 0.
      logSum += Math.log(Math.max(probability, 1e-9));
      count++;
    },
    value: () => (count === 0 ? undefined : Math.exp(logSum / count)),
  };
}

/**
 * Estimates a self-assessment for a module that gives none, by the cues that carry between modules: degenerate text, a
 * refusal, a truncated answer, otherwise a finished one.
 */
export function estimateSelfAssessment({ repetition, refusal, truncated }: Cues): number {
  if (repetition >= DEGENERATE_REPETITION) return DEGENERATE;
  if (refusal) return REFUSED;
  return truncated ? TRUNCATED : FINISHED;
}
