import type { LinearModel } from './linear-model.ts';
import { createFeatureReader, FEATURE_KINDS } from './text-features.ts';

/** What one part of a text adds to a class's score. */
export interface Contribution {
  readonly text: string;
  readonly classIndex: number;
  /** In log-odds. */
  readonly weight: number;
}

/** Scores texts by a model. It owns its arrays: not for use by two at a time. */
export interface LinearScorer {
  readonly classes: readonly string[];
  /** Gives the score of each class in log-odds, in an array that the next call uses again. */
  score(text: string): Float64Array;
  /** Gives the words and signs that speak most strongly for any class, strongest first. Slow: for explanations. */
  contributions(text: string, limit: number): Contribution[];
}

export function createLinearScorer(model: LinearModel): LinearScorer {
  const { settings, kindWeights, biases, scales, weights } = model;
  const classes = model.classes.length;
  const reader = createFeatureReader(settings);
  const scores = new Float64Array(classes);
  const sums = new Int32Array(classes);

  const score = (text: string): Float64Array => {
    const { buckets, ends } = reader.read(text);
    for (let c = 0; c < classes; c += 1) scores[c] = biases[c] ?? 0;
    let from = 0;
    for (let kind = 0; kind < FEATURE_KINDS.length; kind += 1) {
      const to = ends[kind] ?? 0;
      if (to > from) {
        sums.fill(0);
        if (classes === 5) sumFive(weights, buckets, from, to, sums);
        else sumAny(weights, buckets, from, to, sums);
        const value = (kindWeights[kind] ?? 0) / Math.sqrt(to - from);
        for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) + value * (scales[c] ?? 0) * (sums[c] ?? 0);
      }
      from = to;
    }
    return scores;
  };

  return {
    classes: model.classes,
    score,
    contributions(text, limit) {
      const { buckets, ends } = reader.read(text, true);
      const parts = new Map<string, Float64Array>();
      let from = 0;
      FEATURE_KINDS.forEach((_kind, at) => {
        const to = ends[at] ?? 0;
        const value = (kindWeights[at] ?? 0) / Math.sqrt(Math.max(1, to - from));
        for (const bucket of buckets.subarray(from, to)) {
          const name = (reader.nameOf(bucket) ?? '').toLowerCase();
          const sums = parts.get(name) ?? new Float64Array(classes);
          scales.forEach((scale, c) => {
            sums[c] = (sums[c] ?? 0) + value * scale * (weights[bucket * classes + c] ?? 0);
          });
          parts.set(name, sums);
        }
        from = to;
      });
      return [...parts]
        .map(strongest)
        .sort((a, b) => b.weight - a.weight)
        .slice(0, limit);
    },
  };
}

/** What a part of a text says most: how far it lifts one class above the mean of all. */
function strongest([text, sums]: readonly [string, Float64Array]): Contribution {
  const most = Math.max(...sums);
  const mean = sums.reduce((sum, one) => sum + one, 0) / sums.length;
  return { text, classIndex: sums.indexOf(most), weight: most - mean };
}

/** The loop that every query passes, for the five classes that ship. */
function sumFive(weights: Int8Array, buckets: Int32Array, from: number, to: number, sums: Int32Array): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  for (let at = from; at < to; at += 1) {
    const base = (buckets[at] ?? 0) * 5;
    s0 += weights[base] ?? 0;
    s1 += weights[base + 1] ?? 0;
    s2 += weights[base + 2] ?? 0;
    s3 += weights[base + 3] ?? 0;
    s4 += weights[base + 4] ?? 0;
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
  sums[4] = s4;
}

function sumAny(weights: Int8Array, buckets: Int32Array, from: number, to: number, sums: Int32Array): void {
  for (let at = from; at < to; at += 1) {
    const base = (buckets[at] ?? 0) * sums.length;
    for (let c = 0; c < sums.length; c += 1) sums[c] = (sums[c] ?? 0) + (weights[base + c] ?? 0);
  }
}

/** Turns scores into probabilities, in place. */
export function toProbabilities(scores: Float64Array): void {
  let highest = -Infinity;
  for (const score of scores) highest = Math.max(highest, score);
  let sum = 0;
  for (let c = 0; c < scores.length; c += 1) {
    const power = Math.exp((scores[c] ?? 0) - highest);
    scores[c] = power;
    sum += power;
  }
  for (let c = 0; c < scores.length; c += 1) scores[c] = (scores[c] ?? 0) / sum;
}
