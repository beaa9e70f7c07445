import type { Clock } from '../../../core/clock.ts';
import { messageOf } from '../../../core/errors.ts';
import type { SidecarClient, SidecarStatus } from './sidecar-client.ts';

const RETRY_MS = 200;
/** Silence that is put down to a hiccup: the last status holds (static stability). */
const LOST_AFTER_MS = 5000;

export interface FollowOptions {
  readonly sidecar: Pick<SidecarClient, 'watchStatus'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onStatus: (status: SidecarStatus) => void;
}

/**
 * Follows a sidecar's status until the signal aborts; a broken stream is opened again. When that fails for 5 s the
 * replica counts as unhealthy. Never rejects.
 */
export async function followStatus({ sidecar, clock, signal, onStatus }: FollowOptions): Promise<void> {
  let cancelLost: (() => void) | undefined;
  const isStopped = (): boolean => signal.aborted;
  while (!isStopped()) {
    let reason = 'it ended';
    try {
      for await (const status of sidecar.watchStatus(signal)) {
        cancelLost?.();
        cancelLost = undefined;
        onStatus(status);
      }
    } catch (error) {
      reason = messageOf(error);
    }
    cancelLost ??= clock.after(LOST_AFTER_MS, () => {
      onStatus({ phase: 'UNHEALTHY', inFlight: 0, completed: 0, reason: `its status stream is lost: ${reason}` });
    });
    await clock.sleep(RETRY_MS, signal).catch(() => undefined);
  }
  cancelLost?.();
}
