import type { ModuleSpec, Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Cluster } from '../protobuf/messages.ts';
import { moduleCluster } from './names.ts';
import { moduleTls, proxylessModuleTls } from './upstream-tls.ts';

const EDS_CONFIG = { ads: {}, resource_api_version: 'V3' } as const;

/** Gives a module's cluster for Envoy. */
export function gatewayModuleCluster(spec: ModuleSpec, orchestration: Orchestration): Cluster {
  return {
    ...commonCluster(spec),
    // Calls to one module last very unequally long; the replica with the fewest in flight is the best guess.
    lb_policy: 'LEAST_REQUEST',
    // Scale-down is prompt: an endpoint that has left is not kept until it fails a check (checklist 67).
    ignore_health_on_host_removal: true,
    common_lb_config: {
      // No panic routing: with few replicas it would send to those just ejected, whereas a refusal at once lets the
      // router take the plan's next module (checklist 66).
      healthy_panic_threshold: { value: 0 },
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': extension(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: {
            http2_protocol_options: {
              // Finds a sidecar that vanished without closing its connections.
              connection_keepalive: { interval: duration(15), timeout: duration(5) },
            },
          },
        },
      ),
    },
    transport_socket: moduleTls(spec.module_id, orchestration),
  };
}

/** Gives a module's cluster for a proxyless client; gRPC knows round robin with locality weights (gRFC A27). */
export function proxylessModuleCluster(spec: ModuleSpec, orchestration: Orchestration): Cluster {
  return {
    ...commonCluster(spec),
    lb_policy: 'ROUND_ROBIN',
    transport_socket: proxylessModuleTls(spec.module_id, orchestration),
  };
}

function commonCluster(spec: ModuleSpec): Cluster {
  const limits = spec.in_flight_limits;
  return {
    name: moduleCluster(spec.module_id),
    type: 'EDS',
    eds_cluster_config: { eds_config: EDS_CONFIG },
    connect_timeout: duration(spec.timeouts.connect),
    circuit_breakers: {
      thresholds: [
        {
          priority: 'DEFAULT',
          max_connections: { value: limits.max_connections },
          max_pending_requests: { value: limits.max_pending_requests },
          max_requests: { value: limits.max_requests },
          max_retries: { value: limits.max_retries },
        },
      ],
    },
    outlier_detection: outlierDetection(spec),
  };
}

function outlierDetection({ outlier_detection: outliers }: ModuleSpec): NonNullable<Cluster['outlier_detection']> {
  return {
    // Envoy counts gRPC statuses as their HTTP equivalents: INTERNAL 500, UNAVAILABLE 503, DEADLINE_EXCEEDED 504.
    consecutive_5xx: { value: outliers.consecutive_failures },
    interval: duration(outliers.interval),
    base_ejection_time: duration(outliers.base_ejection_time),
    max_ejection_percent: { value: outliers.max_ejection_percent },
    // Few replicas and few calls: rates over them say nothing, so only consecutive failures eject.
    enforcing_success_rate: { value: 0 },
  };
}
