import type { Rng } from '../../core/rng.ts';
import { readProjectExamples } from '../../router/classification/training/read-dataset.ts';

/** Longest query of the benchmark, in characters. */
const MAX_CHARS = 512;
const MIN_CHARS = 16;

/** Gives queries of every length from 16 to 512 characters, equally many of each, out of the project's own examples. */
export function makeQueries(count: number, rng: Rng): string[] {
  const { own } = readProjectExamples();
  return Array.from({ length: count }, () => {
    const length = MIN_CHARS + Math.floor(rng.next() * (MAX_CHARS - MIN_CHARS + 1));
    let text = '';
    while (text.length < length) text += `${own[Math.floor(rng.next() * own.length)]?.text ?? ''} `;
    return text.slice(0, length);
  });
}

/** Gives the project's own examples of at most 512 characters, as they are, over and over until there are `count`. */
export function naturalQueries(count: number): string[] {
  const { own } = readProjectExamples();
  const texts = own.map(({ text }) => text).filter((text) => text.length <= MAX_CHARS);
  return Array.from({ length: count }, (_none, at) => texts[(at * 7919) % texts.length] ?? '');
}
