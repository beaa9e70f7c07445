import { FrontierError } from '../../core/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { RateBuckets } from './rate-buckets.ts';

export interface AdmissionOptions {
  /** Requests handled at the same time. */
  readonly maxConcurrent: number;
  readonly buckets: RateBuckets;
}

/** Bounds what is handled at the same time and how much each user may send. */
export interface Admission {
  /** Lets a request in; the returned function lets it out. Throws OVERLOADED or RATE_LIMITED with the time to wait. */
  enter(principal: Principal, userId: string): () => void;
  /** Takes `count` requests from a user's allowance; gives the time to wait when it is used up, in milliseconds. */
  takeAllowance(principal: Principal, userId: string, count: number): number;
  /** Lets up to `wanted` bulk requests in and gives how many; interactive requests keep a quarter of the places. */
  enterBulk(wanted: number): number;
  leaveBulk(count: number): void;
  /** Resolves when a bulk request has left; rejects with the signal's reason. */
  bulkPlaceFreed(signal: AbortSignal): Promise<void>;
  readonly inFlight: number;
}

const OVERLOAD_RETRY_MS = 1_000;
/** Share of the places that bulk requests may take. */
const BULK_SHARE = 0.75;

/** Creates the admission of a router. */
export function createAdmission({ maxConcurrent, buckets }: AdmissionOptions): Admission {
  const bulkPlaces = Math.max(1, Math.floor(maxConcurrent * BULK_SHARE));
  let interactive = 0;
  let bulk = 0;
  const waiters = new Set<() => void>();

  const takeAllowance: Admission['takeAllowance'] = (principal, userId, count) =>
    buckets.take(`${principal.tenant}\n${principal.subject}\n${userId}`, count);
  return {
    enter(principal, userId) {
      if (interactive + bulk >= maxConcurrent) throw overloaded(maxConcurrent);
      const waitMs = takeAllowance(principal, userId, 1);
      if (waitMs > 0) throw rateLimited(waitMs);
      interactive += 1;
      let inside = true;
      return () => {
        if (inside) interactive -= 1;
        inside = false;
      };
    },
    takeAllowance,
    enterBulk(wanted) {
      const free = Math.min(bulkPlaces - bulk, maxConcurrent - interactive - bulk);
      const entered = Math.max(0, Math.min(wanted, free));
      bulk += entered;
      return entered;
    },
    leaveBulk(count) {
      bulk -= count;
      for (const wake of waiters) wake();
      waiters.clear();
    },
    bulkPlaceFreed: (signal) => waitIn(waiters, signal),
    get inFlight() {
      return interactive + bulk;
    },
  };
}

function waitIn(waiters: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      waiters.delete(wake);
      reject(signal.reason as Error);
    };
    const wake = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    waiters.add(wake);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function overloaded(limit: number): FrontierError {
  return new FrontierError('OVERLOADED', `${limit} requests are being handled already`, {
    retryAfterMs: OVERLOAD_RETRY_MS,
  });
}

function rateLimited(waitMs: number): FrontierError {
  return new FrontierError('RATE_LIMITED', 'the user sends more requests than are allowed', { retryAfterMs: waitMs });
}
