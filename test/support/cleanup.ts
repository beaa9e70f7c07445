/**
 * What a test file has started and not yet stopped. Whatever is left is stopped, newest first, when the file's tests have
 * ended, failed ones too. (A worker that is killed cannot do that: run-tests.mjs then ends what carries the run's mark.)
 */
const owned = new Set<() => Promise<void>>();

/** Has `stop` called when the file's tests have ended; the returned function stops it now. Either way only once. */
export function onCleanup(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  const once = (): Promise<void> => {
    owned.delete(once);
    stopped ??= stop();
    return stopped;
  };
  owned.add(once);
  return once;
}

/** Stops all that is left; for programs that are no Jest test, which has it done by itself. */
export async function cleanUp(): Promise<void> {
  const failures: unknown[] = [];
  for (const stop of [...owned].reverse()) {
    await stop().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, `could not stop ${failures.length} part(s)`);
}

// The package @jest/globals throws when it is imported elsewhere.
(globalThis as { afterAll?: (end: () => Promise<void>, timeoutMs: number) => void }).afterAll?.(cleanUp, 60_000);
