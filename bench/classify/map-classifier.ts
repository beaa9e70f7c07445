import type { LinearModel } from '../../router/classification/linear-model.ts';

/**
 * The baseline: the same features of words and characters, read the way one would at first: split by a pattern, cut into
 * strings, looked up in a Map. Weights are drawn from the model's, so that as much is added up.
 */
export function createMapClassifier(model: LinearModel, texts: readonly string[]): (text: string) => number {
  const classes = model.classes.length;
  const weights = new Map<string, Int8Array>();
  for (const text of texts) {
    for (const feature of featuresOf(text, model)) {
      const at = (weights.size * classes) % (model.weights.length - classes);
      if (!weights.has(feature)) weights.set(feature, model.weights.subarray(at, at + classes));
    }
  }
  return (text) => {
    const scores = new Array<number>(classes).fill(0);
    for (const feature of featuresOf(text, model)) {
      const row = weights.get(feature);
      if (row !== undefined) for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) + (row[c] ?? 0);
    }
    return scores.indexOf(Math.max(...scores));
  };
}

function featuresOf(text: string, { settings }: LinearModel): Set<string> {
  const features = new Set<string>();
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  words.forEach((word, at) => {
    for (let size = 1; size <= settings.maxWords && at + size <= words.length; size += 1)
      features.add(words.slice(at, at + size).join(' '));
    const edged = ` ${word} `;
    for (let size = settings.minChars; size <= settings.maxChars; size += 1)
      for (let from = 0; from + size <= edged.length; from += 1) features.add(edged.slice(from, from + size));
  });
  return features;
}
