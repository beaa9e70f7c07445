import type { Clock } from '../../core/clock.ts';
import type { Decision } from '../decide/decide.ts';
import { requireSteps } from '../decide/plan.ts';

export interface ModuleWaitOptions {
  readonly clock: Clock;
  /** Requests that may wait at the same time; with 0 nobody waits. */
  readonly size: number;
  readonly maxWaitMs: number;
}

/** Holds requests for a moment whose modules are all full: a burst, such as after another module's failure, is soon worked off. */
export interface ModuleWait {
  /**
   * Gives the first decision whose plan has a step; the last one when none has. Rejects with the signal's reason, and as `requireSteps` throws
   * when there is nothing to wait for, or it took too long.
   */
  untilPlanned(decide: () => Decision, signal: AbortSignal): Promise<Decision>;
  readonly waiting: number;
}

/** Time between two looks, in milliseconds. */
const LOOK_MS = 50;

/** Creates a wait in which nobody is. */
export function createModuleWait({ clock, size, maxWaitMs }: ModuleWaitOptions): ModuleWait {
  let waiting = 0;
  return {
    async untilPlanned(decide, signal) {
      let decision = decide();
      if (decision.plan.steps.length > 0) return decision;
      if (isFull(decision) && waiting < size) {
        waiting += 1;
        try {
          const giveUpAtMs = clock.monotonicMs() + maxWaitMs;
          while (isFull(decision) && clock.monotonicMs() < giveUpAtMs) {
            await clock.sleep(LOOK_MS, signal);
            decision = decide();
          }
        } finally {
          waiting -= 1;
        }
      }
      requireSteps(decision.plan);
      return decision;
    },
    get waiting() {
      return waiting;
    },
  };
}

/** Tells whether a plan is empty, and would not be were a module not full. */
function isFull({ plan }: Decision): boolean {
  return plan.steps.length === 0 && plan.exclusions.some(({ isFull: full }) => full === true);
}
