import { createFeatureReader, FEATURE_KINDS, type FeatureSettings } from '../text-features.ts';

/** Examples as sparse vectors: row r's buckets are `buckets[starts[r] .. starts[r + 1])`, their values beside them. */
export interface SparseRows {
  readonly starts: Int32Array;
  readonly buckets: Int32Array;
  readonly values: Float32Array;
}

/**
 * Reads the features of all texts. The value of a feature is its kind's weight over the root of how many of its kind
 * the text has, which is what the runtime computes, too.
 */
export function readRows(
  texts: readonly string[],
  settings: FeatureSettings,
  kindWeights: readonly number[],
): SparseRows {
  const reader = createFeatureReader(settings);
  const starts = new Int32Array(texts.length + 1);
  let buckets = new Int32Array(texts.length * 256 + 1024);
  let values = new Float32Array(buckets.length);
  let size = 0;
  texts.forEach((text, row) => {
    const features = reader.read(text);
    const total = features.ends[FEATURE_KINDS.length - 1] ?? 0;
    if (size + total > buckets.length) {
      buckets = grown(buckets, new Int32Array((size + total) * 2));
      values = grown(values, new Float32Array(buckets.length));
    }
    let from = 0;
    FEATURE_KINDS.forEach((_kind, at) => {
      const to = features.ends[at] ?? 0;
      values.fill((kindWeights[at] ?? 0) / Math.sqrt(Math.max(1, to - from)), size + from, size + to);
      from = to;
    });
    buckets.set(features.buckets.subarray(0, total), size);
    size += total;
    starts[row + 1] = size;
  });
  return { starts, buckets: buckets.slice(0, size), values: values.slice(0, size) };
}

function grown<T extends Int32Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
