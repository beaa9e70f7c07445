import { messageOf } from '../../core/errors.ts';
import { findEmbeddingFiles } from './embedding-files.ts';
import { loadSentenceEncoder, type EncodeSentence } from './sentence-encoder.ts';

/**
 * Loads the sentence model in the calling thread, for tools that work on files: from FRONTIER_RUNTIME__EMBEDDING_PATH, else
 * from among what was fetched. Gives why there is none where it cannot be loaded.
 */
export async function openSentenceModel(
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly encode: EncodeSentence } | { readonly missing: string }> {
  const files = findEmbeddingFiles(env['FRONTIER_RUNTIME__EMBEDDING_PATH'], env);
  if ('missing' in files) return { missing: `${files.missing} is missing; \`npm start\` fetches it` };
  try {
    return { encode: await loadSentenceEncoder(files) };
  } catch (thrown) {
    return { missing: messageOf(thrown) };
  }
}
