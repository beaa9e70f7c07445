import { textHash } from '../decide/text-hash.ts';

const DIMENSIONS = 256;
const GRAM = 3;

/** A text as a point on the unit sphere. */
export type TextVector = Float32Array;

/**
 * Gives a text as a vector: counts of its words and of its letters three by three, hashed into 256 dimensions with a sign each
 * (Weinberger et al. 2009), at length 1. Texts with the same words in nearly the same form are close; other words for
 * the same thing are not.
 */
export function vectorOf(text: string): TextVector {
  const vector = new Float32Array(DIMENSIONS);
  const folded = text.toLowerCase();
  for (const word of folded.match(/[\p{L}\p{N}]+/gu) ?? []) {
    add(vector, word, 2);
    const padded = ` ${word} `;
    for (let at = 0; at + GRAM <= padded.length; at += 1) add(vector, padded.slice(at, at + GRAM), 1);
  }
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.sqrt(square);
  if (length > 0) for (let at = 0; at < DIMENSIONS; at += 1) vector[at] = (vector[at] ?? 0) / length;
  return vector;
}

/** Gives the cosine of the angle between two texts: 1 for the same, near 0 for texts that share nothing. */
export function similarityOf(a: TextVector, b: TextVector): number {
  let sum = 0;
  for (let at = 0; at < DIMENSIONS; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}

function add(vector: TextVector, feature: string, weight: number): void {
  const hash = textHash(feature);
  const at = hash % DIMENSIONS;
  vector[at] = (vector[at] ?? 0) + (hash & 0x100 ? weight : -weight);
}
