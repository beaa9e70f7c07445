import type { Command } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { createSeededRng } from '../../core/rng.ts';
import { loadModel } from '../../router/classification/load-model.ts';
import { createLinearScorer } from '../../router/classification/linear-scorer.ts';
import { createTextClassifier } from '../../router/classification/text-classifier.ts';
import { readLabelled } from '../../router/classification/training/read-dataset.ts';
import { reportLines, reportOn } from '../../router/classification/training/report.ts';
import { robustness } from '../../router/classification/training/train-model.ts';
import { collect } from '../client/target-options.ts';

const SEED = 1;

/** Adds `frontier evaluate classifier`. */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('judge a part of the system on labelled data, without a running system')
    .command('classifier')
    .description('accuracy, macro-F1, confusion, calibration, per source, and what other ways of writing change')
    .requiredOption('--data <file>', 'rows {"text", "label"} (JSON lines); may be given again', collect)
    .option('--model <file>', 'model to judge instead of the one that ships')
    .option('--json', 'print JSON')
    .action(evaluate);
}

function evaluate(flags: { data: string[]; model?: string; json?: boolean }): void {
  const model = loadModel(flags.model);
  const rows = flags.data.flatMap(readLabelled);
  const classify = createTextClassifier(model, systemClock);
  const report = reportOn(
    rows.map((row) => {
      const { class: predicted, probability } = classify(row);
      return { label: row.label, source: row.source, predicted, probability };
    }),
  );
  const changedBy = robustness(createLinearScorer(model), rows, createSeededRng(SEED));
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ ...report, changed_by: changedBy })}\n`
      : `${[...reportLines(report), '', ...robustnessLines(changedBy)].join('\n')}\n`,
  );
}

/** What share of classes other ways of writing change, as lines for people. */
export function robustnessLines(changedBy: Readonly<Record<string, number>>): string[] {
  return Object.entries(changedBy).map(
    ([name, share]) => `${name.padEnd(20)} changes ${(share * 100).toFixed(1)} % of classes`,
  );
}
