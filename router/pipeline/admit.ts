import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { Priority } from '../domain/priority.ts';
import { compareStandings, roomFor, shareOf, standingOf, type Claim, type Places } from './fair-order.ts';
import { createPlaceQueue, type Waiter } from './place-queue.ts';
import type { RateBuckets } from './rate-buckets.ts';
import { createTenantLoads } from './tenant-loads.ts';

/** Why a request got no place. */
export type ShedReason = 'full' | 'displaced' | 'waited';

export interface AdmissionOptions {
  /** Requests handled at the same time, at the most. */
  readonly maxConcurrent: number;
  readonly buckets: RateBuckets;
  readonly clock: Clock;
  readonly queue: {
    /** Requests that may wait; with 0 they are shed at once. */
    readonly size: number;
    readonly maxWaitMs: number;
    /** Longest wait once the queue has not been empty for `maxWaitMs`; not for tenants under their share. */
    readonly standingWaitMs: number;
  };
  /** A tenant's weight; undefined when places are not shared out by tenant. */
  readonly weightOf?: ((tenant: string) => number) | undefined;
  readonly onShed?: (priority: Priority, reason: ShedReason) => void;
}

/** Lets a request out again; more calls do nothing. */
export type Leave = () => void;

/** Bounds what is handled at the same time and how much each user may send. */
export interface Admission {
  /**
   * Lets a request in at once, or after a short wait; the returned function lets it out. Throws or rejects with OVERLOADED or
   * RATE_LIMITED and the time to wait, or the signal's reason.
   */
  enter(principal: Principal, userId: string, priority: Priority, signal: AbortSignal): Leave | Promise<Leave>;
  /** Takes `count` requests from a user's allowance; gives the time to wait when it is used up, in milliseconds. */
  takeAllowance(principal: Principal, userId: string, count: number): number;
  /** Lets up to `wanted` bulk requests in and gives how many; interactive requests keep a quarter of the places. */
  enterBulk(claim: Claim, wanted: number): number;
  /** The same, after a wait of at most `maxWaitMs`; 0 when there was no place. Rejects with the signal's reason. */
  waitBulk(claim: Claim, wanted: number, maxWaitMs: number, signal: AbortSignal): Promise<number>;
  leaveBulk(tenant: string, count: number): void;
  /** Notes that a bulk request has got no place. */
  shedBulk(priority: Priority): FrontierError;
  /** Sets how many requests may be handled at the same time now. */
  setLimit(limit: number): void;
  /** Gives what a tenant has of the places: in use, and sure of. */
  tenantShare(tenant: string): { readonly inFlight: number; readonly share: number };
  readonly limit: number;
  readonly inFlight: number;
  readonly waiting: number;
}

const OVERLOAD_RETRY_MS = 1_000;
/** Those that are shed first are to stay away for longer. */
const LOW_RETRY_MS = 5_000;
/** Share of the places that bulk requests may take. */
const BULK_SHARE = 0.75;

