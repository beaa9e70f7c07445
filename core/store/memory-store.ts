import type { Clock } from '../clock.ts';
import { FrontierError, messageOf } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { add, copyJson, read, remove, swap, sweep, withPrefix, write, type Entries, type Held } from './entries.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import type { Store } from './store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the state is kept between two runs; in memory alone when left out. */
  readonly snapshotPath?: string;
  /** Time between two snapshots: what a crash may lose. */
  readonly snapshotIntervalMs?: number;
}

/** Gives a store in this process's memory, restored from its snapshot. Resolves once it can be used. */
export async function createMemoryStore(options: MemoryStoreOptions): Promise<Store> {
  const { clock, log, snapshotPath, snapshotIntervalMs = 10_000 } = options;
  const entries = snapshotPath === undefined ? new Map<string, Held>() : await readSnapshot(snapshotPath, log);
  const keeper = keepSnapshots(entries, { clock, log, snapshotPath, snapshotIntervalMs });
  let closing: Promise<void> | undefined;

  /** Runs one operation now, as the promise that the interface asks for; a throw becomes a rejection. */
  const run = <T>(operation: (nowMs: number) => T): Promise<T> =>
    new Promise((resolve) => {
      if (closing !== undefined) throw new FrontierError('STORE_UNAVAILABLE', 'the store has been closed');
      resolve(operation(clock.nowMs()));
    });
  const change = <T>(operation: (nowMs: number) => T): Promise<T> =>
    run((nowMs) => {
      const result = operation(nowMs);
      keeper.changed();
      return result;
    });

  return {
    get: (key) =>
      run((nowMs) => {
        const value = read(entries, key, nowMs);
        return value === undefined ? undefined : copyJson(value);
      }),
    set: (key, value, writeOptions = {}) =>
      change((nowMs) => {
        write(entries, key, value, writeOptions, nowMs);
      }),
    delete: (key) => change((nowMs) => remove(entries, key, nowMs)),
    increment: (key, by = 1, writeOptions = {}) => change((nowMs) => add(entries, key, by, writeOptions, nowMs)),
    compareAndSet: (key, expected, next, writeOptions = {}) =>
      change((nowMs) => swap(entries, key, expected, next, writeOptions, nowMs)),
    list: (prefix) =>
      run((nowMs) => withPrefix(entries, prefix, nowMs).map(({ key, value }) => ({ key, value: copyJson(value) }))),
    close: () => (closing ??= keeper.close()),
  };
}

interface KeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly snapshotPath: string | undefined;
  readonly snapshotIntervalMs: number;
}

interface Keeper {
  /** To be called after each change. */
  changed(): void;
  /** Writes what has changed since, after the write under way; rejects with STORE_UNAVAILABLE when it cannot. */
  close(): Promise<void>;
}

/** Sweeps the entries at each interval and writes them when they have changed, one write at a time. */
function keepSnapshots(entries: Entries, { clock, log, snapshotPath, snapshotIntervalMs }: KeeperOptions): Keeper {
  let dirty = false;
  let writing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    if (snapshotPath === undefined || !dirty) return;
    dirty = false;
    try {
      await writeSnapshot(snapshotPath, entries);
    } catch (error) {
      dirty = true;
      throw new FrontierError('STORE_UNAVAILABLE', 'the snapshot could not be written', { cause: error });
    }
  };
  const tick = (): void => {
    sweep(entries, clock.nowMs());
    // A slow disk skips a turn; the next one writes the latest state.
    writing ??= flush()
      .catch((error: unknown) => {
        const cause = error instanceof Error ? messageOf(error.cause) : '';
        log.warn({ event: 'snapshot_failed', path: snapshotPath, cause });
      })
      .finally(() => {
        writing = undefined;
      });
  };
  const cancel = clock.every(snapshotIntervalMs, tick);
  return {
    changed: () => {
      dirty = true;
    },
    close: async () => {
      cancel();
      await writing;
      sweep(entries, clock.nowMs());
      await flush();
    },
  };
}
