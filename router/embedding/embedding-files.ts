import { existsSync } from 'node:fs';
import path from 'node:path';

/** Files of a sentence model, as all-MiniLM-L6-v2 ships them. */
export interface EmbeddingFiles {
  readonly weights: string;
  readonly tokenizer: string;
  readonly tokenizerSettings: string;
}

/** Folder below the folder of downloads that the model is fetched into (cli/bootstrap/embedding.mjs). */
export const EMBEDDING_FOLDER = path.join('models', 'all-MiniLM-L6-v2');

/** Gives the files in a folder, or the name of one that is missing. */
export function embeddingFilesIn(folder: string): EmbeddingFiles | { readonly missing: string } {
  const files = {
    weights: path.join(folder, 'model.safetensors'),
    tokenizer: path.join(folder, 'tokenizer.json'),
    tokenizerSettings: path.join(folder, 'tokenizer_config.json'),
  };
  const missing = Object.values(files).find((file) => !existsSync(file));
  return missing === undefined ? files : { missing };
}
