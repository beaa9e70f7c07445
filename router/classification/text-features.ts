import { foldUnit, isSpace, standsAlone } from './text-fold.ts';

/** How features are read from a text; a part of the model, since weights mean nothing without it. */
export interface FeatureSettings {
  /** Features fall into 2^bits buckets. */
  readonly bits: number;
  /** Longest run of words that is one feature. */
  readonly maxWords: number;
  /** Shortest and longest run of characters inside a word that is one feature; a word's edges count as characters. */
  readonly minChars: number;
  readonly maxChars: number;
  /** Of a longer text only its first and last units are read. */
  readonly headUnits: number;
  readonly tailUnits: number;
}

/** Kinds of features; each is weighed by how many of its kind a text has, so that long texts count no more than short ones. */
export const FEATURE_KINDS = ['word', 'chars', 'shape'] as const;

/**
 * Features of one text, in arrays that are used again for the next: read them before the next call. Each bucket stands
 * once. Those of words come first, then those of characters, then those of the text's shape.
 */
export interface TextFeatures {
  readonly buckets: Int32Array;
  /** Ends of the three kinds in `buckets`. */
  readonly ends: Int32Array;
}

export interface FeatureReader {
  /** Reads a text. Takes time linear in the part that is read. With `names`, where each feature stands is kept, too. */
  read(text: string, names?: boolean): TextFeatures;
  /** Gives the part of the text that made a bucket at the last `read` with names, for people; undefined when none did. */
  nameOf(bucket: number): string | undefined;
}

const EDGE = 0x20;
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;
const WORD_SEED = 0x2545f491;
const CHARS_SEED = 0x1b873593;
const SHAPE_SEED = 0x4cf5ad43;
const SPREAD = 0x9e3779b1 | 0;

/** Longest word whose characters are looked at; longer ones are keys, hashes, encoded data. */
const MAX_WORD_UNITS = 24;
/** Longest run of signs that is one feature. */
const MAX_SIGNS = 3;
/** Signs of ordinary writing. A run of these alone says nothing, so that added or left out punctuation changes nothing. */
const PLAIN_SIGNS = new Set(Array.from('.,!?;:\'"-()…–—‘’“”«»¿¡。、，！？：；「」（）', (sign) => sign.charCodeAt(0)));

/** Makes a reader. It owns its arrays: not for use by two at a time. */
export function createFeatureReader(settings: FeatureSettings): FeatureReader {
  const { bits, maxWords, minChars, maxChars, headUnits, tailUnits } = settings;
  const shift = 32 - bits;
  const maxUnits = headUnits + tailUnits;
  const perUnit = maxWords + (maxChars - minChars + 1) + 2;
  const buckets = new Int32Array(maxUnits * perUnit + 64);
  const froms = new Int32Array(buckets.length);
  const tos = new Int32Array(buckets.length);
  const ends = new Int32Array(FEATURE_KINDS.length);
  const stamps = new Uint16Array(2 ** bits);
  const units = new Uint16Array(maxUnits + 2);
  const wordFroms = new Int32Array(maxUnits + 1);
  const wordTos = new Int32Array(maxUnits + 1);
  const hashes = new Int32Array(maxUnits + 1);
  const features: TextFeatures = { buckets, ends };
  let named = false;
  let stamp = 0;
  let count = 0;
  let text = '';
  let skipped = 0;

  const add = (hash: number, from: number, to: number): void => {
    const bucket = Math.imul(hash ^ (hash >>> 15), SPREAD) >>> shift;
    if (stamps[bucket] === stamp) return;
    stamps[bucket] = stamp;
    buckets[count] = bucket;
    if (named) {
      froms[count] = from;
      tos[count] = to;
    }
    count += 1;
  };

  /** Position in the whole text of a position in the part that is read. */
  const unitAt = (at: number): number => text.charCodeAt(at < headUnits || skipped === 0 ? at : at + skipped);

  const splitWords = (length: number): number => {
    let words = 0;
    let start = -1;
    for (let at = 0; at < length; at += 1) {
      const unit = unitAt(at);
      // An apostrophe inside a word is left out of it: "don't", "dont".
      const folded = foldUnit(unit);
      units[at] = folded;
      const alone = folded >= 0x3040 && standsAlone(folded);
      if (start >= 0 && (folded === 0 || alone)) {
        wordFroms[words] = start;
        wordTos[words] = at;
        words += 1;
        start = -1;
      }
      if (alone) {
        wordFroms[words] = at;
        wordTos[words] = at + 1;
        words += 1;
      } else if (folded !== 0 && start < 0) start = at;
    }
    if (start >= 0) {
      wordFroms[words] = start;
      wordTos[words] = length;
      words += 1;
    }
    return words;
  };

  const addWords = (words: number): void => {
    for (let word = 0; word < words; word += 1) {
      const from = wordFroms[word] ?? 0;
      const to = wordTos[word] ?? 0;
      let hash = HASH_START;
      for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (units[at] ?? 0), HASH_FACTOR);
      hashes[word] = hash;
      let run = WORD_SEED;
      const first = word - maxWords + 1;
      for (let back = word; back >= first && back >= 0; back -= 1) {
        run = Math.imul(run ^ (hashes[back] ?? 0), HASH_FACTOR) + back - word;
        add(run ^ (run >>> 13), wordFroms[back] ?? 0, to);
      }
    }
  };

  const addChars = (words: number): void => {
    for (let word = 0; word < words; word += 1) {
      const from = wordFroms[word] ?? 0;
      const to = Math.min(wordTos[word] ?? 0, from + MAX_WORD_UNITS);
      for (let start = from - 1; start <= to - minChars + 1; start += 1) {
        let hash = CHARS_SEED;
        const last = Math.min(start + maxChars, to + 1);
        for (let at = start; at < last; at += 1) {
          hash = Math.imul(hash ^ (at < from || at >= to ? EDGE : (units[at] ?? 0)), HASH_FACTOR);
          // Named by the whole word, which people know.
          if (at - start + 1 >= minChars) add(hash, from, to);
        }
      }
    }
  };

  const addShapes = (length: number): void => {
    let run = 0;
    let telling = false;
    let from = 0;
    let hash = SHAPE_SEED;
    for (let at = 0; at <= length; at += 1) {
      const unit = at < length ? unitAt(at) : EDGE;
      const sign = at < length && units[at] === 0 && !isSpace(unit);
      if (sign) {
        if (run === 0) from = at;
        if (run < MAX_SIGNS) hash = Math.imul(hash ^ unit, HASH_FACTOR);
        if (!PLAIN_SIGNS.has(unit)) telling = true;
        run += 1;
      } else if (run > 0) {
        if (telling) add(hash, from, at);
        run = 0;
        telling = false;
        hash = SHAPE_SEED;
      }
    }
  };

  return {
    read(whole, names = false) {
      named = names;
      text = whole;
      const length = Math.min(whole.length, maxUnits);
      skipped = whole.length - length;
      if (stamp === 0xffff) {
        stamps.fill(0);
        stamp = 0;
      }
      stamp += 1;
      count = 0;
      const words = splitWords(length);
      addWords(words);
      ends[0] = count;
      addChars(words);
      ends[1] = count;
      addShapes(length);
      ends[2] = count;
      return features;
    },
    nameOf(bucket) {
      const at = buckets.subarray(0, count).indexOf(bucket);
      if (at < 0) return undefined;
      const map = (position: number): number => (position < headUnits ? position : position + skipped);
      return text.slice(map(froms[at] ?? 0), map((tos[at] ?? 1) - 1) + 1);
    },
  };
}
