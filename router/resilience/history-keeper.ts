import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { QUERY_CLASSES } from '../../core/config/schema.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import type { Json, Store } from '../../core/store/store.ts';
import { storedBreakers } from './breaker-memory.ts';
import type { ModuleBoard } from './module-board.ts';

const KEY = 'router/history';
const BREAKERS_KEY = 'router/breakers';
const INTERVAL_MS = 5_000;

const fraction = z.number().min(0).max(1);
const storedHistory = z.record(
  z.string(),
  z.partialRecord(
    z.enum(QUERY_CLASSES),
    z.object({ count: z.int().min(0), successRate: fraction, confidence: fraction, latencyMs: z.number().min(0) }),
  ),
);

/** Restores what was learned of modules from the store, and keeps it there while the router runs. */
export async function keepHistory(
  board: ModuleBoard,
  store: Store,
  clock: Clock,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  const stored = storedHistory.safeParse((await store.get(KEY)) ?? {});
  if (stored.success) board.importHistory(stored.data);
  else log.warn({ event: 'history_unreadable', detail: 'what was stored is of another form; learning begins anew' });
  const breakers = storedBreakers.safeParse((await store.get(BREAKERS_KEY)) ?? {});
  if (breakers.success) board.importBreakers(breakers.data);
  const save = async (): Promise<void> => {
    try {
      await store.set(KEY, board.exportHistory() as unknown as Json);
      await store.set(BREAKERS_KEY, board.exportBreakers());
    } catch (error) {
      log.warn({ event: 'history_not_stored', error: messageOf(error) });
    }
  };
  const stop = clock.every(INTERVAL_MS, () => void save());
  return {
    async close() {
      stop();
      await save();
    },
  };
}
