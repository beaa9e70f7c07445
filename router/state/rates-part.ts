import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Json } from '../../core/store/store.ts';
import type { RateBuckets } from '../pipeline/rate-buckets.ts';
import type { SharedPart } from './shared-part.ts';

/** A router that has told nothing for so long has none of these users. */
const TTL_MS = 60_000;
/** Users told of are those who were active so lately: many times the interval at which it is told. */
const ACTIVE_MS = 10_000;
const MOST_USERS = 2_000;
const MOST_QUIET = 8_000;

const toldSchema = z.object({
  atMs: z.number(),
  users: z.array(z.object({ id: z.string(), sinceMs: z.number(), taken: z.number().min(0), left: z.number() })),
});
type Told = z.output<typeof toldSchema>;

interface Heard {
  /** On the other router's clock. */
  readonly firstMs: number;
  readonly users: ReadonlyMap<string, Told['users'][number]>;
}

/**
 * Has what a user takes at one router taken off their buckets at all others, so that together they give what one would, and
 * beside it what they gave before they had heard. What is told are running counts, so that hearing one twice takes nothing twice.
 */
export function createRatesPart(buckets: RateBuckets, clock: Clock): SharedPart {
  const heard = new Map<string, Heard>();
  return {
    name: 'rates',
    ttlMs: TTL_MS,
    get version() {
      return buckets.version;
    },
    tell: () => ({ atMs: clock.nowMs(), users: buckets.takings(ACTIVE_MS, MOST_USERS) }) as unknown as Json,
    // What this router gave before it was started again is little, and long ago.
    restore: () => undefined,
    hear(routerId, told, isContinuous) {
      const parsed = toldSchema.safeParse(told);
      if (!parsed.success) return;
      const { atMs, users } = parsed.data;
      const before = isContinuous ? heard.get(routerId) : undefined;
      for (const user of users) takeOff(user, before, buckets);
      heard.set(routerId, { firstMs: before?.firstMs ?? atMs, users: withQuietOnes(users, before) });
    },
    settle: () => undefined,
  };
}

/**
 * A count that was heard before takes off what it has grown by; one that has begun since, all of it. Of any other it is not known
 * how much of it is long made up for, so the bucket is lowered to the other router's.
 */
function takeOff(user: Told['users'][number], before: Heard | undefined, buckets: RateBuckets): void {
  const last = before?.users.get(user.id);
  if (last?.sinceMs === user.sinceMs) {
    if (user.taken > last.taken) buckets.takeOff(user.id, user.taken - last.taken);
  } else if (before !== undefined && user.sinceMs >= before.firstMs) buckets.takeOff(user.id, user.taken);
  else buckets.lowerTo(user.id, user.left);
}

/** One who was quiet for a moment goes on with the same count, so the last word of them is kept, the newest ones last. */
function withQuietOnes(users: Told['users'], before: Heard | undefined): Heard['users'] {
  const told = new Map(users.map((user) => [user.id, user]));
  const quiet = [...(before?.users ?? [])].filter(([id]) => !told.has(id)).slice(-MOST_QUIET);
  return new Map([...quiet, ...told]);
}
