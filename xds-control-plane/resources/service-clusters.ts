import type { Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Cluster, Extension } from '../protobuf/messages.ts';
import { COLLECTOR_CLUSTER, ROUTER_GRPC_CLUSTER, ROUTER_HTTP_CLUSTER } from './names.ts';
import { shared } from './sharing.ts';
import { publicTls } from './upstream-tls.ts';

const LOOPBACK = '127.0.0.1';
/** The router sheds load itself, with a reason; Envoy's own limit only guards against running out of memory. */
const ROUTER_LIMIT = { value: 20_000 };

/** Gives the clusters that are not modules: the router, and the trace collector if there is one. */
export const serviceClusters = shared(({ network, telemetry }: Orchestration): readonly Cluster[] => {
  const collector = telemetry.otlp_endpoint === undefined ? [] : [collectorCluster(new URL(telemetry.otlp_endpoint))];
  return [
    ...collector,
    routerCluster(ROUTER_GRPC_CLUSTER, network.ports.router_grpc, http2()),
    routerCluster(ROUTER_HTTP_CLUSTER, network.ports.router_http, http1()),
  ];
});

function routerCluster(name: string, port: number, protocol: Extension): Cluster {
  return {
    ...staticCluster(name, LOOPBACK, port, protocol),
    type: 'STATIC',
    circuit_breakers: {
      thresholds: [
        {
          priority: 'DEFAULT',
          max_connections: ROUTER_LIMIT,
          max_pending_requests: ROUTER_LIMIT,
          max_requests: ROUTER_LIMIT,
        },
      ],
    },
  };
}

function collectorCluster(endpoint: URL): Cluster {
  const secure = endpoint.protocol === 'https:';
  const port = endpoint.port === '' ? (secure ? 443 : 80) : Number(endpoint.port);
  return {
    ...staticCluster(COLLECTOR_CLUSTER, endpoint.hostname.replace(/^\[|\]$/g, ''), port, http2()),
    type: 'STRICT_DNS',
    dns_lookup_family: 'ALL',
    ...(secure ? { transport_socket: publicTls(endpoint.hostname) } : {}),
  };
}

function staticCluster(name: string, address: string, port: number, protocol: Extension): Cluster {
  return {
    name,
    connect_timeout: duration(1),
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': protocol },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: port } } } }] }],
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
