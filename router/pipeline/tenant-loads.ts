import type { TenantLoad } from './fair-order.ts';

/** What each tenant has of the places. */
export interface TenantLoads {
  readonly map: ReadonlyMap<string, TenantLoad>;
  /** Notes that a tenant asks for something, so that its share is not lent as a whole for some time. */
  note(tenant: string, nowMs: number): void;
  /** Adds to a tenant's places in use, or takes from them. */
  add(tenant: string, count: number, nowMs: number): void;
}

/** For so long after its last request a tenant's share counts, in milliseconds. */
const RECENT_MS = 10_000;

interface Entry extends TenantLoad {
  inFlight: number;
  seenMs: number;
}

/** Creates the loads of no tenants. There are at most as many as are configured. */
export function createTenantLoads(weightOf: (tenant: string) => number): TenantLoads {
  const entries = new Map<string, Entry>();
  const forget = (nowMs: number): void => {
    for (const [tenant, { inFlight, seenMs }] of entries)
      if (inFlight === 0 && nowMs - seenMs > RECENT_MS) entries.delete(tenant);
  };
  const entryOf = (tenant: string, nowMs: number): Entry => {
    let entry = entries.get(tenant);
    if (entry === undefined) {
      entry = { weight: weightOf(tenant), inFlight: 0, seenMs: nowMs };
      entries.set(tenant, entry);
    }
    entry.seenMs = nowMs;
    if (entries.size > 1) forget(nowMs);
    return entry;
  };
  return {
    map: entries,
    note: (tenant, nowMs) => void entryOf(tenant, nowMs),
    add(tenant, count, nowMs) {
      entryOf(tenant, nowMs).inFlight += count;
    },
  };
}
