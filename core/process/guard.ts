/**
 * Helper process of orphan-guard.ts: remembers process ids and ends their groups when the channel to its parent closes.
 * It has no other input, and ends itself when its work is done.
 */
import { systemClock } from '../clock.ts';
import { signalGroup } from './process-group.ts';

/** Time between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 3000;

let watched: readonly number[] = [];

function isNumberArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) > 1);
}

async function endAll(): Promise<void> {
  const left = watched.filter((pid) => signalGroup(pid, 'SIGTERM'));
  if (left.length > 0) await systemClock.sleep(GRACE_MS);
  for (const pid of left) signalGroup(pid, 'SIGKILL');
}

process.on('message', (message: unknown) => {
  if (typeof message === 'object' && message !== null && 'pids' in message && isNumberArray(message.pids)) {
    watched = message.pids;
  }
});
process.on('disconnect', () => void endAll());
// Only the end of the parent ends the guard: a signal to the whole terminal must not.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
