import { decodeModelFile, encodeModelFile, MODEL_KINDS, unreadable } from './model-file.ts';
import { FEATURE_KINDS, type FeatureSettings } from './text-features.ts';

/**
 * A trained linear classifier. The score of class c is biases[c] + scales[c] × the sum over the text's features of
 * kindWeights[kind] / √(features of the kind) × weights[bucket × classes + c]; softmax of the scores gives probabilities.
 */
export interface LinearModel {
  readonly classes: readonly string[];
  readonly settings: FeatureSettings;
  /** One for each of FEATURE_KINDS. */
  readonly kindWeights: readonly number[];
  readonly biases: readonly number[];
  readonly scales: readonly number[];
  readonly weights: Int8Array;
  /** What it was trained on and how well it did, for people. */
  readonly about: Readonly<Record<string, string | number>>;
}

/** Writes a model. */
export function encodeModel(model: LinearModel): Uint8Array {
  const { weights, ...header } = model;
  return encodeModelFile(
    MODEL_KINDS.linear,
    header,
    new Uint8Array(weights.buffer, weights.byteOffset, weights.length),
  );
}

/** Reads a model that encodeModel wrote. Throws MODEL_UNREADABLE, saying what is wrong, when the bytes are no sound model. */
export function decodeModel(bytes: Uint8Array): LinearModel {
  const file = decodeModelFile(MODEL_KINDS.linear, bytes);
  const header = file.header as Omit<LinearModel, 'weights'>;
  // Copied, since a view would keep all that the bytes were cut from.
  const weights = Int8Array.from(file.payload, (byte) => (byte << 24) >> 24);
  const classes = header.classes.length;
  if (
    classes < 2 ||
    weights.length !== classes * 2 ** header.settings.bits ||
    header.biases.length !== classes ||
    header.scales.length !== classes ||
    header.kindWeights.length !== FEATURE_KINDS.length
  )
    throw unreadable('its parts do not fit together');
  return { ...header, weights };
}
