import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FrontierError, messageOf } from '../../../core/errors.ts';
import type { Example, LabelledInput } from './dataset.ts';
import { parseRow } from './parse-row.ts';

/** The project's own examples: one query a line, `\n` for a line break, in files <class>.<area>.<language>.txt. */
const OWN_DATA = path.join(import.meta.dirname, '..', 'data');
/** Public sets, where they are beside the checkout; never part of it. */
const SHARED_DATA = path.join(
  import.meta.dirname,
  ...['..', '..', '..', '..', 'shared', 'data', 'classification', 'train.jsonl'],
);

/** Gives what the shipped model is trained on: the project's own examples and the public sets where they are present. */
export function readProjectExamples(): { own: Example[]; shared: Example[] } {
  return { own: readOwnExamples(OWN_DATA), shared: existsSync(SHARED_DATA) ? readExamples(SHARED_DATA) : [] };
}

function readOwnExamples(folder: string): Example[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  return files.sort().flatMap((name) => {
    const label = (name.split('.')[0] ?? '').toUpperCase().replaceAll('-', '_');
    return readFileSync(path.join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => ({ text: line.replaceAll('\\n', '\n'), label, source: name.slice(0, -'.txt'.length) }));
  });
}

/** Reads labelled rows (JSON lines). Throws INVALID_FIELD naming file and line at the first bad row. */
export function readLabelled(file: string): LabelledInput[] {
  return readLines(file).flatMap((line, at) => {
    if (line.trim() === '') return [];
    try {
      const row = parseRow(line);
      if (row.label === undefined) throw new Error('it has no "label"');
      return [{ ...row, label: row.label, source: row.source ?? path.basename(file) }];
    } catch (thrown) {
      throw new FrontierError('INVALID_FIELD', `${file}, line ${at + 1}: ${messageOf(thrown)}`, {
        metadata: { field: 'data' },
      });
    }
  });
}

/** Reads examples to train on; what stands beside the text is not used. */
export function readExamples(file: string): Example[] {
  return readLabelled(file).map(({ text, label, source }) => ({ text, label, source }));
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (thrown) {
    throw new FrontierError('INVALID_FIELD', `${file} cannot be read: ${messageOf(thrown)}`, {
      metadata: { field: 'data' },
      cause: thrown,
    });
  }
}
