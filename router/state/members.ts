import { z } from 'zod';

/**
 * The routers that share a store, in one entry: when each of them last said that it is there. It is changed by
 * compareAndSet, seldom, and read by all.
 */
export type Members = Readonly<Record<string, number>>;

export const membersSchema = z.record(z.string(), z.number());

/** A router says so often that it is there, in milliseconds. */
const RENEW_MS = 20_000;
/** One that has not said so for this long is gone; what it has told is not read again. */
const GONE_MS = 60_000;
/** As long as anything that a router tells is kept, in milliseconds. */
const FORGOTTEN_MS = 7 * 86_400_000;
const MOST_MEMBERS = 200;

/** Tells whether the router must say that it is there. */
export function isDue(members: Members, routerId: string, nowMs: number): boolean {
  const saidMs = members[routerId];
  // A time in the future is that of a clock that has been set back since.
  return saidMs === undefined || Math.abs(nowMs - saidMs) >= RENEW_MS;
}

/** Gives the members with this one there now, and without those who are long forgotten. */
export function withMember(members: Members, routerId: string, nowMs: number): Members {
  const others = Object.entries(members)
    .filter(([id, saidMs]) => id !== routerId && nowMs - saidMs < FORGOTTEN_MS)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_MEMBERS - 1);
  return Object.fromEntries([...others, [routerId, nowMs]]);
}

/** Gives the other routers, and whether they are there now. */
export function othersOf(
  members: Members,
  routerId: string,
  nowMs: number,
): readonly { readonly id: string; readonly isThere: boolean }[] {
  return Object.entries(members)
    .filter(([id]) => id !== routerId)
    .map(([id, saidMs]) => ({ id, isThere: nowMs - saidMs < GONE_MS }));
}
