import type { Resource } from '../cache/resource.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import { isFullSet, TYPE_URLS } from '../protobuf/type-urls.ts';
import { typeStateOf } from './stream-state.ts';
import type { Pending, StreamState, TypeState } from './stream-state.ts';
import { wants } from './subscription.ts';

/**
 * The order in which a client moves from one set of resources to the next without a gap: a cluster and its endpoints are
 * there before a route names it (routes are not warmed, checklist 46), and stay until no route does (47).
 */
export interface OrderOptions {
  /** Longest time for which something is held back for the sake of order, in milliseconds: a client may never answer. */
  readonly holdMs: number;
  /** Time between the acknowledged route change and the removal of its cluster, for requests that had just chosen it. */
  readonly graceMs: number;
}

/** Time as one decision sees it: `wakeAtMs` is the earliest time at which it may come out differently by itself. */
export interface Moment {
  readonly nowMs: number;
  wakeAtMs: number | undefined;
}

/** Tells whether a time has come; if not, it is one to wake at. */
function hasCome(atMs: number, moment: Moment): boolean {
  if (atMs <= moment.nowMs) return true;
  if (Number.isFinite(atMs)) moment.wakeAtMs = Math.min(moment.wakeAtMs ?? Infinity, atMs);
  return false;
}

/** Tells whether a changed resource may go out: when what it names is there, or it has waited for long enough. */
export function mayGo(
  resource: Resource,
  pending: Pending,
  stream: StreamState,
  snapshot: Snapshot,
  moment: Moment,
  { holdMs }: OrderOptions,
): boolean {
  if (isWarm(resource, stream, snapshot)) return true;
  pending.heldBackAtMs ??= moment.nowMs;
  return hasCome(pending.heldBackAtMs + holdMs, moment);
}

/**
 * Tells whether every cluster that a listener or route names, with its endpoints and secrets, has been answered by the
 * client, and no response that takes it away again is under way. One that the client refused does not hold up the rest,
 * nor does one that does not exist. Clients that fetch clusters only once a route names them (gRPC) get no such order; they
 * wait by themselves.
 */
function isWarm(resource: Resource, stream: StreamState, snapshot: Snapshot): boolean {
  const named = resource.references.get(TYPE_URLS.clusters);
  const clusters = typeStateOf(stream, TYPE_URLS.clusters);
  if (named === undefined || clusters?.subscription?.wildcard !== true) return true;
  for (const name of clusters.pending.keys()) {
    if (named.has(name) && isNew(clusters, name) && clusters.seen.resources.has(name)) return false;
  }
  for (const name of clusters.warming) {
    if (!named.has(name)) continue;
    if (!isReady(name, clusters, stream, snapshot)) return false;
    clusters.warming.delete(name);
  }
  return true;
}

/** Whether the client has nothing of that name. */
function isNew({ refused, pending }: TypeState, name: string): boolean {
  return (refused.has(name) ? refused.get(name) : pending.get(name)?.held) === undefined;
}

function isReady(name: string, clusters: TypeState, stream: StreamState, snapshot: Snapshot): boolean {
  if (clusters.inFlight.some(({ items }) => items.has(name) && items.get(name)?.before === undefined)) return false;
  // Refused: the client has no such cluster, so it will never ask for its parts.
  if (clusters.refused.has(name)) return true;
  for (const [typeUrl, names] of clusters.seen.resources.get(name)?.references ?? []) {
    if (isFullSet(typeUrl)) continue;
    const part = typeStateOf(stream, typeUrl);
    for (const partName of names) {
      const exists = snapshot.get(typeUrl)?.resources.has(partName) === true;
      if (exists && (part === undefined || !isSettled(part, partName))) return false;
    }
  }
  return true;
}

/** Whether the client has answered what it was last sent of a name, and is owed nothing more of it. */
function isSettled({ subscription, pending, inFlight }: TypeState, name: string): boolean {
  if (subscription === undefined || !wants(subscription, name)) return false;
  const due = pending.get(name);
  if (due !== undefined && (due.owed || due.held === undefined)) return false;
  return !inFlight.some(({ items }) => items.has(name));
}

/**
 * Tells whether a resource that is gone may be taken away from the client: once nothing that it may have names it, and a
 * moment longer if something did; and after all that has changed has been sent (removals come last, checklist 45).
 */
export function mayLeave(
  type: TypeState,
  name: string,
  pending: Pending,
  stream: StreamState,
  moment: Moment,
  { holdMs, graceMs }: OrderOptions,
): boolean {
  const others = stream.types.filter((other) => other !== type && other.subscription !== undefined);
  // What the client refused to give up it still uses.
  if (others.some(({ refused }) => [...refused.values()].some((good) => names(good, type.typeUrl, name)))) {
    pending.releaseAtMs = Infinity;
    return false;
  }
  const isNamed = others.some((other) => isNamedBy(other, type.typeUrl, name));
  if (isNamed) pending.releaseAtMs = Infinity;
  if (isNamed || others.some(hasUpdates)) {
    pending.heldBackAtMs ??= moment.nowMs;
    return hasCome(pending.heldBackAtMs + holdMs, moment);
  }
  if (pending.releaseAtMs === undefined) return true;
  const wait = type.typeUrl === TYPE_URLS.clusters ? graceMs : 0;
  pending.releaseAtMs = Math.min(pending.releaseAtMs, moment.nowMs + wait);
  return hasCome(pending.releaseAtMs, moment);
}

/** Whether the client may have a resource of this type that names it, of which it is to get one that does not. */
function isNamedBy({ pending, inFlight, seen }: TypeState, typeUrl: string, name: string): boolean {
  for (const [parent, { held }] of pending) {
    if (names(held, typeUrl, name) && !names(seen.resources.get(parent), typeUrl, name)) return true;
  }
  return inFlight.some(({ items }) =>
    [...items.values()].some(({ before, resource }) => names(before, typeUrl, name) && !names(resource, typeUrl, name)),
  );
}

function names(resource: Resource | undefined, typeUrl: string, name: string): boolean {
  return resource?.references.get(typeUrl)?.has(name) === true;
}

function hasUpdates({ pending, seen }: TypeState): boolean {
  for (const name of pending.keys()) if (seen.resources.has(name)) return true;
  return false;
}
