import path from 'node:path';
import type { Clock } from '../clock.ts';
import type { FrontierConfig } from '../config/schema.ts';
import type { Logger } from '../logging.ts';
import type { Rng } from '../rng.ts';
import { createMemoryStore } from './memory-store.ts';
import { readRedisSettings } from './redis-settings.ts';
import type { Store } from './store.ts';

export interface OpenStoreOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Gives the store that routers share their state through, as configured.
 * @throws FrontierError CONFIG_INVALID when a secret or certificate cannot be read, or the server refuses it
 */
export async function openSharedStore({ config, clock, rng, log, env }: OpenStoreOptions): Promise<Store> {
  const { storage } = config.orchestration;
  if (storage.type === 'redis' && storage.redis !== undefined) {
    const settings = readRedisSettings(storage.redis, { env, rootDir: config.rootDir });
    // Loaded only here, since it brings a large package with it.
    const { createRedisStore } = await import('./redis-store.ts');
    return await createRedisStore({ settings, clock, rng, log });
  }
  return await createMemoryStore({
    clock,
    log,
    snapshotPath: path.join(config.dataDir, 'state', 'router.json'),
    snapshotIntervalMs: storage.snapshot_interval * 1000,
  });
}
