import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { decodeModel, type LinearModel } from './linear-model.ts';
import { SHIPPED_MODEL } from './load-model.ts';
import { checksumOf } from './model-file.ts';
import { decodeSecondStage, EMBEDDING_VERSION, type SecondStageModel } from './second-stage-model.ts';

/** Both stages' models. */
export interface StageModels {
  readonly lexical: LinearModel;
  /** Or why there is no second stage. */
  readonly second: SecondStageModel | { readonly missing: string };
}

/** Gives where the second stage of a model lies: beside it, `classifier.bin` and `classifier.second.bin`. */
export function secondStageFileOf(modelFile: string): string {
  const { dir, name, ext } = path.parse(modelFile);
  return path.join(dir, `${name}.second${ext}`);
}

/**
 * Reads a model and the second stage that was trained with it. Throws MODEL_UNREADABLE, naming the file, for one that is damaged
 * or belongs to another model; there need not be a second one.
 */
export function loadStages(modelFile = SHIPPED_MODEL): StageModels {
  const [lexical, checksum] = reading(modelFile, (bytes) => [decodeModel(bytes), checksumOf(bytes)] as const);
  const file = secondStageFileOf(modelFile);
  if (!existsSync(file)) return { lexical, second: { missing: `${file} is missing` } };
  const second = reading(file, decodeSecondStage);
  if (second.firstStage !== checksum || second.embedding !== EMBEDDING_VERSION)
    throw new FrontierError(
      'MODEL_UNREADABLE',
      `${file} was trained with another first stage or other embeddings: train both together, or take it away`,
    );
  return { lexical, second };
}

function reading<T>(file: string, decode: (bytes: Uint8Array) => T): T {
  try {
    return decode(readFileSync(file));
  } catch (thrown) {
    throw new FrontierError('MODEL_UNREADABLE', `${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
