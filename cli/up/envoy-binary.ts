import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { FrontierConfig } from '../../core/config/schema.ts';

/** Version that cli/bootstrap fetches. */
export const ENVOY_VERSION = '1.40.0';

/** Gives the path of Envoy: the configured one, one on PATH, or the one that was fetched; undefined when there is none. */
export function findEnvoy(config: FrontierConfig, path: string, cacheDir: string): string | undefined {
  const configured = config.orchestration.runtime.envoy_path;
  const candidates =
    configured === undefined
      ? [
          ...path
            .split(delimiter)
            .filter((folder) => folder !== '')
            .map((folder) => join(folder, 'envoy')),
          join(cacheDir, `envoy-${ENVOY_VERSION}`, 'envoy'),
        ]
      : [resolve(config.rootDir, configured)];
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
