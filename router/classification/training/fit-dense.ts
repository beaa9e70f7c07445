import type { Rng } from '../../../core/rng.ts';
import { toProbabilities } from '../linear-scorer.ts';
import { shuffle } from './fit-linear.ts';

export interface DenseOptions {
  readonly classes: number;
  /** Numbers of each row. */
  readonly width: number;
  /** Class of each row. */
  readonly labels: Uint8Array;
  /** How much each row counts; 1 on average. A row of weight 0 is left out. */
  readonly rowWeights: Float32Array;
  readonly penalty: number;
  readonly epochs: number;
  /** Size of the first steps; they shrink to nothing by the end. */
  readonly rate: number;
  readonly rng: Rng;
}

export interface DenseFit {
  /** Weight of number k for class c at [k * classes + c]. */
  readonly weights: Float32Array;
  readonly biases: Float32Array;
}

/** Share of a step that biases take: they have no penalty. */
const BIAS_SHARE = 0.1;

/** Fits multinomial logistic regression on dense rows, one after another in one array, by stochastic gradient descent. */
export function fitDense(rows: Float32Array, options: DenseOptions): DenseFit {
  const { classes, width, labels, rowWeights, penalty, epochs, rate, rng } = options;
  const weights = new Float32Array(width * classes);
  const biases = new Float32Array(classes);
  const order = Int32Array.from(labels.keys()).filter((row) => (rowWeights[row] ?? 0) > 0);
  const steps = epochs * order.length;
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    shuffle(order, rng);
    for (const row of order) {
      const eta = rate * (1 - step / steps);
      step += 1;
      const errors = denseScores(rows, row, { weights, biases });
      toProbabilities(errors);
      const label = labels[row] ?? 0;
      errors[label] = (errors[label] ?? 0) - 1;
      const pull = eta * (rowWeights[row] ?? 0);
      const kept = 1 - eta * penalty;
      for (let k = 0; k < width; k += 1) {
        const by = pull * (rows[row * width + k] ?? 0);
        const base = k * classes;
        for (let c = 0; c < classes; c += 1)
          weights[base + c] = (weights[base + c] ?? 0) * kept - by * (errors[c] ?? 0);
      }
      for (let c = 0; c < classes; c += 1) biases[c] = (biases[c] ?? 0) - BIAS_SHARE * pull * (errors[c] ?? 0);
    }
  }
  return { weights, biases };
}

/** Gives the score of each class for one row. */
export function denseScores(rows: Float32Array, row: number, { weights, biases }: DenseFit): Float64Array {
  const classes = biases.length;
  const width = weights.length / classes;
  const scores = Float64Array.from(biases);
  for (let k = 0; k < width; k += 1) {
    const value = rows[row * width + k] ?? 0;
    const base = k * classes;
    for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) + value * (weights[base + c] ?? 0);
  }
  return scores;
}
