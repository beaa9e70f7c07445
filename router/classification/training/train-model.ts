import { createSeededRng } from '../../../core/rng.ts';
import { encodeModel, decodeModel, type LinearModel } from '../linear-model.ts';
import { createLinearScorer, toProbabilities, type LinearScorer } from '../linear-scorer.ts';
import type { FeatureSettings } from '../text-features.ts';
import { fitTemperature } from './calibrate.ts';
import type { Example } from './dataset.ts';
import { fitLinear, type LinearFit } from './fit-linear.ts';
import { PERTURBATIONS, perturb } from './perturb.ts';
import { predictionOf, reportOn, type Report } from './report.ts';
import { weighRows } from './row-weights.ts';
import { readRows, type SparseRows } from './sparse-rows.ts';

/** What is chosen by results on held-out sources, and not by results on sources that were trained on. */
export const SETTINGS: FeatureSettings = {
  bits: 18,
  maxWords: 2,
  minChars: 3,
  maxChars: 5,
  headUnits: 1200,
  tailUnits: 400,
};
const KIND_WEIGHTS = [1.5, 1, 1];
const PENALTY = 3e-6;
const EPOCHS = 8;
const RATE = 2;
/** Folds of whole sources when sources are many. */
const MAX_FOLDS = 8;
const NEVER_HELD = -1;

/** Scores of a row by a fit that has not seen it. */
export interface HeldRow {
  readonly row: number;
  readonly scores: Float64Array;
}

export interface TrainOptions {
  readonly examples: readonly Example[];
  /** Order of classes in the model; every label must be among them. */
  readonly classes: readonly string[];
  readonly seed: number;
  /**
   * Which examples' sources are held out in turn, for calibration and the report; the others are always trained on. All when
   * left out.
   */
  readonly judged?: (example: Example) => boolean;
  /** Facts that go into the model for people. */
  readonly about: LinearModel['about'];
  readonly onProgress: (text: string) => void;
}

export interface Trained {
  readonly bytes: Uint8Array;
  /** On sources that were held out while training. */
  readonly heldOut: Report;
  /** On the judged examples when trained on all others alone; undefined when there are no others. */
  readonly withoutJudged: Report | undefined;
  /** Share of examples whose class another way of writing changes, by way of writing. */
  readonly changedBy: Readonly<Record<string, number>>;
  /** Fold of each example that its source was held out in, -1 for none; scores of those by fits that have not seen them. */
  readonly folds: readonly number[];
  readonly held: readonly HeldRow[];
  /** What makes probabilities of scores honest. */
  readonly factor: number;
}

/** Trains a model and judges it. The same options give the same bytes. Takes some seconds for ten thousand examples. */
export function trainModel(options: TrainOptions): Trained {
  const { examples, classes, seed, onProgress } = options;
  const rng = createSeededRng(seed);
  const labels = examples.map(({ label }) => classes.indexOf(label));
  // Each example twice: as it is, and as somebody else would have typed it.
  const doubled = [...examples, ...examples];
  const count = examples.length;
  const texts = [...examples.map(({ text }) => text), ...examples.map(({ text }) => perturb(text, rng))];
  const rows = readRows(texts, SETTINGS, KIND_WEIGHTS);
  const fit = (used: (row: number) => boolean): LinearFit =>
    fitLinear(rows, {
      classes: classes.length,
      buckets: 2 ** SETTINGS.bits,
      labels: Uint8Array.from([...labels, ...labels]),
      rowWeights: weighRows(doubled, (row) => used(row % count)),
      penalty: PENALTY,
      epochs: EPOCHS,
      rate: RATE,
      rng: createSeededRng(seed),
    });

  const judged = examples.map(options.judged ?? (() => true));
  const folds = foldsOf(examples, judged, seed);
  const foldCount = Math.max(...folds) + 1;
  const held: HeldRow[] = [];
  for (let fold = 0; fold < foldCount; fold += 1) {
    onProgress(`held-out sources, part ${fold + 1} of ${foldCount}`);
    const fitted = fit((row) => folds[row] !== fold);
    folds.forEach((of, row) => {
      if (of === fold) held.push({ row, scores: scoresOf(fitted, rows, row, classes.length) });
    });
  }
  const weights = weighRows(examples, (row) => judged[row] === true);
  const factor = fitTemperature({
    scores: held.map(({ scores }) => scores),
    labels: held.map(({ row }) => labels[row] ?? 0),
    weights: held.map(({ row }) => weights[row] ?? 1),
  });
  const judge = (rowsOf: readonly HeldRow[]): Report =>
    reportOn(
      rowsOf.map(({ row, scores }) => {
        const probabilities = scores.map((score) => score * factor);
        toProbabilities(probabilities);
        return predictionOf(classes, probabilities, examples[row] as Example);
      }),
    );
  const heldOut = judge(held);
  let withoutJudged: Report | undefined;
  if (judged.includes(false)) {
    onProgress('trained without the judged sources');
    const fitted = fit((row) => judged[row] === false);
    withoutJudged = judge(held.map(({ row }) => ({ row, scores: scoresOf(fitted, rows, row, classes.length) })));
  }

  onProgress('the model itself');
  const model = quantise(
    fit(() => true),
    factor,
    options,
    heldOut,
  );
  const bytes = encodeModel(model);
  const scorer = createLinearScorer(decodeModel(bytes));
  const changedBy = robustness(scorer, examples, createSeededRng(seed + 1));
  return { bytes, heldOut, withoutJudged, changedBy, folds, held, factor };
}

