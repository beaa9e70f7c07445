import type { Example } from './dataset.ts';

/** One judged prediction. */
export interface Prediction {
  readonly label: string;
  readonly source: string;
  readonly predicted: string;
  /** Of the predicted class. */
  readonly probability: number;
}

/** How well a classifier does on labelled queries. Fractions are from 0 to 1. */
export interface Report {
  readonly rows: number;
  readonly accuracy: number;
  readonly macro_f1: number;
  /** Mean distance between probability and share of right answers, over ten bins of equal width. */
  readonly calibration_error: number;
  /** Rows whose class has a probability of at least 0.8, and how many of them are right. */
  readonly confident: { readonly share: number; readonly accuracy: number };
  readonly per_class: Readonly<Record<string, { precision: number; recall: number; f1: number; rows: number }>>;
  /** Rows by label, then by predicted class. */
  readonly confusion: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly per_source: Readonly<Record<string, { rows: number; accuracy: number }>>;
}

const BINS = 10;
const CONFIDENT = 0.8;

/** Judges predictions. The macro-F1 is over the classes that occur as labels. */
export function reportOn(predictions: readonly Prediction[]): Report {
  const labels = [...new Set(predictions.map(({ label }) => label))].sort();
  const confusion = Object.fromEntries(labels.map((label) => [label, countsOf(predictions, label)]));
  const perClass = Object.fromEntries(labels.map((label) => [label, classFigures(confusion, label)]));
  const confident = predictions.filter(({ probability }) => probability >= CONFIDENT);
  return {
    rows: predictions.length,
    accuracy: shareRight(predictions),
    macro_f1: mean(Object.values(perClass).map(({ f1 }) => f1)),
    calibration_error: calibrationError(predictions),
    confident: { share: confident.length / Math.max(1, predictions.length), accuracy: shareRight(confident) },
    per_class: perClass,
    confusion,
    per_source: sourceFigures(predictions),
  };
}

const isRight = ({ label, predicted }: Prediction): boolean => label === predicted;

function shareRight(predictions: readonly Prediction[]): number {
  return predictions.length === 0 ? 0 : predictions.filter(isRight).length / predictions.length;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function countsOf(predictions: readonly Prediction[], label: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of predictions) if (one.label === label) counts[one.predicted] = (counts[one.predicted] ?? 0) + 1;
  return counts;
}

function classFigures(
  confusion: Report['confusion'],
  label: string,
): { precision: number; recall: number; f1: number; rows: number } {
  const right = confusion[label]?.[label] ?? 0;
  const rows = Object.values(confusion[label] ?? {}).reduce((sum, count) => sum + count, 0);
  const predicted = Object.values(confusion).reduce((sum, counts) => sum + (counts[label] ?? 0), 0);
  return {
    precision: predicted === 0 ? 0 : right / predicted,
    recall: rows === 0 ? 0 : right / rows,
    f1: rows + predicted === 0 ? 0 : (2 * right) / (rows + predicted),
    rows,
  };
}

function calibrationError(predictions: readonly Prediction[]): number {
  const gaps = new Float64Array(BINS);
  for (const one of predictions) {
    const bin = Math.min(BINS - 1, Math.floor(one.probability * BINS));
    gaps[bin] = (gaps[bin] ?? 0) + one.probability - (isRight(one) ? 1 : 0);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / Math.max(1, predictions.length);
}

function sourceFigures(predictions: readonly Prediction[]): Record<string, { rows: number; accuracy: number }> {
  const groups = Map.groupBy(predictions, ({ source }) => source);
  return Object.fromEntries(
    [...groups].map(([source, rows]) => [source, { rows: rows.length, accuracy: shareRight(rows) }]),
  );
}

/** Writes a report as lines for people. */
export function reportLines(report: Report): string[] {
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const labels = Object.keys(report.per_class);
  const columns = [...new Set([...labels, ...Object.values(report.confusion).flatMap((row) => Object.keys(row))])];
  return [
    `rows ${report.rows}, accuracy ${percent(report.accuracy)}, macro-F1 ${report.macro_f1.toFixed(3)}, calibration error ${report.calibration_error.toFixed(3)}`,
    `probability of 0.8 and more: ${percent(report.confident.share)} of rows, ${percent(report.confident.accuracy)} of them right`,
    '',
    `${'label \\ predicted'.padEnd(20)}${columns.map((name) => name.slice(0, 12).padStart(14)).join('')}${'recall'.padStart(10)}`,
    ...labels.map(
      (label) =>
        label.padEnd(20) +
        columns.map((name) => String(report.confusion[label]?.[name] ?? 0).padStart(14)).join('') +
        percent(report.per_class[label]?.recall ?? 0).padStart(10),
    ),
    '',
    ...Object.entries(report.per_source).map(
      ([source, { rows, accuracy }]) =>
        `${source.padEnd(52)}${String(rows).padStart(6)}${percent(accuracy).padStart(10)}`,
    ),
  ];
}

/** Gives the prediction that probabilities of classes come to. */
export function predictionOf(classes: readonly string[], probabilities: Float64Array, example: Example): Prediction {
  let best = 0;
  probabilities.forEach((probability, c) => {
    if (probability > (probabilities[best] ?? 0)) best = c;
  });
  return {
    label: example.label,
    source: example.source,
    predicted: classes[best] ?? '',
    probability: probabilities[best] ?? 0,
  };
}
