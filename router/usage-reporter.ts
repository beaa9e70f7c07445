import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logging.ts';
import type { LoaderClient } from './loader-client.ts';
import type { ModuleBoard } from './resilience/module-board.ts';

const INTERVAL_MS = 1_000;

/** Tells the loader each second what was used, so that it neither unloads busy modules nor keeps idle ones. */
export function startUsageReports(
  board: ModuleBoard,
  loader: LoaderClient,
  clock: Clock,
  log: Logger,
): { close(): void } {
  let busy = false;
  const report = async (): Promise<void> => {
    if (busy) return;
    const usage = board.takeUsage();
    if (usage.length === 0) return;
    busy = true;
    try {
      await loader.reportUsage(usage);
    } catch (error) {
      log.debug({ event: 'usage_not_reported', error: messageOf(error) });
    } finally {
      busy = false;
    }
  };
  const stop = clock.every(INTERVAL_MS, () => void report());
  return { close: stop };
}
