import type { Resource, Snapshot, TypeSnapshot } from '../cache/snapshot.ts';
import { versionOf } from '../cache/snapshot.ts';
import type { StreamState } from './stream-state.ts';

/**
 * The order in which a client moves from one set of resources to the next without a gap: a cluster and its endpoints are
 * there before a route names it (routes are not warmed, checklist 46), and stay until no route does (47).
 */

/** Time between the acknowledged route change and the removal of the cluster, for requests that had just chosen it. */
export const REMOVAL_GRACE_MS = 1_000;

/** Gives the clusters to serve: those of the snapshot, and those gone that the client still needs. */
export function clustersToServe(
  state: StreamState,
  snapshot: Snapshot,
  nowMs: number,
): { clusters: TypeSnapshot; lingering: ReadonlyMap<string, number>; wakeAtMs: number | undefined } {
  const named = namedClusters(state);
  const lingering = new Map<string, number>();
  const kept: Resource[] = [];
  for (const [name, resource] of state.types.clusters.sent) {
    if (snapshot.clusters.resources.has(name)) continue;
    const releaseAtMs = releaseTime(named.has(name), state.lingering.get(name), nowMs);
    if (releaseAtMs === undefined) continue;
    lingering.set(name, releaseAtMs);
    kept.push(resource);
  }
  const waits = [...lingering.values()].filter(Number.isFinite);
  const wakeAtMs = waits.length === 0 ? undefined : Math.min(...waits);
  return { clusters: kept.length === 0 ? snapshot.clusters : merged(snapshot.clusters, kept), lingering, wakeAtMs };
}

/** Infinity while it is named; then the end of the grace; undefined once that is over, or if it was never named. */
function releaseTime(isNamed: boolean, before: number | undefined, nowMs: number): number | undefined {
  if (isNamed) return Infinity;
  if (before === Infinity) return nowMs + REMOVAL_GRACE_MS;
  return before !== undefined && nowMs < before ? before : undefined;
}

/** Clusters in listeners and routes that the client has, or may have by now. */
function namedClusters({ types }: StreamState): ReadonlySet<string> {
  const resources = [types.listeners, types.routes].flatMap(({ sent, acked }) => [...sent.values(), ...acked.values()]);
  return new Set(
    resources.flatMap(({ references }) => references.filter(({ type }) => type === 'clusters').map(({ name }) => name)),
  );
}

function merged(base: TypeSnapshot, extra: readonly Resource[]): TypeSnapshot {
  const resources = new Map([
    ...base.resources,
    ...extra.map((resource): [string, Resource] => [resource.name, resource]),
  ]);
  return { version: versionOf(resources.values()), resources };
}

/**
 * Tells whether a listener or route may go out: every cluster that it names, with its endpoints and secrets, has been
 * answered by the client, and no response that takes it away again is under way. One that the client refused does not hold up the rest. Clients that fetch clusters only once a
 * route names them (gRPC) get no such order; they wait by themselves.
 */
export function isWarm(resource: Resource, state: StreamState): boolean {
  const { clusters } = state.types;
  if (clusters.subscription?.wildcard !== true) return true;
  return resource.references
    .filter(({ type }) => type === 'clusters')
    .every(({ name }) => clusters.settled.has(name) && clusters.sent.has(name) && hasParts(name, state));
}

function hasParts(cluster: string, { types }: StreamState): boolean {
  const resource = types.clusters.acked.get(cluster);
  // Refused: the client has no such cluster, so it will never ask for its parts.
  if (resource === undefined) return true;
  return resource.references.every(({ type, name }) => types[type].settled.has(name) && !types[type].due.has(name));
}
