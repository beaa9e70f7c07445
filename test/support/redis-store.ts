import { systemClock } from '../../core/clock.ts';
import { orchestrationFileSchema } from '../../core/config/schema.ts';
import { silentLogger, type Logger } from '../../core/logging.ts';
import { createSeededRng } from '../../core/rng.ts';
import { readRedisSettings } from '../../core/store/redis-settings.ts';
import { createRedisStore } from '../../core/store/redis-store.ts';
import type { Store } from '../../core/store/store.ts';
import { onCleanup } from './cleanup.ts';

/** Longest wait for a command, in seconds: a busy machine is no fault, unless a test says what is too long. */
const PATIENT = { command_timeout: 10 };

/** Opens a store with these keys of storage.redis; it is closed at the latest when the file's tests have ended. */
export async function openRedisStore(
  redis: object,
  env: Readonly<Record<string, string>> = {},
  log: Logger = silentLogger,
): Promise<Store> {
  const { orchestration } = orchestrationFileSchema.parse({
    orchestration: { storage: { type: 'redis', redis: { ...PATIENT, ...redis } } },
  });
  const settings = readRedisSettings(orchestration.storage.redis!, { env, rootDir: '/' });
  const store = await createRedisStore({ settings, clock: systemClock, rng: createSeededRng(1), log });
  onCleanup(() => store.close());
  return store;
}
