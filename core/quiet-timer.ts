import type { Clock } from './clock.ts';

/** Notices that nothing has been heard for a time. */
export interface QuietTimer {
  /** Notes that something has been heard: the time begins anew. */
  heard(): void;
  close(): void;
}

/** Longest wait between two looks, in milliseconds. */
const STEP_MS = 250;

/**
 * Calls `onQuiet` once, after `limitMs` without anything heard. Only time in which this process ran counts: a look that comes late counts as if it had
 * come when it was due. While the process gets no turn, what was sent to it lies unread, and after each late look it is read before the next
 * one; so a busy machine does not make others look silent.
 */
export function startQuietTimer(
  clock: Pick<Clock, 'monotonicMs' | 'after'>,
  limitMs: number,
  onQuiet: () => void,
): QuietTimer {
  let quietMs = 0;
  let sinceMs = clock.monotonicMs();
  let cancel = (): void => undefined;
  const wait = (): void => {
    const stepMs = Math.min(STEP_MS, limitMs - quietMs);
    cancel = clock.after(stepMs, () => {
      const nowMs = clock.monotonicMs();
      quietMs += Math.min(nowMs - sinceMs, stepMs);
      sinceMs = nowMs;
      if (quietMs >= limitMs) onQuiet();
      else wait();
    });
  };
  wait();
  return {
    heard() {
      quietMs = 0;
      sinceMs = clock.monotonicMs();
    },
    close: () => {
      cancel();
    },
  };
}
