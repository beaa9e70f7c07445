import type { Clock } from '../../../core/clock.ts';
import { createAccrualDetector, type AccrualPolicy } from '../../../core/health/accrual-detector.ts';
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

/** Sidecars tell their status each second at the least; a busy machine may keep one from it for a while. */
const BEATS: AccrualPolicy = { expectedMs: 1000, pauseMs: 4000, leastSpreadMs: 200 };
const SUSPICIOUS = 8;
const CHECK_MS = 500;
/** One check alone may have come before what was waiting to be read. */
const CHECKS = 2;
/** Intervals under which nothing is known of how regular they are. */
const LEAST_BEATS = 3;

/**
 * Follows a sidecar's status until the signal aborts; a broken stream is opened again. When that fails for 5 s, or an open one
 * is silent for longer than its signs of life make likely (a frozen process), the replica counts as unhealthy until it is heard
 * again. Never rejects.
 */
export async function followStatus({ sidecar, clock, signal, onStatus }: FollowOptions): Promise<void> {
  let cancelLost: (() => void) | undefined;
  const isStopped = (): boolean => signal.aborted;
  const beats = watchBeats(clock, (silenceMs) => {
    const reason = `it has given no sign of life for ${Math.round(silenceMs / 1000)} s`;
    onStatus({ phase: 'UNHEALTHY', inFlight: 0, completed: 0, reason });
  });
  while (!isStopped()) {
    let reason = 'it ended';
    try {
      for await (const status of sidecar.watchStatus(signal)) {
        cancelLost?.();
        cancelLost = undefined;
        beats.heard();
        onStatus(status);
      }
    } catch (error) {
      reason = messageOf(error);
    }
    beats.lost();
    cancelLost ??= clock.after(LOST_AFTER_MS, () => {
      onStatus({ phase: 'UNHEALTHY', inFlight: 0, completed: 0, reason: `its status stream is lost: ${reason}` });
    });
    await clock.sleep(RETRY_MS, signal).catch(() => undefined);
  }
  cancelLost?.();
  beats.close();
}

interface BeatWatch {
  heard(): void;
  /** The stream has ended: what follows is no silence. */
  lost(): void;
  close(): void;
}

/** Calls back once for each silence that is too long. */
function watchBeats(clock: Clock, onSilence: (silenceMs: number) => void): BeatWatch {
  const detector = createAccrualDetector(BEATS);
  let lastMs: number | undefined;
  let intervals = 0;
  let suspicions = 0;
  const close = clock.every(CHECK_MS, () => {
    if (lastMs === undefined || intervals < LEAST_BEATS) return;
    const silenceMs = clock.monotonicMs() - lastMs;
    suspicions = detector.phi(silenceMs) >= SUSPICIOUS ? suspicions + 1 : 0;
    if (suspicions === CHECKS) onSilence(silenceMs);
  });
  return {
    heard() {
      const nowMs = clock.monotonicMs();
      if (lastMs !== undefined && suspicions < CHECKS) {
        detector.add(nowMs - lastMs);
        intervals += 1;
      }
      suspicions = 0;
      lastMs = nowMs;
    },
    lost() {
      lastMs = undefined;
      suspicions = 0;
    },
    close,
  };
}
