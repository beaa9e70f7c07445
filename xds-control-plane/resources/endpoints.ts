import { isIP } from 'node:net';
import type { EndpointView, ModuleView, ReplicaView } from '../../core/modules/module-view.ts';
import type { ClusterLoadAssignment } from '../protobuf/messages.ts';
import type { ViewKind } from './content.ts';
import { moduleCluster } from './names.ts';

type Health = 'HEALTHY' | 'DRAINING' | 'UNHEALTHY';

interface LiveReplica {
  readonly endpoint: EndpointView;
  readonly health: Health;
}

/**
 * Gives a module's endpoints; one without live replicas gets an empty list, never none (checklist 49). Envoy is also
 * told of draining and failing replicas, which take no new calls but finish theirs; a proxyless client only of ready ones.
 * An endpoint whose address is not an IP address is left out, since clients would refuse the whole list for it.
 */
export function moduleEndpoints(view: ModuleView, kind: ViewKind): ClusterLoadAssignment {
  const live = liveReplicas(view.replicas).filter(({ health }) => kind === 'gateway' || health === 'HEALTHY');
  const zones = [...new Set(live.map(({ endpoint }) => endpoint.zone))].sort();
  return {
    cluster_name: moduleCluster(view.moduleId),
    endpoints: zones.map((zone) => localityEndpoints(zone, live)),
  };
}

function localityEndpoints(
  zone: string,
  live: readonly LiveReplica[],
): NonNullable<ClusterLoadAssignment['endpoints']>[number] {
  const members = live.filter(({ endpoint }) => endpoint.zone === zone);
  return {
    locality: { zone },
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
