import { isIP } from 'node:net';
import type { EndpointView, ReplicaView } from '../../core/modules/module-view.ts';
import type { ClusterLoadAssignment } from '../protobuf/messages.ts';
import type { ModuleState, ModuleStates } from './content.ts';
import { moduleCluster } from './names.ts';
import { shared } from './sharing.ts';

type Health = 'HEALTHY' | 'DRAINING' | 'UNHEALTHY';

interface LiveReplica {
  readonly endpoint: EndpointView;
  readonly health: Health;
}

type PrimaryZones = ModuleState['spec']['load_balancing']['primary_zones'];

/**
 * Gives a module's endpoints for an Envoy in a zone ('' where it has named none). It is also told of draining and failing replicas: they take no new calls but finish
 * theirs. A module without live replicas gets an empty list, never none (checklist 49). An endpoint whose address is not
 * an IP address is left out, since clients would refuse the whole list for it.
 */
export const gatewayEndpoints = sharedByZone((state: ModuleState, zone) =>
  assignment(state, liveReplicas(state.replicas), zone),
);

/** Gives the same for a proxyless client: only ready replicas. While the module's breaker is open all its calls are dropped. */
export const proxylessEndpoints = sharedByZone((state: ModuleState, zone): ClusterLoadAssignment => {
  const ready = liveReplicas(state.replicas).filter(({ health }) => health === 'HEALTHY');
  const given = assignment(state, ready, zone);
  return state.mesh?.breakerOpen === true ? { ...given, policy: DROP_ALL } : given;
});

/** gRPC has no direct answers, but drops as it is told (gRFC A32); the category stands in the error's text (core/grpc/status.ts). */
const DROP_ALL = {
  drop_overloads: [{ category: 'BREAKER_OPEN', drop_percentage: { numerator: 100, denominator: 'HUNDRED' as const } }],
};

/** Gives the zones in which there are replicas. */
export function zonesOf(states: ModuleStates): ReadonlySet<string> {
  const zones = new Set<string>();
  for (const { replicas } of states.values()) for (const { endpoint } of replicas) zones.add(endpoint?.zone ?? '');
  return zones;
}

/** Results are kept by state and zone, as in sharing.ts. */
function sharedByZone(
  make: (state: ModuleState, zone: string) => ClusterLoadAssignment,
): (state: ModuleState, zone: string) => ClusterLoadAssignment {
  const ofState = shared((_state: ModuleState) => new Map<string, ClusterLoadAssignment>());
  return (state, zone) => {
    // Where zones do not depend on who asks, everybody is given the same.
    const key = state.spec.load_balancing.primary_zones === 'local' ? zone : '';
    const kept = ofState(state);
    const found = kept.get(key) ?? make(state, key);
    kept.set(key, found);
    return found;
  };
}

function assignment(
  { moduleId, spec }: ModuleState,
  live: readonly LiveReplica[],
  ownZone: string,
): ClusterLoadAssignment {
  const zones = [...new Set(live.map(({ endpoint }) => endpoint.zone))].sort();
  const priorityOf = zonePriorities(zones, spec.load_balancing.primary_zones, ownZone);
  return {
    cluster_name: moduleCluster(moduleId),
    endpoints: zones.map((zone) => localityEndpoints(zone, priorityOf(zone), live)),
  };
}

/** Primary zones come first, all others are overflow. Priorities begin at 0 without a gap, or gRPC refuses the list. */
function zonePriorities(zones: readonly string[], configured: PrimaryZones, own: string): (zone: string) => number {
  const primary = configured !== 'local' ? configured : own === '' ? [] : [own];
  const anyPrimary = zones.some((zone) => primary.includes(zone));
  return (zone) => (anyPrimary && !primary.includes(zone) ? 1 : 0);
}

function localityEndpoints(
  zone: string,
  priority: number,
  live: readonly LiveReplica[],
): NonNullable<ClusterLoadAssignment['endpoints']>[number] {
  const members = live.filter(({ endpoint }) => endpoint.zone === zone);
  return {
    locality: { zone },
    ...(priority === 0 ? {} : { priority }),
    // gRPC passes over a locality without weight (gRFC A27).
    load_balancing_weight: { value: members.reduce((sum, { endpoint }) => sum + endpoint.weight, 0) },
    lb_endpoints: members.map(({ endpoint, health }) => ({
      endpoint: { address: { socket_address: { address: endpoint.address, port_value: endpoint.port } } },
      health_status: health,
      load_balancing_weight: { value: endpoint.weight },
    })),
  };
}

/** One entry per address: a replica that has just taken over a stopping one's port counts, not the stopping one. */
function liveReplicas(replicas: readonly ReplicaView[]): readonly LiveReplica[] {
  const byAddress = new Map<string, LiveReplica>();
  for (const replica of replicas) {
    const health = healthOf(replica);
    const { endpoint } = replica;
    if (health === undefined || endpoint === undefined || isIP(endpoint.address) === 0) continue;
    const key = `${endpoint.address} ${endpoint.port}`;
    if (health === 'HEALTHY' || !byAddress.has(key)) byAddress.set(key, { endpoint, health });
  }
  return [...byAddress.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, live]) => live);
}

function healthOf({ state }: ReplicaView): Health | undefined {
  switch (state) {
    case 'READY':
      return 'HEALTHY';
    case 'DRAINING':
      return 'DRAINING';
    case 'UNHEALTHY':
      return 'UNHEALTHY';
    case 'STARTING':
    case 'BACKOFF':
      return undefined;
  }
}
