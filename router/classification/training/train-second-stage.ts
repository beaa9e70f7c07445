import { createSeededRng } from '../../../core/rng.ts';
import { MINILM } from '../../embedding/minilm-graph.ts';
import { toProbabilities } from '../linear-scorer.ts';
import { encodeSecondStage, EMBEDDING_VERSION } from '../second-stage-model.ts';
import type { Example } from './dataset.ts';
import { denseScores, fitDense, type DenseFit } from './fit-dense.ts';
import { predictionOf, reportOn, type Report } from './report.ts';
import { weighRows } from './row-weights.ts';
import type { HeldRow, Trained } from './train-model.ts';
import { fitTemperature } from './calibrate.ts';

/** What is chosen by results on held-out sources. */
const PENALTY = 1e-4;
const EPOCHS = 8;
const RATE = 1;
/** Margin of the first stage under which the second is asked; the default of router.classification.second_stage.margin. */
const MARGIN = 0.7;

export interface SecondStageOptions {
  readonly examples: readonly Example[];
  readonly classes: readonly string[];
  readonly seed: number;
  /** Embeddings of the examples, one after another. */
  readonly embeddings: Float32Array;
  readonly first: Trained;
  /** Checksum of the first stage's file. */
  readonly firstStage: string;
  readonly onProgress: (text: string) => void;
}

export interface TrainedSecondStage {
  readonly bytes: Uint8Array;
  /** Sources that were held out while training, by embeddings alone. */
  readonly alone: Report;
  /** By both stages, as the router puts them together. */
  readonly cascade: Report;
  /** Share of the held-out rows that the second stage decided, and of those how many are right, by the first alone and by both. */
  readonly asked: { readonly share: number; readonly accuracyBefore: number; readonly accuracyAfter: number };
}

/**
 * Trains the second stage: logistic regression on embeddings, fitted without the first stage, since that one knows the examples by heart; then the two
 * weights of a sum of both stages' scores, fitted on sources that neither has seen, where the first stage's margin is narrow.
 */
export function trainSecondStage(options: SecondStageOptions): TrainedSecondStage {
  const { examples, classes, seed, embeddings, first, onProgress } = options;
  const labels = Uint8Array.from(examples, ({ label }) => classes.indexOf(label));
  const fit = (used: (row: number) => boolean): DenseFit =>
    fitDense(embeddings, {
      classes: classes.length,
      width: MINILM.hidden,
      labels,
      rowWeights: weighRows(examples, used),
      penalty: PENALTY,
      epochs: EPOCHS,
      rate: RATE,
      rng: createSeededRng(seed),
    });
  const meaning = new Map<number, Float64Array>();
  const foldCount = Math.max(...first.folds) + 1;
  for (let fold = 0; fold < foldCount; fold += 1) {
    onProgress(`second stage: held-out sources, part ${fold + 1} of ${foldCount}`);
    const fitted = fit((row) => first.folds[row] !== fold);
    first.folds.forEach((of, row) => {
      if (of === fold) meaning.set(row, denseScores(embeddings, row, fitted));
    });
  }
  const judged = new Set(first.held.map(({ row }) => row));
  const rowWeights = weighRows(examples, (row) => judged.has(row));
  const held = first.held.map((one) => ({ ...one, meaning: meaning.get(one.row) ?? new Float64Array(classes.length) }));
  const narrow = held.filter((one) => marginOf(softmax(one.scores, first.factor)) < MARGIN);
  const weigh = fitWeights(narrow, labels, rowWeights, first.factor);
  const judge = (scoresOf: (one: HeldPair) => Float64Array): Report =>
    reportOn(held.map((one) => predictionOf(classes, scoresOf(one), examples[one.row] as Example)));
  const isNarrow = new Set(narrow);
  const aloneFactor = fitTemperature({
    scores: held.map((one) => one.meaning),
    labels: held.map(({ row }) => labels[row] ?? 0),
    weights: held.map(({ row }) => rowWeights[row] ?? 1),
  });
  const both = (one: HeldPair): Float64Array => weighed(one, weigh, first.factor);
  const byFirst = (one: HeldPair): Float64Array => softmax(one.scores, first.factor);
  const rightShare = (probabilitiesOf: (one: HeldPair) => Float64Array): number =>
    narrow.filter((one) => highest(probabilitiesOf(one)) === labels[one.row]).length / Math.max(1, narrow.length);
  const cascade = judge((one) => (isNarrow.has(one) ? both(one) : byFirst(one)));

  onProgress('second stage: the model itself');
  const whole = fit(() => true);
  const bytes = encodeSecondStage({
    classes: [...classes],
    embedding: EMBEDDING_VERSION,
    firstStage: options.firstStage,
    lexicalWeight: weigh.lexical,
    biases: Array.from(whole.biases, (bias) => bias * weigh.meaning),
    weights: whole.weights.map((weight) => weight * weigh.meaning),
    about: {
      examples: examples.length,
      seed,
      held_out_accuracy: Math.round(cascade.accuracy * 1e4) / 1e4,
      held_out_macro_f1: Math.round(cascade.macro_f1 * 1e4) / 1e4,
      held_out_calibration_error: Math.round(cascade.calibration_error * 1e4) / 1e4,
    },
  });
  return {
    bytes,
    alone: judge((one) => softmax(one.meaning, aloneFactor)),
    cascade,
    asked: {
      share: narrow.length / Math.max(1, held.length),
      accuracyBefore: rightShare(byFirst),
      accuracyAfter: rightShare(both),
    },
  };
}

interface HeldPair extends HeldRow {
  /** Scores by the embedding. */
  readonly meaning: Float64Array;
}

interface Weights {
  readonly lexical: number;
  readonly meaning: number;
}

/** Finds the weights of both stages' scores of least mean log loss, by coordinate descent with shrinking steps. */
function fitWeights(rows: readonly HeldPair[], labels: Uint8Array, rowWeights: Float32Array, factor: number): Weights {
  const lossOf = (weigh: Weights): number =>
    rows.reduce((loss, one) => {
      const probability = weighed(one, weigh, factor)[labels[one.row] ?? 0] ?? 0;
      return loss - (rowWeights[one.row] ?? 1) * Math.log(Math.max(1e-12, probability));
    }, 0);
  let best: Weights = { lexical: 0.8, meaning: 0.5 };
  let least = lossOf(best);
  for (let step = 0.2; step > 0.01;) {
    const tries = [step, -step].flatMap((by) => [
      { ...best, lexical: Math.max(0, best.lexical + by) },
      { ...best, meaning: Math.max(0, best.meaning + by) },
    ]);
    const losses = tries.map(lossOf);
    const lowest = Math.min(...losses);
    if (lowest < least - 1e-9) {
      least = lowest;
      best = tries[losses.indexOf(lowest)] ?? best;
    } else step /= 2;
  }
  return best;
}

function weighed({ scores, meaning }: HeldPair, { lexical, meaning: weight }: Weights, factor: number): Float64Array {
  return softmax(
    scores.map((score, c) => score * factor * lexical + (meaning[c] ?? 0) * weight),
    1,
  );
}

function softmax(scores: Float64Array, factor: number): Float64Array {
  const probabilities = scores.map((score) => score * factor);
  toProbabilities(probabilities);
  return probabilities;
}

function marginOf(probabilities: Float64Array): number {
  const [first = 0, second = 0] = [...probabilities].sort((a, b) => b - a);
  return first - second;
}

function highest(probabilities: Float64Array): number {
  return probabilities.indexOf(Math.max(...probabilities));
}
