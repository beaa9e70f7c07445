import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { QUERY_CLASSES } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { SHIPPED_MODEL } from '../../router/classification/load-model.ts';
import type { Example } from '../../router/classification/training/dataset.ts';
import { readExamples, readProjectExamples } from '../../router/classification/training/read-dataset.ts';
import { reportLines } from '../../router/classification/training/report.ts';
import { trainModel } from '../../router/classification/training/train-model.ts';
import { collect } from '../client/target-options.ts';
import { robustnessLines } from './evaluate.ts';

interface TrainFlags {
  readonly data?: string[];
  readonly output?: string;
  readonly extend?: boolean;
  readonly seed: string;
  readonly json?: boolean;
}

/** Adds `frontier train classifier`. */
export function addTrain(program: Command): void {
  program
    .command('train')
    .description('train a part of the system, without a running system')
    .command('classifier')
    .description('train the classifier on examples of your own, or make the shipped model anew, and print the report')
    .option('--data <file>', 'rows {"text", "label", "source"} (JSON lines); may be given again', collect)
    .option('--extend', "with --data: also the project's own examples, to add classes to those that ship")
    .option('--output <file>', 'where the model goes; needed with --data')
    .option('--seed <n>', 'seed of all chance', '1')
    .option('--json', 'print the report as JSON')
    .action(train);
}

function train({ data, extend = false, output, seed, json }: TrainFlags): void {
  if (extend && data === undefined) throw invalid('data', '--extend takes the examples to add in --data');
  if (data !== undefined && output === undefined) throw invalid('output', 'say with --output where the model is to go');
  const { examples, about, judged } = data === undefined ? projectData() : ownData(data, extend);
  const classes = classesOf(examples);
  const progress = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  progress(`${examples.length} examples of ${classes.length} classes`);
  const { bytes, heldOut, withoutJudged, changedBy } = trainModel({
    examples,
    classes,
    seed: seedOf(seed),
    about: { ...about, examples: examples.length, seed: seedOf(seed) },
    ...(judged === undefined ? {} : { judged }),
    onProgress: progress,
  });
  const target = path.resolve(output ?? SHIPPED_MODEL);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, bytes);
  progress(`wrote ${target} (${(bytes.length / 1e6).toFixed(1)} MB)`);
  const added = classes.filter((name) => !QUERY_CLASSES.includes(name));
  if (added.length > 0)
    progress(`to route by it, add to router.classification.classes: ${added.map((id) => `{id: ${id}}`).join(', ')}`);
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ held_out: heldOut, own_alone: withoutJudged, changed_by: changedBy })}\n`
      : `${[
          'On sources that were held out:',
          ...reportLines(heldOut),
          ...(withoutJudged === undefined
            ? []
            : ['', 'The public sources, trained on own examples alone:', ...reportLines(withoutJudged)]),
          '',
          ...robustnessLines(changedBy),
        ].join('\n')}\n`,
  );
}

interface TrainingData {
  readonly examples: Example[];
  readonly about: Record<string, number>;
  readonly judged?: (example: Example) => boolean;
}

/**
 * The project's own examples and the public sets. These are held out in turn: an area of the own examples taken away (a
 * language, a task) is a harder question than a new source is.
 */
function projectData(): TrainingData {
  const { own, shared } = readProjectExamples();
  const about = { own_examples: own.length, public_examples: shared.length };
  if (shared.length > 0) {
    const isPublic = new Set(shared);
    return { examples: [...own, ...shared], about, judged: (example) => isPublic.has(example) };
  }
  process.stderr.write('the public sets are not beside the checkout: own examples alone\n');
  return { examples: own, about };
}

function ownData(files: readonly string[], extend: boolean): TrainingData {
  const examples = files.flatMap(readExamples);
  return { examples: extend ? [...readProjectExamples().own, ...examples] : examples, about: {} };
}

/** Classes in the product's order, others after them by name. */
function classesOf(examples: readonly Example[]): string[] {
  const found = new Set(examples.map(({ label }) => label));
  if (found.size < 2) throw invalid('data', 'the data must hold at least two classes');
  return [
    ...QUERY_CLASSES.filter((name) => found.has(name)),
    ...[...found].filter((name) => !QUERY_CLASSES.includes(name)).sort(),
  ];
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (!Number.isSafeInteger(seed) || seed < 0) throw invalid('seed', `--seed takes a whole number, not "${text}"`);
  return seed;
}

function invalid(field: string, message: string): FrontierError {
  return new FrontierError('INVALID_FIELD', message, { metadata: { field } });
}