/** Creates the admission of a router. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { maxConcurrent, buckets, clock, queue: settings, weightOf, onShed } = options;
  const queue = createPlaceQueue(clock);
  const loads = createTenantLoads(weightOf ?? (() => 1));
  let limit = maxConcurrent;
  let interactive = 0;
  let bulk = 0;

  const places = (): Places => ({
    limit,
    max: maxConcurrent,
    inFlight: interactive + bulk,
    tenants: weightOf === undefined ? undefined : loads.map,
  });
  const roomOf = ({ claim, isBulk, wanted }: Waiter): number => {
    const room = Math.min(wanted, roomFor(claim, places()));
    return isBulk ? Math.min(room, Math.max(1, Math.floor(limit * BULK_SHARE)) - bulk) : room;
  };
  const take = ({ claim, isBulk }: Waiter, count: number): void => {
    if (isBulk) bulk += count;
    else interactive += count;
    loads.add(claim.tenant, count, clock.monotonicMs());
  };
  /** Hands out what has come free, best claim first, in small helpings while several wait. */
  const dispatch = (): void => {
    while (queue.total > 0) {
      const now = places();
      const next = queue.best(now, roomOf);
      if (next === undefined) return;
      const granted = Math.ceil(roomOf(next) / queue.total);
      take(next, granted);
      queue.end(next, { kind: 'granted', places: granted });
    }
  };
  const leave = (tenant: string, count: number, isBulk: boolean): void => {
    if (isBulk) bulk -= count;
    else interactive -= count;
    loads.add(tenant, -count, clock.monotonicMs());
    dispatch();
  };
  const leaveOnce = (tenant: string): Leave => {
    let inside = true;
    return () => {
      if (inside) leave(tenant, 1, false);
      inside = false;
    };
  };
  const shed = (priority: Priority, reason: ShedReason): FrontierError => {
    onShed?.(priority, reason);
    return new FrontierError('OVERLOADED', `${interactive + bulk} requests are being handled, the limit is ${limit}`, {
      metadata: { priority, shed: reason },
      retryAfterMs: priority === 'low' ? LOW_RETRY_MS : OVERLOAD_RETRY_MS,
    });
  };
  /** Gives whether there is room in the queue, or the waiter whose claim is worse and who has to make room. */
  const roomInQueue = (claim: Claim): Waiter | boolean => {
    if (queue.length < settings.size) return true;
    const now = places();
    const worst = queue.worst(now);
    if (worst === undefined) return false;
    return compareStandings(standingOf(claim, now), standingOf(worst.claim, now)) < 0 && worst;
  };
  const displaced = new WeakSet<Waiter>();
  const displace = (waiter: Waiter): void => {
    displaced.add(waiter);
    queue.end(waiter, { kind: 'shed' });
  };
  const longestWaitMs = (claim: Claim): number => {
    const { standingSinceMs } = queue;
    const isStanding = standingSinceMs !== undefined && clock.monotonicMs() - standingSinceMs >= settings.maxWaitMs;
    const isSure = weightOf !== undefined && loads.map.size > 1 && standingOf(claim, places()).isEntitled;
    return isStanding && !isSure ? settings.standingWaitMs : settings.maxWaitMs;
  };
  const waitForPlace = async (waiter: Waiter, signal: AbortSignal): Promise<Leave> => {
    const end = await queue.wait(waiter, longestWaitMs(waiter.claim), signal);
    const { tenant, priority } = waiter.claim;
    if (end.kind === 'shed') throw shed(priority, displaced.has(waiter) ? 'displaced' : 'waited');
    if (!signal.aborted) return leaveOnce(tenant);
    leave(tenant, 1, false);
    throw signal.reason as Error;
  };
  const takeAllowance: Admission['takeAllowance'] = (principal, userId, count) =>
    buckets.take(`${principal.tenant}\n${principal.subject}\n${userId}`, count);

  return {
    enter(principal, userId, priority, signal) {
      const claim = { tenant: principal.tenant, priority };
      const waiter = { claim, wanted: 1, isBulk: false };
      loads.note(claim.tenant, clock.monotonicMs());
      const isFree = roomOf(waiter) > 0;
      const room = isFree || roomInQueue(claim);
      if (room === false) throw shed(priority, 'full');
      const waitMs = takeAllowance(principal, userId, 1);
      if (waitMs > 0) throw rateLimited(waitMs);
      if (room !== true) displace(room);
      if (!isFree) return waitForPlace(waiter, signal);
      take(waiter, 1);
      return leaveOnce(claim.tenant);
    },
    takeAllowance,
    enterBulk(claim, wanted) {
      const waiter = { claim, wanted, isBulk: true };
      loads.note(claim.tenant, clock.monotonicMs());
      const entered = Math.max(0, roomOf(waiter));
      if (entered > 0) take(waiter, entered);
      return entered;
    },
    async waitBulk(claim, wanted, maxWaitMs, signal) {
      const end = await queue.wait({ claim, wanted, isBulk: true }, maxWaitMs, signal);
      if (end.kind === 'shed') return 0;
      if (!signal.aborted) return end.places;
      leave(claim.tenant, end.places, true);
      throw signal.reason as Error;
    },
    leaveBulk(tenant, count) {
      if (count > 0) leave(tenant, count, true);
    },
    shedBulk: (priority) => shed(priority, 'waited'),
    setLimit(next) {
      limit = Math.max(1, Math.min(maxConcurrent, next));
      dispatch();
    },
    tenantShare: (tenant) => ({
      inFlight: loads.map.get(tenant)?.inFlight ?? 0,
      share: Math.floor(shareOf(tenant, places())),
    }),
    get limit() {
      return limit;
    },
    get inFlight() {
      return interactive + bulk;
    },
    get waiting() {
      return queue.length;
    },
  };
}

function rateLimited(waitMs: number): FrontierError {
  return new FrontierError('RATE_LIMITED', 'the user sends more requests than are allowed', { retryAfterMs: waitMs });
}
