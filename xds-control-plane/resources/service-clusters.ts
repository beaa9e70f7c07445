import type { Orchestration } from '../../core/config/schema.ts';
import { routerPorts } from '../../core/service/router-replica.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Cluster, Extension } from '../protobuf/messages.ts';
import { COLLECTOR_CLUSTER, ROUTER_GRPC_CLUSTER, ROUTER_HTTP_CLUSTER } from './names.ts';
import { shared } from './sharing.ts';
import { publicTls } from './upstream-tls.ts';

const LOOPBACK = '127.0.0.1';
/** The router sheds load itself, with a reason; Envoy's own limit only guards against running out of memory. */
const ROUTER_LIMIT = { value: 20_000 };
/** Time between two checks of a router that is one of several. */
const CHECK_SECONDS = 1;

type HealthCheck = Pick<NonNullable<Cluster['health_checks']>[number], 'grpc_health_check' | 'http_health_check'>;

/** Gives the clusters that are not modules: the router, and the trace collector if there is one. */
export const serviceClusters = shared((orchestration: Orchestration): readonly Cluster[] => {
  const { telemetry } = orchestration;
  const routers = routerPorts(orchestration);
  const collector = telemetry.otlp_endpoint === undefined ? [] : [collectorCluster(new URL(telemetry.otlp_endpoint))];
  return [
    ...collector,
    routerCluster(
      ROUTER_GRPC_CLUSTER,
      routers.map(({ grpc }) => grpc),
      http2(),
      { grpc_health_check: { authority: 'router' } },
    ),
    routerCluster(
      ROUTER_HTTP_CLUSTER,
      routers.map(({ http }) => http),
      http1(),
      { http_health_check: { host: 'router', path: '/health' } },
    ),
  ];
});

function routerCluster(name: string, ports: readonly number[], protocol: Extension, check: HealthCheck): Cluster {
  return {
    ...staticCluster(name, LOOPBACK, ports, protocol),
    type: 'STATIC',
    ...(ports.length === 1 ? {} : amongRouters(check)),
    circuit_breakers: {
      thresholds: [
        {
          priority: 'DEFAULT',
          max_connections: ROUTER_LIMIT,
          max_pending_requests: ROUTER_LIMIT,
          max_requests: ROUTER_LIMIT,
          // By default three at the same time: all others that a killed router refuses would be lost.
          max_retries: ROUTER_LIMIT,
        },
      ],
    },
  };
}

/**
 * A killed router refuses connections, and the request goes to the next one at once (routes.ts); the checks are for one that hangs. When none
 * seems healthy all are tried: a check may be wrong, and a refusal says no more than no try.
 */
function amongRouters(check: HealthCheck): Partial<Cluster> {
  return {
    lb_policy: 'LEAST_REQUEST',
    common_lb_config: { healthy_panic_threshold: { value: 1 }, update_merge_window: duration(0) },
    health_checks: [
      {
        interval: duration(CHECK_SECONDS),
        no_traffic_interval: duration(CHECK_SECONDS),
        timeout: duration(2 * CHECK_SECONDS),
        unhealthy_threshold: { value: 2 },
        healthy_threshold: { value: 1 },
        ...check,
      },
    ],
  };
}

function collectorCluster(endpoint: URL): Cluster {
  const secure = endpoint.protocol === 'https:';
  const port = endpoint.port === '' ? (secure ? 443 : 80) : Number(endpoint.port);
  return {
    ...staticCluster(COLLECTOR_CLUSTER, endpoint.hostname.replace(/^\[|\]$/g, ''), [port], http2()),
    type: 'STRICT_DNS',
    dns_lookup_family: 'ALL',
    ...(secure ? { transport_socket: publicTls(endpoint.hostname) } : {}),
  };
}

function staticCluster(name: string, address: string, ports: readonly number[], protocol: Extension): Cluster {
  return {
    name,
    connect_timeout: duration(1),
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': protocol },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: ports.map((port) => ({
            endpoint: { address: { socket_address: { address, port_value: port } } },
          })),
        },
      ],
    },
  };
}

function http2(): Extension {
  return extension('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
    explicit_http_config: {
      http2_protocol_options: { connection_keepalive: { interval: duration(15), timeout: duration(5) } },
    },
  });
}

function http1(): Extension {
  return extension('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
    // Shorter than the router's own keep-alive time, so that Envoy never sends on a connection that is being closed.
    common_http_protocol_options: { idle_timeout: duration(30) },
    explicit_http_config: { http_protocol_options: {} },
  });
}
