import { FrontierError } from '../../core/errors.ts';
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

/** "FCM" and the version of the format. */
const MAGIC = 0x46434d01;
const FIXED_BYTES = 12;

/** Writes a model: magic, checksum of all that follows, length of the header; the header as JSON; the weights. */
export function encodeModel(model: LinearModel): Uint8Array {
  const { weights, ...header } = model;
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(FIXED_BYTES + json.length + weights.length);
  bytes.set(json, FIXED_BYTES);
  bytes.set(new Uint8Array(weights.buffer, weights.byteOffset, weights.length), FIXED_BYTES + json.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(8, json.length);
  view.setUint32(4, checksum(bytes.subarray(8)));
  return bytes;
}

/** Reads a model that encodeModel wrote. Throws MODEL_UNREADABLE, saying what is wrong, when the bytes are no sound model. */
export function decodeModel(bytes: Uint8Array): LinearModel {
  if (bytes.length < FIXED_BYTES) throw unreadable('it is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic >>> 8 !== MAGIC >>> 8) throw unreadable('it is not a classifier model');
  if (magic !== MAGIC) throw unreadable(`its format ${magic & 0xff} is not known to this version`);
  if (view.getUint32(4) !== checksum(bytes.subarray(8)))
    throw unreadable('its checksum does not match: it is damaged or cut short');
  const start = FIXED_BYTES + view.getUint32(8);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(FIXED_BYTES, start))) as Omit<
    LinearModel,
    'weights'
  >;
  // Copied, since a view would keep all that the bytes were cut from.
  const weights = Int8Array.from(bytes.subarray(start), (byte) => (byte << 24) >> 24);
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

function unreadable(why: string): FrontierError {
  return new FrontierError('MODEL_UNREADABLE', `the classifier's model cannot be used: ${why}`);
}

/** FNV-1a over 32 bits: finds damage, not forgery. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
