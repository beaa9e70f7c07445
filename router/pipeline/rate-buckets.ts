import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { take, type BucketPolicy, type TokenBucket } from './token-bucket.ts';

/** How much a user has taken here, as it is told to other routers. */
export interface UserTaking {
  /** Digest of the user; names are not passed on. */
  readonly id: string;
  /** When this count began, in wall-clock milliseconds; one that has rested begins anew. */
  readonly sinceMs: number;
  /** Requests taken since. */
  readonly taken: number;
  /** What is left in the bucket; negative is a debt. */
  readonly left: number;
}

/** The token bucket of each user. Decides at once, by what is known here; what was taken elsewhere is taken off afterwards. */
export interface RateBuckets {
  /** Takes `count` from a user's bucket; gives the time to wait when there is not enough, in milliseconds. */
  take(user: string, count: number): number;
  /** Takes off what a user has taken elsewhere, also into debt. */
  takeOff(id: string, count: number): void;
  /** Lowers a user's bucket to what is left of it elsewhere. */
  lowerTo(id: string, left: number): void;
  /** Users who have taken something in the last `withinMs`, the ones who have taken the most first. */
  takings(withinMs: number, limit: number): UserTaking[];
  /** Rises with each request that is taken. */
  readonly version: number;
}

/** Users whose buckets are kept; the ones that were quiet the longest go first, and begin anew with a full one. */
const MAX_USERS = 10_000;
/** A user who has taken nothing for so long is counted anew, in milliseconds. */
const REST_MS = 30_000;

interface Entry {
  readonly id: string;
  bucket: TokenBucket | undefined;
  sinceMs: number;
  usedAtMs: number;
  taken: number;
}

/** Creates buckets that are all full. */
export function createRateBuckets(policy: BucketPolicy, clock: Clock): RateBuckets {
  const entries = new Map<string, Entry>();
  const byId = new Map<string, Entry>();
  /** Buckets of users who have been seen at other routers alone. */
  const elsewhere = new Map<string, TokenBucket>();
  let version = 0;

  const create = (user: string): Entry => {
    const id = idOf(user);
    const nowMs = clock.nowMs();
    const entry = { id, bucket: elsewhere.get(id), sinceMs: nowMs, usedAtMs: nowMs, taken: 0 };
    elsewhere.delete(id);
    byId.set(id, entry);
    return entry;
  };
  const keepInOrder = (user: string, entry: Entry): void => {
    entries.delete(user);
    entries.set(user, entry);
    if (entries.size <= MAX_USERS) return;
    for (const [oldest, { id }] of entries) {
      entries.delete(oldest);
      byId.delete(id);
      return;
    }
  };
  const change = (id: string, to: (tokens: number) => number): void => {
    const entry = byId.get(id);
    const nowMs = clock.monotonicMs();
    const { bucket } = take(entry === undefined ? elsewhere.get(id) : entry.bucket, 0, nowMs, policy);
    const changed = { tokens: to(bucket.tokens), atMs: nowMs };
    if (entry !== undefined) entry.bucket = changed;
    else keepElsewhere(elsewhere, id, changed);
  };

  return {
    take(user, count) {
      const entry = entries.get(user) ?? create(user);
      const { bucket, waitMs } = take(entry.bucket, count, clock.monotonicMs(), policy);
      entry.bucket = bucket;
      keepInOrder(user, entry);
      if (waitMs > 0) return waitMs;
      const nowMs = clock.nowMs();
      if (nowMs - entry.usedAtMs >= REST_MS) {
        entry.sinceMs = nowMs;
        entry.taken = 0;
      }
      entry.usedAtMs = nowMs;
      entry.taken += count;
      version += 1;
      return 0;
    },
    takeOff(id, count) {
      change(id, (tokens) => tokens - count);
    },
    lowerTo(id, left) {
      change(id, (tokens) => Math.min(tokens, left));
    },
    takings(withinMs, limit) {
      const fromMs = clock.nowMs() - withinMs;
      const nowMs = clock.monotonicMs();
      return [...entries.values()]
        .filter(({ usedAtMs, taken }) => usedAtMs >= fromMs && taken > 0)
        .sort((a, b) => b.taken - a.taken)
        .slice(0, limit)
        .map(({ id, sinceMs, taken, bucket }) => ({
          id,
          sinceMs,
          taken,
          left: take(bucket, 0, nowMs, policy).bucket.tokens,
        }));
    },
    get version() {
      return version;
    },
  };
}

function keepElsewhere(elsewhere: Map<string, TokenBucket>, id: string, bucket: TokenBucket): void {
  elsewhere.delete(id);
  elsewhere.set(id, bucket);
  const [oldest] = elsewhere.keys();
  if (elsewhere.size > MAX_USERS && oldest !== undefined) elsewhere.delete(oldest);
}

function idOf(user: string): string {
  return createHash('sha256').update(user).digest('base64url').slice(0, 16);
}
