import type { Clock } from '../../core/clock.ts';

/** Tells when shedding begins, and when it has been over for some time. */
export interface ShedWatch {
  note(): void;
  close(): void;
}

/** Time without a shed request after which shedding is over, in milliseconds. */
const QUIET_MS = 10_000;

/** Creates a watch of a router that sheds nothing. */
export function createShedWatch(clock: Clock, onBegin: () => void, onEnd: (shed: number) => void): ShedWatch {
  let count = 0;
  let cancel: (() => void) | undefined;
  return {
    note() {
      if (cancel === undefined) onBegin();
      cancel?.();
      count += 1;
      cancel = clock.after(QUIET_MS, () => {
        cancel = undefined;
        onEnd(count);
        count = 0;
      });
    },
    close() {
      cancel?.();
    },
  };
}
