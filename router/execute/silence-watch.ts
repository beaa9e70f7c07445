import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';

/** Notices when nothing at all comes any more from a sidecar, which sends signs of life twice a second. */
export interface SilenceWatch {
  /** Aborts with MODULE_TIMEOUT after the silence, or as the given signal does. */
  readonly signal: AbortSignal;
  /** Notes that something has come. */
  heard(): void;
  close(): void;
}

/** Starts a watch; without `limitMs` it only hands the signal on. */
export function startSilenceWatch(clock: Clock, limitMs: number | undefined, signal: AbortSignal): SilenceWatch {
  if (limitMs === undefined) return { signal, heard: () => undefined, close: () => undefined };
  const late = new AbortController();
  let lastMs = clock.monotonicMs();
  let cancel = (): void => undefined;
  const look = (): void => {
    const leftMs = lastMs + limitMs - clock.monotonicMs();
    if (leftMs > 0) cancel = clock.after(leftMs, look);
    else late.abort(new FrontierError('MODULE_TIMEOUT', `no sign of life came for ${limitMs / 1000} s`));
  };
  look();
  return {
    signal: AbortSignal.any([signal, late.signal]),
    heard: () => {
      lastMs = clock.monotonicMs();
    },
    close: () => {
      cancel();
    },
  };
}
