import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { cacheDirOf } from '../../core/service/cache-dir.ts';

/** Files of a sentence model, as all-MiniLM-L6-v2 ships them. */
export interface EmbeddingFiles {
  readonly weights: string;
  readonly tokenizer: string;
  readonly tokenizerSettings: string;
}

/** Folder below the folder of downloads that the model is fetched into (cli/bootstrap/embedding.mjs). */
const EMBEDDING_FOLDER = path.join('models', 'all-MiniLM-L6-v2');

/** Gives the files in a folder, or the name of one that is missing. */
function embeddingFilesIn(folder: string): EmbeddingFiles | { readonly missing: string } {
  const files = {
    weights: path.join(folder, 'model.safetensors'),
    tokenizer: path.join(folder, 'tokenizer.json'),
    tokenizerSettings: path.join(folder, 'tokenizer_config.json'),
  };
  const missing = Object.values(files).find((file) => !existsSync(file));
  return missing === undefined ? files : { missing };
}

/** Gives the files of the sentence model: in the configured folder, else among what was fetched. */
export function findEmbeddingFiles(
  configured: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): EmbeddingFiles | { readonly missing: string } {
  return embeddingFilesIn(configured ?? path.join(cacheDirOf(env, homedir()), EMBEDDING_FOLDER));
}
