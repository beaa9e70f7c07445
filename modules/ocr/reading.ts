import type { TextLine } from './text-reader.ts';

/** From lines found in images to an answer. Pure. */

export interface Reading {
  /** Name of the image for people. */
  readonly name: string;
  readonly lines: readonly TextLine[];
}

/** What the module says of itself when it has found nothing: the image may hold what it cannot read. */
const NOTHING_FOUND = 0.1;
/** Words too common to tell which line a question is about. */
const COMMON_WORDS = new Set(
  'a an and any are at by can does for from give has have how image in is it me of on or photo picture please read say says scan screenshot show tell text that the there this to was what when where which who with written you'.split(
    ' ',
  ),
);

/** Gives one image's part of the answer. */
export function describeReading({ name, lines }: Reading): string {
  if (lines.length === 0) return `No text was found in ${name}.`;
  return `Text found in ${name}:\n\n${lines.map(({ text }) => text).join('\n')}`;
}

/**
 * Gives the lines that the question seems to be about, those that share most words with it; none when nothing tells them
 * from the others.
 */
export function linesAskedFor(query: string, readings: readonly Reading[]): readonly string[] {
  const asked = wordsOf(query).filter((word) => !COMMON_WORDS.has(word));
  const scored = readings
    .flatMap((reading) => reading.lines)
    .map(({ text }) => ({ text, score: sharedWords(asked, text) }));
  const best = Math.max(0, ...scored.map(({ score }) => score));
  const closest = scored.filter(({ score }) => score === best);
  return best === 0 || closest.length === scored.length ? [] : closest.map(({ text }) => text);
}

function sharedWords(asked: readonly string[], text: string): number {
  const words = new Set(wordsOf(text));
  return asked.filter((word) => words.has(word)).length;
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Gives the mean confidence of all lines, and a low one when there are none. */
export function assessReadings(readings: readonly Reading[]): number {
  const lines = readings.flatMap((reading) => reading.lines);
  if (lines.length === 0) return NOTHING_FOUND;
  const mean = lines.reduce((sum, { confidence }) => sum + confidence, 0) / lines.length;
  return Math.min(1, Math.max(0, mean));
}
