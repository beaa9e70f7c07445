import { systemClock } from '../../core/clock.ts';
import { processesWith } from './proc.ts';
import type { ProcessInfo } from './proc.ts';

const PATIENCE_MS = 5_000;

/**
 * Ends, by pid, every process that carries the run's mark in its environment, after a short time to end by itself, and
 * gives the ones that had to be ended: what a test, or a test worker that crashed, has left behind.
 */
export async function endLeftovers(mark: string, patienceMs = PATIENCE_MS): Promise<ProcessInfo[]> {
  const deadlineMs = systemClock.monotonicMs() + patienceMs;
  let left = processesWith(mark);
  while (left.length > 0 && systemClock.monotonicMs() < deadlineMs) {
    await systemClock.sleep(100);
    left = processesWith(mark);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended in between.
    }
  }
  return left;
}
