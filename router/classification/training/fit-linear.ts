import type { Rng } from '../../../core/rng.ts';
import { toProbabilities } from '../linear-scorer.ts';
import type { SparseRows } from './sparse-rows.ts';

export interface FitOptions {
  readonly classes: number;
  /** Buckets that features fall into. */
  readonly buckets: number;
  /** Class of each row. */
  readonly labels: Uint8Array;
  /** How much each row counts; 1 on average. A row of weight 0 is left out. */
  readonly rowWeights: Float32Array;
  /** Strength of the squared penalty on weights. */
  readonly penalty: number;
  readonly epochs: number;
  /** Size of the first steps. */
  readonly rate: number;
  readonly rng: Rng;
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

export interface LinearFit {
  /** Weight of bucket b for class c at [b * classes + c]. */
  readonly weights: Float32Array;
  readonly biases: Float32Array;
}

/**
 * Fits multinomial logistic regression by stochastic gradient descent (Bottou, "Stochastic Gradient Descent Tricks", 2012:
 * weights are kept as scale × vector, so that the penalty costs nothing for the buckets that a row does not have).
 */
export function fitLinear(rows: SparseRows, options: FitOptions): LinearFit {
  const { classes, buckets, labels, rowWeights, penalty, epochs, rate, rng } = options;
  const vector = new Float32Array(buckets * classes);
  const biases = new Float32Array(classes);
  const scores = new Float64Array(classes);
  const order = Int32Array.from(labels.keys()).filter((row) => (rowWeights[row] ?? 0) > 0);
  const { starts, buckets: indices, values } = rows;
  let scale = 1;
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    shuffle(order, rng);
    let loss = 0;
    for (const row of order) {
      const from = starts[row] ?? 0;
      const to = starts[row + 1] ?? 0;
      const eta = rate / (1 + rate * penalty * step);
      step += 1;
      scores.fill(0);
      for (let at = from; at < to; at += 1) {
        const base = (indices[at] ?? 0) * classes;
        const value = values[at] ?? 0;
        for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) + value * (vector[base + c] ?? 0);
      }
      for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) * scale + (biases[c] ?? 0);
      toProbabilities(scores);
      const label = labels[row] ?? 0;
      const weight = rowWeights[row] ?? 0;
      loss -= weight * Math.log(Math.max(1e-9, scores[label] ?? 0));
      scale *= 1 - eta * penalty;
      scores[label] = (scores[label] ?? 0) - 1;
      const pull = (eta * weight) / scale;
      for (let at = from; at < to; at += 1) {
        const base = (indices[at] ?? 0) * classes;
        const by = pull * (values[at] ?? 0);
        for (let c = 0; c < classes; c += 1) vector[base + c] = (vector[base + c] ?? 0) - by * (scores[c] ?? 0);
      }
      for (let c = 0; c < classes; c += 1) biases[c] = (biases[c] ?? 0) - 0.05 * eta * weight * (scores[c] ?? 0);
      if (scale < 1e-6) {
        for (let at = 0; at < vector.length; at += 1) vector[at] = (vector[at] ?? 0) * scale;
        scale = 1;
      }
    }
    options.onEpoch?.(epoch, loss / order.length);
  }
  for (let at = 0; at < vector.length; at += 1) vector[at] = (vector[at] ?? 0) * scale;
  return { weights: vector, biases };
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle(order: Int32Array, rng: Rng): void {
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(rng.next() * (at + 1));
    const kept = order[at] ?? 0;
    order[at] = order[other] ?? 0;
    order[other] = kept;
  }
}
