import type { ModuleSpec } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Cluster } from '../protobuf/messages.ts';

/** How Envoy chooses a replica of a module. */
type Balancing = Pick<
  Cluster,
  | 'lb_policy'
  | 'least_request_lb_config'
  | 'round_robin_lb_config'
  | 'ring_hash_lb_config'
  | 'load_balancing_policy'
  | 'common_lb_config'
>;

const CLIENT_SIDE_WRR =
  'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin';

/** Gives the part of a cluster that says how Envoy chooses a replica. */
export function gatewayBalancing({ load_balancing: balancing }: ModuleSpec): Balancing {
  return {
    ...policyOf(balancing),
    // By default 0, no panic routing: with few replicas it would send to those just ejected, whereas a refusal at once lets
    // the router take the plan's next module (checklist 66).
    common_lb_config: {
      healthy_panic_threshold: { value: balancing.panic_threshold },
      // By default Envoy gathers changes of health and weight for a second: the second replica that drains or is ejected
      // within it would go on getting calls. Modules have few replicas, so there is little to gather.
      update_merge_window: duration(0),
    },
  };
}

/** Gives the same for a proxyless client: gRPC knows round robin with locality weights (gRFC A27) and ring hash (A42). */
export function proxylessBalancing({ load_balancing: { policy } }: ModuleSpec): Balancing {
  return policy === 'ring_hash' ? ringHash() : { lb_policy: 'ROUND_ROBIN' };
}

function policyOf(balancing: ModuleSpec['load_balancing']): Balancing {
  switch (balancing.policy) {
    case 'least_request':
      // Calls to one module last very unequally long; the replica with the fewest in flight is the best guess.
      return { lb_policy: 'LEAST_REQUEST', ...withSlowStart('least_request_lb_config', balancing.slow_start) };
    case 'round_robin':
      return { lb_policy: 'ROUND_ROBIN', ...withSlowStart('round_robin_lb_config', balancing.slow_start) };
    case 'ring_hash':
      return ringHash();
    case 'weighted_by_load':
      return weightedByLoad(balancing.load_reports);
  }
}

function withSlowStart(
  key: 'least_request_lb_config' | 'round_robin_lb_config',
  seconds: number | undefined,
): Pick<Balancing, typeof key> {
  return seconds === undefined ? {} : { [key]: { slow_start_config: { slow_start_window: duration(seconds) } } };
}

/** gRPC clients refuse another hash function than this one, Envoy's default. */
function ringHash(): Balancing {
  return {
    lb_policy: 'RING_HASH',
    ring_hash_lb_config: { hash_function: 'XX_HASH', minimum_ring_size: { value: 1024 } },
  };
}

/** Weights from the loads that sidecars report at the end of each call (ORCA, gRFC A51 and A58). */
function weightedByLoad(reports: ModuleSpec['load_balancing']['load_reports']): Balancing {
  return {
    lb_policy: 'LOAD_BALANCING_POLICY_CONFIG',
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: 'envoy.load_balancing_policies.client_side_weighted_round_robin',
            typed_config: extension(CLIENT_SIDE_WRR, {
              blackout_period: duration(reports.blackout),
              weight_update_period: duration(reports.update_interval),
              weight_expiration_period: duration(reports.expiry),
              error_utilization_penalty: { value: reports.error_penalty },
            }),
          },
        },
      ],
    },
  };
}
