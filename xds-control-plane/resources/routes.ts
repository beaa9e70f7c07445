import type { Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { RouteConfiguration } from '../protobuf/messages.ts';
import { EDGE, MESH, moduleCluster, ROUTER_GRPC_CLUSTER, ROUTER_HTTP_CLUSTER } from './names.ts';

type VirtualHost = NonNullable<RouteConfiguration['virtual_hosts']>[number];
type RouteAction = NonNullable<NonNullable<VirtualHost['routes']>[number]['route']>;

/**
 * No time limit of Envoy's own: streams last as long as their caller wants. A gRPC caller's deadline is kept as it is
 * (0 = no upper bound), and is passed on.
 */
const CALLERS_DEADLINE: RouteAction = {
  timeout: duration(0),
  max_stream_duration: { grpc_timeout_header_max: duration(0) },
};

/** Gives the edge's routes: gRPC (grpc-web too, whose content type begins the same) to one port of the router, all else to the other. */
export function edgeRoutes({ network }: Orchestration): RouteConfiguration {
  return {
    name: EDGE,
    virtual_hosts: [
      {
        name: EDGE,
        domains: ['*'],
        typed_per_filter_config: { 'envoy.filters.http.cors': corsPolicy(network.cors_origins) },
        retry_policy: retryOfUnsent(),
        routes: [
          {
            name: 'grpc',
            match: { prefix: '/', headers: [{ name: 'content-type', string_match: { prefix: 'application/grpc' } }] },
            route: { cluster: ROUTER_GRPC_CLUSTER, ...CALLERS_DEADLINE },
          },
          { name: 'http', match: { prefix: '/' }, route: { cluster: ROUTER_HTTP_CLUSTER, ...CALLERS_DEADLINE } },
        ],
      },
    ],
  };
}

/** Gives the mesh's routes: `:authority` is the module. */
export function meshRoutes(moduleIds: readonly string[]): RouteConfiguration {
  return {
    name: MESH,
    virtual_hosts: moduleIds.map((id) => ({
      name: id,
      domains: [id, `${id}:*`],
      retry_policy: retryOfUnsent(),
      routes: [{ name: id, match: { prefix: '/' }, route: { cluster: moduleCluster(id), ...CALLERS_DEADLINE } }],
    })),
  };
}

/**
 * Only what has certainly not been worked on is sent again, once, to another host: everything else is the plan's
 * decision, which knows what a second answer costs.
 */
function retryOfUnsent(): NonNullable<VirtualHost['retry_policy']> {
  return {
    retry_on: 'connect-failure,refused-stream,reset-before-request',
    num_retries: { value: 1 },
    retry_back_off: { base_interval: duration(0.025), max_interval: duration(0.25) },
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: extension('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
      },
    ],
    host_selection_retry_max_attempts: 3,
  };
}

function corsPolicy(origins: readonly string[]): ReturnType<typeof extension> {
  return extension('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    // Envoy takes an exact "*" as any origin.
    allow_origin_string_match: origins.map((origin) => ({ exact: origin })),
    allow_methods: 'GET, POST, PUT, DELETE, OPTIONS',
    allow_headers:
      'content-type, authorization, x-api-key, x-grpc-web, x-user-agent, grpc-timeout, traceparent, tracestate, x-frontier-tenant, x-frontier-request-id, x-frontier-user',
    expose_headers:
      'grpc-status, grpc-message, grpc-status-details-bin, retry-after, x-request-id, x-frontier-request-id',
    max_age: '86400',
  });
}
