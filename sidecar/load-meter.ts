/** Over which span rates are taken, in milliseconds: long enough for a slow model, short enough to follow a burst. */
const WINDOW_MS = 10_000;

/** A replica's load as it tells it to clients that choose by it (ORCA, gRFC A51). */
export interface LoadReport {
  /** Places in use, over those there are; above 1 when calls wait. */
  readonly utilization: number;
  readonly answersPerSecond: number;
  readonly errorsPerSecond: number;
}

/** Measures a replica's load. */
export interface LoadMeter {
  answered(): void;
  failed(): void;
  report(): LoadReport;
}

export interface LoadMeterOptions {
  /** Monotonic time, in milliseconds. */
  readonly nowMs: () => number;
  readonly maxInFlight: number;
  readonly counts: () => { readonly inFlight: number; readonly queued: number };
}

/** Gives a meter on which nothing has happened. Rates fade out exponentially, so that no list of calls is kept. */
export function createLoadMeter({ nowMs, maxInFlight, counts }: LoadMeterOptions): LoadMeter {
  const startMs = nowMs();
  let atMs = startMs;
  let answers = 0;
  let errors = 0;
  const decay = (): void => {
    const factor = Math.exp(-(nowMs() - atMs) / WINDOW_MS);
    atMs = nowMs();
    answers *= factor;
    errors *= factor;
  };
  /** Before a whole window has passed the counts are of a shorter time. */
  const perSecond = (count: number): number => {
    const seenMs = WINDOW_MS * (1 - Math.exp(-Math.max(1, atMs - startMs) / WINDOW_MS));
    return (count * 1000) / seenMs;
  };
  return {
    answered: () => {
      decay();
      answers += 1;
    },
    failed: () => {
      decay();
      errors += 1;
    },
    report: () => {
      decay();
      const { inFlight, queued } = counts();
      return {
        utilization: (inFlight + queued) / maxInFlight,
        answersPerSecond: perSecond(answers + errors),
        errorsPerSecond: perSecond(errors),
      };
    },
  };
}
