import type { Clock } from '../core/clock.ts';

/**
 * Gives what `source` gives, and `beat()` whenever nothing has come for `everyMs`: a reader can then tell a slow answer from
 * a frozen process. Leaving the loop leaves the source.
 */
export async function* withHeartbeat<T>(
  source: AsyncGenerator<T, void, undefined>,
  clock: Clock,
  everyMs: number,
  beat: () => T,
): AsyncGenerator<T, void, undefined> {
  let silent = true;
  let wake = Promise.withResolvers<'beat'>();
  const stop = clock.every(everyMs, () => {
    if (silent) wake.resolve('beat');
    silent = true;
  });
  let next = source.next();
  try {
    for (;;) {
      const result = await Promise.race([next, wake.promise]);
      silent = false;
      if (result === 'beat') {
        wake = Promise.withResolvers<'beat'>();
        yield beat();
        continue;
      }
      if (result.done === true) return;
      next = source.next();
      yield result.value;
    }
  } finally {
    stop();
    // A source that waits cannot be left before its wait has ended: its signal ends that.
    next.catch(() => undefined);
    void source.return().catch(() => undefined);
  }
}
