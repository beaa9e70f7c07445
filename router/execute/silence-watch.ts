import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import type { AccrualDetector } from '../../core/health/accrual-detector.ts';
import { startQuietTimer } from '../../core/quiet-timer.ts';
import { silenceLimitMs } from '../resilience/signs-of-life.ts';

/** Shortest interval that counts, in milliseconds. */
const LEAST_INTERVAL_MS = 100;

/** Notices when nothing at all comes any more from a sidecar, which sends signs of life twice a second. */
export interface SilenceWatch {
  /** Aborts with MODULE_TIMEOUT after the silence, or as the given signal does. */
  readonly signal: AbortSignal;
  /** Notes that something has come. */
  heard(): void;
  close(): void;
}

export interface SilenceWatchOptions {
  readonly clock: Clock;
  /** Silence that is always borne, in milliseconds; undefined for any. */
  readonly patienceMs: number | undefined;
  /** What is known of the module's silences; learns from this call. */
  readonly detector: AccrualDetector | undefined;
  readonly signal: AbortSignal;
}

/** Starts a watch; without patience it only learns. */
export function startSilenceWatch({ clock, patienceMs, detector, signal }: SilenceWatchOptions): SilenceWatch {
  const late = new AbortController();
  let lastMs = clock.monotonicMs();
  const heard = (): void => {
    const nowMs = clock.monotonicMs();
    // Tokens come in bursts, which say nothing of how long a silence may be.
    if (nowMs - lastMs >= LEAST_INTERVAL_MS) detector?.add(nowMs - lastMs);
    lastMs = nowMs;
  };
  if (patienceMs === undefined) return { signal, heard, close: () => undefined };
  const limitMs = detector === undefined ? patienceMs : silenceLimitMs(detector, patienceMs);
  const quiet = startQuietTimer(clock, limitMs, () => {
    late.abort(new FrontierError('MODULE_TIMEOUT', `no sign of life came for ${(limitMs / 1000).toFixed(1)} s`));
  });
  return {
    signal: AbortSignal.any([signal, late.signal]),
    heard: () => {
      heard();
      quiet.heard();
    },
    close: () => {
      quiet.close();
    },
  };
}
