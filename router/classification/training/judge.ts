import type { Rng } from '../../../core/rng.ts';
import type { ClassifierInput } from '../classifier.ts';
import type { LabelledProbabilities } from '../text-classifier.ts';
import type { LabelledInput } from './dataset.ts';
import { PERTURBATIONS } from './perturb.ts';
import type { Prediction } from './report.ts';

/** Gives what a classifier says to each labelled query. */
export async function predictAll(
  rows: readonly LabelledInput[],
  classify: (input: ClassifierInput) => LabelledProbabilities | Promise<LabelledProbabilities>,
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  for (const row of rows) {
    const { class: predicted, probability } = await classify(row);
    predictions.push({ label: row.label, source: row.source, predicted, probability });
  }
  return predictions;
}

/** Gives the share of queries that get another class when they are written otherwise, by way of writing. */
export async function robustnessOf(
  classOf: (input: ClassifierInput) => Promise<string>,
  rows: readonly ClassifierInput[],
  rng: Rng,
): Promise<Record<string, number>> {
  const plain = [];
  for (const row of rows) plain.push(await classOf(row));
  const shares: Record<string, number> = {};
  for (const [name, change] of Object.entries(PERTURBATIONS)) {
    let changed = 0;
    for (const [at, row] of rows.entries()) {
      if ((await classOf({ ...row, text: change(row.text, rng) })) !== plain[at]) changed += 1;
    }
    shares[name] = changed / Math.max(1, rows.length);
  }
  return shares;
}
