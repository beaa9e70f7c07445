import { messageOf } from '../../core/errors.ts';
import { systemClock } from '../../core/clock.ts';

export interface EventuallyOptions {
  /** Longest wait in milliseconds; 10 s when left out. */
  readonly timeoutMs?: number;
  /** Pause between two tries in milliseconds; 25 when left out. */
  readonly everyMs?: number;
  /** What is waited for, for the message of the failure. */
  readonly what?: string;
  /** Ends the wait early, e.g. because the process that was to become ready has exited. */
  readonly signal?: AbortSignal;
}

/**
 * Calls `attempt` until it neither throws nor gives false, null or undefined, and gives its result. After the time-out it
 * throws an error that names what was waited for and the last failure. The one place where tests wait for time to pass.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { timeoutMs = 10_000, everyMs = 25, what = 'the condition', signal } = options;
  const deadlineMs = systemClock.monotonicMs() + timeoutMs;
  let last = 'it did not hold';
  for (;;) {
    try {
      const result = await attempt();
      if (result !== false && result !== null && result !== undefined)
        return result as Exclude<T, false | null | undefined>;
    } catch (error) {
      last = messageOf(error);
    }
    if (signal?.aborted) throw new Error(`gave up waiting for ${what}: ${messageOf(signal.reason)}`);
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for ${what}: ${last}`);
    await systemClock.sleep(everyMs);
  }
}
