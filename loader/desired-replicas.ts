import { dependencyLevels, type Dependent } from './dependency-order.ts';

/** How a module is used, as far as its replicas depend on it. */
export interface Demand {
  /** Queries in flight or queued at its replicas. */
  readonly inFlight: number;
  /** Callers that wait for its first replica. */
  readonly waiting: number;
  /** When it was last used, activated or became ready, in ms since the epoch; undefined when never. */
  readonly lastUseMs: number | undefined;
  /** Queries in the last minute. */
  readonly requestsPerMinute: number;
  /** Whether a replica is on its way to its first readiness. */
  readonly starting: boolean;
  /** Replicas ordered by hand, and when. */
  readonly pinned: { readonly replicas: number; readonly atMs: number } | undefined;
  /** Whether it was unloaded by hand: it stays so until somebody wants it again. */
  readonly suspended: boolean;
}

/** The limits of a module. */
export interface Scaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Time without use after which what is above minReplicas is unloaded. */
  readonly idleTimeoutMs: number;
  /** Queries a minute from which the module is kept loaded. */
  readonly autoLoadThreshold: number;
}

/** The weakest reason: any other that wants the module too is told in its place, so that it does not flip with the start. */
const STARTING = 'it is starting';

export interface Desired {
  readonly n: number;
  /** Why, for people and the record. */
  readonly reason: string;
}

/**
 * Decides how many replicas a module should have, on its own account (on-demand strategy). The greatest of:
 *
 * | rule                                             | replicas      |
 * | ------------------------------------------------ | ------------- |
 * | scaling.min_replicas                             | min_replicas  |
 * | something in flight or waiting                   | 1             |
 * | on its way to its first readiness                | 1             |
 * | used or activated within the idle time           | 1             |
 * | auto_load_threshold queries in the last minute   | 1             |
 * | loaded by hand, and used or ordered within the idle time | as ordered |
 *
 * but never more than max_replicas, and 0 once unloaded by hand. A start is not given up by the idle rule: a module
 * that takes longer to start than its idle time would else never come up (kserve#1247); the readiness limit ends it.
 */
export function desiredReplicas(demand: Demand, scaling: Scaling, nowMs: number): Desired {
  if (demand.suspended) return { n: 0, reason: 'unloaded by hand' };
  const isRecent = (atMs: number | undefined): boolean => atMs !== undefined && nowMs - atMs < scaling.idleTimeoutMs;
  const { pinned, lastUseMs } = demand;
  const pinHolds = pinned !== undefined && isRecent(Math.max(pinned.atMs, lastUseMs ?? 0));
  const wants: Desired[] = [
    { n: pinHolds ? pinned.replicas : 0, reason: 'loaded by hand' },
    { n: scaling.minReplicas, reason: 'min_replicas' },
    { n: demand.waiting > 0 ? 1 : 0, reason: 'a query waits for it' },
    { n: demand.inFlight > 0 ? 1 : 0, reason: 'queries are in flight' },
    { n: demand.requestsPerMinute >= scaling.autoLoadThreshold ? 1 : 0, reason: 'auto_load_threshold is reached' },
    { n: isRecent(lastUseMs) ? 1 : 0, reason: 'used within the idle time' },
    { n: demand.starting ? 1 : 0, reason: STARTING },
  ];
  const most = wants.reduce((best, want) => (want.n > best.n ? want : best));
  return most.n === 0 ? { n: 0, reason: 'idle' } : { n: Math.min(most.n, scaling.maxReplicas), reason: most.reason };
}

/** A module's own wish, to be joined with what its dependants need. */
export interface OwnWish extends Dependent {
  readonly own: Desired;
  readonly suspended: boolean;
}

/**
 * Gives the desired replicas of all modules: the greatest of a module's own wish and, while any module that depends on
 * it is wanted, 1. What was unloaded by hand stays so.
 */
export function desiredOfAll(wishes: readonly OwnWish[]): ReadonlyMap<string, Desired> {
  const desired = new Map(wishes.map(({ module_id, own }) => [module_id, own]));
  const suspended = new Set(wishes.filter((wish) => wish.suspended).map(({ module_id }) => module_id));
  const usersFirst = dependencyLevels(wishes).flat().reverse();
  for (const user of usersFirst) {
    if (desired.get(user.module_id)?.n === 0) continue;
    for (const id of user.dependencies) {
      const now = desired.get(id);
      const isIdle = now !== undefined && (now.n === 0 || now.reason === STARTING);
      if (isIdle && !suspended.has(id)) desired.set(id, { n: 1, reason: `${user.module_id} needs it` });
    }
  }
  return desired;
}
