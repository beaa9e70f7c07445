import type { ModuleSpec, Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Cluster } from '../protobuf/messages.ts';
import { activeHealthChecks, inFlightLimits, outlierDetection } from './cluster-health.ts';
import { gatewayBalancing, proxylessBalancing } from './load-balancing.ts';
import { CONFIDENCE_METRIC, moduleCluster } from './names.ts';
import { sharedByBoth } from './sharing.ts';
import { moduleTls, proxylessModuleTls } from './upstream-tls.ts';

const EDS_CONFIG = { ads: {}, resource_api_version: 'V3' } as const;
const PROTOCOL_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Gives a module's cluster for Envoy. */
export const gatewayModuleCluster = sharedByBoth((spec: ModuleSpec, orchestration: Orchestration): Cluster => {
  const { max_connection_duration: maxAge } = spec.timeouts;
  return {
    ...commonCluster(spec),
    ...gatewayBalancing(spec),
    ...activeHealthChecks(spec),
    // Scale-down is prompt: an endpoint that has left is not kept until it fails a check (checklist 67).
    ignore_health_on_host_removal: true,
    // Told on to the control plane while a ramp is judged by it (rollout/).
    lrs_report_endpoint_metrics: [CONFIDENCE_METRIC],
    typed_extension_protocol_options: {
      [PROTOCOL_OPTIONS]: extension(PROTOCOL_OPTIONS, {
        ...(maxAge === undefined
          ? {}
          : { common_http_protocol_options: { max_connection_duration: duration(maxAge) } }),
        explicit_http_config: {
          http2_protocol_options: {
            // Finds a sidecar that vanished without closing its connections.
            connection_keepalive: { interval: duration(15), timeout: duration(5) },
          },
        },
      }),
    },
    transport_socket: moduleTls(spec.module_id, orchestration),
  };
});

/** Gives a module's cluster for a proxyless client. */
export const proxylessModuleCluster = sharedByBoth((spec: ModuleSpec, orchestration: Orchestration): Cluster => ({
  ...commonCluster(spec),
  ...proxylessBalancing(spec),
  transport_socket: proxylessModuleTls(spec.module_id, orchestration),
}));

function commonCluster(spec: ModuleSpec): Cluster {
  return {
    name: moduleCluster(spec.module_id),
    type: 'EDS',
    eds_cluster_config: { eds_config: EDS_CONFIG },
    connect_timeout: duration(spec.timeouts.connect),
    circuit_breakers: inFlightLimits(spec),
    outlier_detection: outlierDetection(spec),
  };
}
