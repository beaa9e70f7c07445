import { fraction } from './score.ts';
import type { TextScan } from './text-scan.ts';

/** Length from which more words earn nothing, in words. */
const ENOUGH_WORDS = 40;
/** Length from which a text should have paragraphs, lists or code, in characters. */
const LONG_CHARACTERS = 600;

/**
 * Gives the content signal from 0 to 1: half for length, which saturates soon (length says nothing of correctness), half for
 * structure: lines, lists and closed code fences where the text is long, none needed where it is short.
 */
export function structureOf(scan: TextScan): number {
  const length = fraction(Math.log2(1 + scan.words.length) / Math.log2(1 + ENOUGH_WORDS));
  return 0.5 * length + 0.5 * layout(scan);
}

function layout(scan: TextScan): number {
  if (scan.words.length === 0) return 0;
  if (scan.fences % 2 === 1) return 0.3;
  if (scan.text.length < LONG_CHARACTERS) return 1;
  const parts = scan.lines + scan.markedLines + 2 * scan.fences;
  return 0.4 + 0.6 * fraction((parts * 300) / scan.text.length);
}
