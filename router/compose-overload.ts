import type { Clock } from '../core/clock.ts';
import type { FrontierConfig } from '../core/config/schema.ts';
import type { Logger } from '../core/logging.ts';
import type { Registry } from '../core/telemetry/metrics.ts';
import { createAdmission, type Admission, type AdmissionOptions } from './pipeline/admit.ts';
import { createModuleWait, type ModuleWait } from './pipeline/module-wait.ts';
import { startPressure, type Pressure } from './pipeline/pressure.ts';
import type { RateBuckets } from './pipeline/rate-buckets.ts';
import { createShedWatch } from './pipeline/shed-watch.ts';
import { brownOutPolicyOf } from './resilience/brown-out.ts';
import type { ModuleBoard } from './resilience/module-board.ts';
import { registerPlaceGauges } from './telemetry/router-metrics.ts';

export interface OverloadOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
}

/** What keeps the router from taking on more than it can do. */
export interface Overload {
  readonly admission: Admission;
  readonly pressure: Pressure;
  readonly moduleWait: ModuleWait;
  close(): void;
}

/** Puts admission and what watches it together, as configured. */
export function composeOverload(
  { config, clock, log, registry }: OverloadOptions,
  board: ModuleBoard,
  buckets: RateBuckets,
  onShed: NonNullable<AdmissionOptions['onShed']>,
): Overload {
  const { max_concurrent_requests: maxConcurrent, admission: settings } = config.orchestration.router;
  const { queue, adaptive, fair_share: isShared } = settings;
  const { tenants } = config.orchestration.security;
  const shedding = createShedWatch(
    clock,
    () => {
      log.warn({ event: 'shedding_began', in_flight: admission.inFlight, limit: admission.limit });
    },
    (shed) => {
      log.info({ event: 'shedding_ended', shed });
    },
  );
  const admission = createAdmission({
    maxConcurrent,
    buckets,
    clock,
    queue: { size: queue.size, maxWaitMs: queue.max_wait * 1000, standingWaitMs: queue.standing_wait * 1000 },
    weightOf: isShared ? (tenant) => tenants[tenant]?.weight ?? 1 : undefined,
    onShed: (priority, reason) => {
      onShed(priority, reason);
      shedding.note();
    },
  });
  const min = Math.min(adaptive.min_limit, maxConcurrent);
  const pressure = startPressure({
    admission,
    clock,
    limit: adaptive.enabled ? { min, max: maxConcurrent, maxDelayMs: adaptive.max_delay * 1000 } : undefined,
    brownOut: brownOutPolicyOf(settings),
    modulesUsed: () => usedOf(board),
    onLimit: (before, after) => {
      if (before === maxConcurrent) log.warn({ event: 'router_limit_lowered', limit: Math.floor(after) });
      if (after === maxConcurrent) log.info({ event: 'router_limit_restored', limit: after });
    },
    onBrownOut: (before, after, used) => {
      log.warn({ event: 'brown_out_changed', from: before.level, to: after.level, used });
    },
  });
  const moduleWait = createModuleWait({ clock, size: queue.size, maxWaitMs: queue.max_wait * 1000 });
  registerPlaceGauges(registry, {
    limit: () => admission.limit,
    waiting: () => admission.waiting + moduleWait.waiting,
    brownOutLevel: () => pressure.level,
  });
  return {
    admission,
    pressure,
    moduleWait,
    close() {
      pressure.close();
      shedding.close();
    },
  };
}

/** Share of all ready modules' places that are in use; 0 while none is ready. */
function usedOf(board: ModuleBoard): number {
  let used = 0;
  let places = 0;
  for (const record of board.records()) {
    if (record.readyReplicas === 0) continue;
    const { max_in_flight, max_queued } = record.spec.concurrency;
    used += record.inFlight + record.bulkSent;
    places += record.inFlightLimit ?? record.readyReplicas * (max_in_flight + max_queued);
  }
  return places === 0 ? 0 : used / places;
}
