import { toProbabilities } from '../linear-scorer.ts';

/** Scores of rows that the fit has not seen, with the class of each. */
export interface HeldOutScores {
  readonly scores: readonly Float64Array[];
  readonly labels: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Gives the factor for all scores that makes probabilities honest: the one of least mean log loss (temperature scaling,
 * Guo et al., "On Calibration of Modern Neural Networks", 2017), found by golden section.
 */
export function fitTemperature(held: HeldOutScores): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let low = Math.log(0.05);
  let high = Math.log(20);
  while (high - low > 1e-3) {
    const left = high - ratio * (high - low);
    const right = low + ratio * (high - low);
    if (lossAt(Math.exp(left), held) < lossAt(Math.exp(right), held)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

function lossAt(factor: number, { scores, labels, weights }: HeldOutScores): number {
  let loss = 0;
  scores.forEach((row, at) => {
    const scaled = row.map((score) => score * factor);
    toProbabilities(scaled);
    loss -= (weights[at] ?? 1) * Math.log(Math.max(1e-12, scaled[labels[at] ?? 0] ?? 0));
  });
  return loss;
}
