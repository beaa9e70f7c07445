import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { EchoClient } from './echo.ts';

/** Constant load of one module through Envoy. */
export interface Load {
  readonly calls: () => number;
  /** What failed calls ended with. The caller never sends twice. */
  readonly failures: readonly string[];
  /** Calls a second since the start. */
  readonly rate: () => number;
  stop(): Promise<void>;
}

/**
 * Calls all the time, from several callers at once, at up to `perSecond` calls a second in all; on a busy machine as many as it
 * can. A caller waits for its answer.
 */
export function startLoad(client: EchoClient, { callers = 8, perSecond = 500 } = {}): Load {
  const failures: string[] = [];
  const stopped = new AbortController();
  const startMs = systemClock.monotonicMs();
  const pauseMs = (1000 * callers) / perSecond;
  let calls = 0;
  const caller = async (): Promise<void> => {
    let dueMs = systemClock.monotonicMs();
    while (!stopped.signal.aborted) {
      await client.say('x').catch((error: unknown) => failures.push(messageOf(error)));
      calls += 1;
      const nowMs = systemClock.monotonicMs();
      dueMs = Math.max(dueMs + pauseMs, nowMs);
      await systemClock.sleep(dueMs - nowMs);
    }
  };
  const all = Promise.all(Array.from({ length: callers }, caller));
  return {
    calls: () => calls,
    failures,
    rate: () => (calls * 1000) / (systemClock.monotonicMs() - startMs),
    stop: async () => {
      stopped.abort();
      await all;
    },
  };
}
