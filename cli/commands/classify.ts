import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { openTextClassifier } from '../../router/classification/open-text-classifier.ts';
import { parseRow } from '../../router/classification/training/parse-row.ts';
import { isFirstStageOnly } from '../client/stage-option.ts';

const PROGRESS_EVERY = 10_000;

/** Adds `frontier classify`. */
export function addClassify(program: Command): void {
  program
    .command('classify')
    .description('add the class to each row of a file of queries (JSON lines with "text"), without a running system')
    .option('--input <file>', 'rows {"text", "context", "attachments"}; - is standard input', '-')
    .option('--output <file>', 'where the rows go with their class; - is standard output', '-')
    .option('--model <file>', 'model to use instead of the one that ships')
    .option('--stage <n>', '1: the first stage alone')
    .action(classify);
}

interface ClassifyFlags {
  readonly input: string;
  readonly output: string;
  readonly model?: string;
  readonly stage?: string;
}

async function classify(flags: ClassifyFlags): Promise<void> {
  const firstOnly = isFirstStageOnly(flags.stage);
  const { classify: classifyRow, lacks } = await openTextClassifier(
    { file: flags.model, firstOnly },
    systemClock,
    process.env,
  );
  if (lacks !== undefined) process.stderr.write(`first stage alone: ${lacks}\n`);
  const source: Readable = flags.input === '-' ? process.stdin : createReadStream(flags.input);
  const target: Writable = flags.output === '-' ? process.stdout : createWriteStream(flags.output);
  if (flags.input !== '-') await opened(source, 'input', flags.input);
  if (flags.output !== '-') await opened(target, 'output', flags.output);
  let lineNumber = 0;
  let done = 0;
  let bad = 0;
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
    lineNumber += 1;
    if (line.trim() === '') continue;
    let result: unknown;
    try {
      const row = parseRow(line);
      result = { ...row.raw, ...(await classifyRow(row)) };
      done += 1;
    } catch (thrown) {
      bad += 1;
      result = { error: { line: lineNumber, message: messageOf(thrown) } };
      process.stderr.write(`line ${lineNumber}: ${messageOf(thrown)}\n`);
    }
    if (!target.write(`${JSON.stringify(result)}\n`)) await once(target, 'drain');
    if ((done + bad) % PROGRESS_EVERY === 0) process.stderr.write(`${done + bad} rows\n`);
  }
  process.stderr.write(`${done} rows classified${bad === 0 ? '' : `, ${bad} could not be read`}\n`);
  if (flags.output !== '-') {
    target.end();
    await finished(target);
  }
  if (bad > 0) process.exitCode = 1;
}

/** Waits until a file is open; throws INVALID_FIELD when it cannot be opened. */
async function opened(stream: Readable | Writable, field: string, file: string): Promise<void> {
  await once(stream, 'open').catch((thrown: unknown) => {
    throw new FrontierError('INVALID_FIELD', `${file} cannot be opened: ${messageOf(thrown)}`, { metadata: { field } });
  });
}
