import type { Embedder } from '../embedding/embedder.ts';
import { similarityOf as wordsSimilarity, vectorOf, type TextVector } from './similarity.ts';

/** A text with all that it is compared by. */
export interface ComparableText {
  readonly words: TextVector;
  /** Its sentence embedding; undefined where there was none in time. */
  readonly meaning: Float32Array | undefined;
  /** Its numbers and negations, which embeddings hardly see. */
  readonly musts: string;
  /** Memory, in bytes. */
  readonly bytes: number;
}

/** Tells how similar two texts are. */
export interface CompareTexts {
  /** Least similarity of a query that is answered by another's answer. */
  readonly bound: number;
  readonly prepare: (text: string) => ComparableText | Promise<ComparableText>;
  /** Gives the cosine of the angle between both, by meaning where both have one, else by words; -1 where they ask for other things for sure. */
  readonly similarityOf: (a: ComparableText, b: ComparableText) => number;
}

/** Compares by words: the same words in nearly the same form. */
export function compareWords(bound: number): CompareTexts {
  return { bound, prepare: (text) => comparable(text, undefined), similarityOf: byWords };
}

/**
 * Compares by sentence embeddings, waiting for each at most `budgetMs`. Texts without one are compared by words under the same
 * bound, which is the stricter measure.
 */
export function compareMeaning(bound: number, embedder: Pick<Embedder, 'embed'>, budgetMs: number): CompareTexts {
  return {
    bound,
    async prepare(text) {
      const embedded = await embedder.embed(text, budgetMs);
      return comparable(text, typeof embedded === 'string' ? undefined : embedded);
    },
    similarityOf(a, b) {
      if (a.meaning === undefined || b.meaning === undefined) return byWords(a, b);
      return a.musts === b.musts ? product(a.meaning, b.meaning) : -1;
    },
  };
}

function comparable(text: string, meaning: Float32Array | undefined): ComparableText {
  const words = vectorOf(text);
  const musts = mustsOf(text);
  return { words, meaning, musts, bytes: words.byteLength + (meaning?.byteLength ?? 0) + musts.length * 2 };
}

const byWords = (a: ComparableText, b: ComparableText): number => wordsSimilarity(a.words, b.words);

const wordsOf = (text: string): string[] => text.split(' ');
const NEGATIONS = new Set(
  wordsOf(
    'no not never none nor without except cannot kein keine keinen nicht nie ohne sin nunca pas jamais sans non senza',
  ),
);

/** Words whose opposite or neighbour a sentence model puts close by: what is asked turns on them. */
const TELLING = new Set([
  ...wordsOf(
    'first second third fourth fifth last next previous monday tuesday wednesday thursday friday saturday sunday',
  ),
  ...wordsOf('january february march april may june july august september october november december'),
  ...wordsOf('left right up down before after above below north south east west ascending descending'),
  ...wordsOf(
    'increase decrease raise lower enable disable start stop open close add remove buy sell high low rich poor',
  ),
  ...wordsOf(
    'largest smallest most least best worst minimum maximum advantages disadvantages pros cons encrypt decrypt',
  ),
  ...wordsOf('import export upload download supervised unsupervised one two three four five six seven eight nine ten'),
]);

/**
 * Gives what must be the same for two texts to ask the same, in order of the alphabet: numbers, negations, single letters and words of
 * opposites and sequences. "Revenue in 2023" and "revenue in 2024" are all but the same to a sentence model.
 */
export function mustsOf(text: string): string {
  const found: string[] = [];
  for (const word of text.toLowerCase().match(/\d+(?:[.,:/]\d+)*|[\p{L}’']+/gu) ?? []) {
    if (/\d/.test(word) || TELLING.has(word) || (word.length === 1 && word !== 'a' && word !== 'i')) found.push(word);
    else if (NEGATIONS.has(word) || /n[’']t$/.test(word)) found.push('not');
  }
  return found.sort().join(' ');
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
