import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { QUERY_CLASSES } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { cacheDirOf } from '../../core/service/cache-dir.ts';
import { SHIPPED_MODEL } from '../../router/classification/load-model.ts';
import { checksumOf } from '../../router/classification/model-file.ts';
import { secondStageFileOf } from '../../router/classification/load-stages.ts';
import { EMBEDDING_VERSION } from '../../router/classification/second-stage-model.ts';
import { embedAll } from '../../router/classification/training/embedding-store.ts';
import {
  trainSecondStage,
  type SecondStageOptions,
  type TrainedSecondStage,
} from '../../router/classification/training/train-second-stage.ts';
import { openSentenceModel } from '../../router/embedding/open-sentence-model.ts';
import type { Example } from '../../router/classification/training/dataset.ts';
import { readExamples, readProjectExamples } from '../../router/classification/training/read-dataset.ts';
import { reportLines } from '../../router/classification/training/report.ts';
import { trainModel } from '../../router/classification/training/train-model.ts';
import { isFirstStageOnly } from '../client/stage-option.ts';
import { collect } from '../client/target-options.ts';
import { robustnessLines } from './evaluate.ts';

interface TrainFlags {
  readonly data?: string[];
  readonly output?: string;
  readonly extend?: boolean;
  readonly seed: string;
  readonly stage?: string;
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
    .option('--stage <n>', '1: the first stage alone, which needs no sentence model')
    .option('--json', 'print the report as JSON')
    .action(train);
}

async function train({ data, extend = false, output, seed, stage, json }: TrainFlags): Promise<void> {
  const firstOnly = isFirstStageOnly(stage);
  if (extend && data === undefined) throw invalid('data', '--extend takes the examples to add in --data');
  if (data !== undefined && output === undefined) throw invalid('output', 'say with --output where the model is to go');
  const { examples, about, judged } = data === undefined ? projectData() : ownData(data, extend);
  const classes = classesOf(examples);
  const progress = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  progress(`${examples.length} examples of ${classes.length} classes`);
  const first = trainModel({
    examples,
    classes,
    seed: seedOf(seed),
    about: { ...about, examples: examples.length, seed: seedOf(seed) },
    ...(judged === undefined ? {} : { judged }),
    onProgress: progress,
  });
  const target = path.resolve(output ?? SHIPPED_MODEL);
  write(target, first.bytes, progress);
  const secondFile = secondStageFileOf(target);
  const second = firstOnly
    ? undefined
    : await secondStage(
        { examples, classes, seed: seedOf(seed), first, firstStage: checksumOf(first.bytes) },
        progress,
      );
  if (second === undefined) rmSync(secondFile, { force: true });
  else write(secondFile, second.bytes, progress);
  const { heldOut, withoutJudged, changedBy } = first;
  const added = classes.filter((name) => !QUERY_CLASSES.includes(name));
  if (added.length > 0)
    progress(`to route by it, add to router.classification.classes: ${added.map((id) => `{id: ${id}}`).join(', ')}`);
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ held_out: heldOut, own_alone: withoutJudged, changed_by: changedBy, ...jsonOf(second) })}\n`
      : `${[
          'First stage, on sources that were held out:',
          ...reportLines(heldOut),
          ...(withoutJudged === undefined
            ? []
            : ['', 'First stage, the public sources, trained on own examples alone:', ...reportLines(withoutJudged)]),
          '',
          ...robustnessLines(changedBy),
          ...linesOf(second),
        ].join('\n')}\n`,
  );
}

function write(file: string, bytes: Uint8Array, progress: (text: string) => void): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  progress(
    `wrote ${file} (${bytes.length >= 1e6 ? `${(bytes.length / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes.length / 1e3)} KB`})`,
  );
}

/** Trains the second stage; undefined, with a word on stderr, where there is no sentence model. */
async function secondStage(
  options: Omit<SecondStageOptions, 'embeddings' | 'onProgress'>,
  progress: (text: string) => void,
): Promise<TrainedSecondStage | undefined> {
  const sentences = await openSentenceModel(process.env);
  if ('missing' in sentences) {
    progress(`no second stage: ${sentences.missing}`);
    return undefined;
  }
  const store = path.join(
    cacheDirOf(process.env, homedir()),
    'embeddings',
    `${EMBEDDING_VERSION.replaceAll(/[^\w-]+/g, '-')}.bin`,
  );
  const embeddings = await embedAll(
    options.examples.map(({ text }) => text),
    sentences.encode,
    store,
    (done, of) => {
      progress(`embedded ${done} of ${of} examples`);
    },
  );
  return trainSecondStage({ ...options, embeddings, onProgress: progress });
}

function jsonOf(second: TrainedSecondStage | undefined): object {
  return second === undefined
    ? {}
    : { second_stage_held_out: second.alone, cascade_held_out: second.cascade, second_stage_asked: second.asked };
}

function linesOf(second: TrainedSecondStage | undefined): string[] {
  if (second === undefined) return [];
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const { share, accuracyBefore, accuracyAfter } = second.asked;
  return [
    '',
    'Second stage, by embeddings alone, on sources that were held out:',
    ...reportLines(second.alone).slice(0, 2),
    '',
    'Cascade, on sources that were held out:',
    `the second stage is asked about ${percent(share)} of rows: ${percent(accuracyBefore)} of them right before, ${percent(accuracyAfter)} after`,
    ...reportLines(second.cascade),
  ];
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
