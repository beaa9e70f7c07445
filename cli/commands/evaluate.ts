import type { Command } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { createSeededRng } from '../../core/rng.ts';
import { openTextClassifier } from '../../router/classification/open-text-classifier.ts';
import { readLabelled } from '../../router/classification/training/read-dataset.ts';
import { reportLines, reportOn } from '../../router/classification/training/report.ts';
import { predictAll, robustnessOf } from '../../router/classification/training/judge.ts';
import { isFirstStageOnly } from '../client/stage-option.ts';
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
    .option('--stage <n>', '1: the first stage alone')
    .option('--json', 'print JSON')
    .action(evaluate);
}

async function evaluate(flags: { data: string[]; model?: string; stage?: string; json?: boolean }): Promise<void> {
  const rows = flags.data.flatMap(readLabelled);
  const firstOnly = isFirstStageOnly(flags.stage);
  const { classify, lacks } = await openTextClassifier({ file: flags.model, firstOnly }, systemClock, process.env);
  if (lacks !== undefined) process.stderr.write(`first stage alone: ${lacks}\n`);
  const report = reportOn(await predictAll(rows, classify));
  const changedBy = await robustnessOf(async (input) => (await classify(input)).class, rows, createSeededRng(SEED));
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
