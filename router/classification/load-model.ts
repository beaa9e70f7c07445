import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { decodeModel, type LinearModel } from './linear-model.ts';

/** The model that ships. */
export const SHIPPED_MODEL = path.join(import.meta.dirname, 'model', 'classifier.bin');

/** Reads a model's file. Throws MODEL_UNREADABLE, naming the file, when there is none or it is damaged. */
export function loadModel(file = SHIPPED_MODEL): LinearModel {
  try {
    return decodeModel(readFileSync(file));
  } catch (thrown) {
    throw new FrontierError('MODEL_UNREADABLE', `${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
