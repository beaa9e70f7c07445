import { placesFor, rankOf, type Priority } from '../domain/priority.ts';

/** What a request asks for a place with. */
export interface Claim {
  readonly tenant: string;
  readonly priority: Priority;
}

/** What a tenant has of the places, and what it is worth. */
export interface TenantLoad {
  readonly weight: number;
  readonly inFlight: number;
}

/** The places and who has them. */
export interface Places {
  /** Requests that may be handled at the same time now. */
  readonly limit: number;
  /** The same at the most. */
  readonly max: number;
  readonly inFlight: number;
  /** Tenants that have asked for something lately; undefined when places are not shared out by tenant. */
  readonly tenants: ReadonlyMap<string, TenantLoad> | undefined;
}

/** How good a claim is: tenants under their share come first, then priority, then who has least beside their weight. */
export interface Standing {
  readonly isEntitled: boolean;
  readonly rank: number;
  /** Places in use, by weight. */
  readonly use: number;
}

/** Share of the places that is lent to nobody while another tenant may come back for it. */
const NOT_LENT = 0.1;
/** Places from which on there is something not to lend. */
const LEAST_TO_KEEP = 4;

/** Gives how good a claim is now. */
export function standingOf({ tenant, priority }: Claim, places: Places): Standing {
  const rank = rankOf(priority);
  const load = places.tenants?.get(tenant);
  if (load === undefined) return { isEntitled: true, rank, use: 0 };
  return { isEntitled: load.inFlight < shareOf(tenant, places), rank, use: load.inFlight / load.weight };
}

/** Sorts better claims first; 0 for equally good ones, of which the one that came first has it. */
export function compareStandings(a: Standing, b: Standing): number {
  return Number(b.isEntitled) - Number(a.isEntitled) || b.rank - a.rank || a.use - b.use;
}

/** Gives the places that a tenant is sure of: by weight among those that have asked for something lately, at least one. */
export function shareOf(tenant: string, { limit, tenants }: Places): number {
  const own = tenants?.get(tenant);
  if (tenants === undefined || own === undefined || tenants.size < 2) return limit;
  let total = 0;
  for (const { weight } of tenants.values()) total += weight;
  return Math.max(1, (limit * own.weight) / total);
}

/**
 * Gives how many more requests like this one may come in now. A tenant's own share is open to it as long as there is a place;
 * what is beyond is lent, but for a tenth that is kept for tenants who may come back for theirs.
 */
export function roomFor({ tenant, priority }: Claim, places: Places): number {
  const { limit, max, inFlight, tenants } = places;
  const free = placesFor(priority, limit, max) - inFlight;
  const own = tenants?.get(tenant);
  if (free <= 0 || tenants === undefined || own === undefined || tenants.size < 2) return Math.max(0, free);
  const kept = limit < LEAST_TO_KEEP ? 0 : Math.max(1, Math.floor(limit * NOT_LENT));
  const ofShare = Math.ceil(shareOf(tenant, places) - own.inFlight);
  return Math.max(0, Math.min(free, Math.max(ofShare, free - kept)));
}
