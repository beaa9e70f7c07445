import type { Clock } from '../../core/clock.ts';
import type { Orchestration } from '../../core/config/schema.ts';
import { toFrontierError } from '../../core/errors.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import type { Breaker } from './breaker.ts';
import type { HealingAction, HealingEvents } from './healing-events.ts';
import type { ModuleRecord } from './module-record.ts';
import { needsRestart } from './needs-restart.ts';

export interface HealerOptions {
  readonly policy: Orchestration['fallback']['healing'];
  readonly clock: Clock;
  readonly events: HealingEvents;
  readonly recordOf: (moduleId: string) => ModuleRecord | undefined;
  /** Asks the loader to start a module's replicas anew. Throws RATE_LIMITED when that was done too often. */
  readonly restart: (moduleId: string, reason: string) => Promise<void>;
}

/** Acts on modules that fail again and again, and notes whatever is done about them. It never throws. */
export interface Healer {
  /** To be called after each change of a breaker. */
  readonly onBreaker: (moduleId: string, to: Breaker['phase']) => void;
  /** To be called when a module is back after a failure. */
  readonly onBack: (moduleId: string, why: string) => void;
  /** To be called with each change of what the loader says of a module. */
  readonly onView: (view: ModuleView, before: ModuleView | undefined) => void;
  /** Resolves when no order is under way. */
  settled(): Promise<void>;
}

/** Creates a healer. */
export function createHealer({ policy, clock, events, recordOf, restart }: HealerOptions): Healer {
  const underWay = new Map<string, Promise<void>>();
  const note = (action: HealingAction, moduleId: string, reason: string): void => {
    events.add({ action, moduleId, reason, atMs: clock.nowMs() });
  };
  const order = async (moduleId: string, reason: string): Promise<void> => {
    try {
      await restart(moduleId, reason);
      note('restart', moduleId, reason);
    } catch (error) {
      note('restart_refused', moduleId, `${reason}, but ${toFrontierError(error).message}`);
    }
  };
  return {
    onBreaker(moduleId, to) {
      const record = recordOf(moduleId);
      if (record === undefined || to !== 'OPEN' || underWay.has(moduleId)) return;
      const reason = needsRestart(record, policy.restart);
      if (reason === undefined) return;
      underWay.set(
        moduleId,
        order(moduleId, reason).finally(() => underWay.delete(moduleId)),
      );
    },
    onBack(moduleId, why) {
      note('slow_start', moduleId, why);
    },
    onView(view, before) {
      const was = before?.state === 'QUARANTINED';
      const is = view.state === 'QUARANTINED';
      if (is && !was) note('quarantine', view.moduleId, view.reason);
      if (was && !is) note('release', view.moduleId, `it is tried again: ${view.reason || view.state}`);
    },
    async settled() {
      await Promise.all(underWay.values());
    },
  };
}