/**
 * Puts examples into folds, whole sources together. With a single source there is nothing to hold out but examples
 * themselves, and results flatter.
 */
function foldsOf(examples: readonly Example[], judged: readonly boolean[], seed: number): number[] {
  const rng = createSeededRng(seed);
  const sources = [...new Set(examples.filter((_example, row) => judged[row]).map(({ source }) => source))].sort();
  if (sources.length === 1) return judged.map((is) => (is ? Math.floor(rng.next() * MAX_FOLDS) : NEVER_HELD));
  const shuffled = sources.map((source) => ({ source, at: rng.next() })).sort((a, b) => a.at - b.at);
  const foldOf = new Map(shuffled.map(({ source }, at) => [source, at % MAX_FOLDS]));
  return examples.map(({ source }, row) => (judged[row] === true ? (foldOf.get(source) ?? 0) : NEVER_HELD));
}

function scoresOf({ weights, biases }: LinearFit, rows: SparseRows, row: number, classes: number): Float64Array {
  const scores = Float64Array.from(biases);
  for (let at = rows.starts[row] ?? 0; at < (rows.starts[row + 1] ?? 0); at += 1) {
    const base = (rows.buckets[at] ?? 0) * classes;
    const value = rows.values[at] ?? 0;
    for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) + value * (weights[base + c] ?? 0);
  }
  return scores;
}

/** Rounds weights to a byte each. Few are large: those are cut off, so that the others keep their differences. */
function quantise(fit: LinearFit, factor: number, { classes, about }: TrainOptions, heldOut: Report): LinearModel {
  const magnitudes = fit.weights
    .filter((weight) => weight !== 0)
    .map(Math.abs)
    .sort();
  const largest = magnitudes[Math.floor(magnitudes.length * 0.9998)] ?? 1;
  const step = largest / 127 || 1;
  return {
    classes: [...classes],
    settings: SETTINGS,
    kindWeights: KIND_WEIGHTS,
    biases: [...fit.biases].map((bias) => bias * factor),
    scales: classes.map(() => step * factor),
    weights: Int8Array.from(fit.weights, (weight) => Math.max(-127, Math.min(127, Math.round(weight / step)))),
    about: {
      ...about,
      held_out_accuracy: rounded(heldOut.accuracy),
      held_out_macro_f1: rounded(heldOut.macro_f1),
      held_out_calibration_error: rounded(heldOut.calibration_error),
    },
  };
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** Share of examples that get another class when they are written otherwise, by way of writing. */
export function robustness(
  scorer: LinearScorer,
  examples: readonly { readonly text: string }[],
  rng: { next(): number },
): Record<string, number> {
  const classOf = (text: string): number => {
    const scores = scorer.score(text);
    return scores.indexOf(Math.max(...scores));
  };
  const plain = examples.map(({ text }) => classOf(text));
  return Object.fromEntries(
    Object.entries(PERTURBATIONS).map(([name, change]) => {
      const changed = examples.filter(({ text }, row) => classOf(change(text, rng)) !== plain[row]).length;
      return [name, changed / Math.max(1, examples.length)];
    }),
  );
}
