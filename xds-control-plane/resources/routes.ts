import type { Orchestration } from '../../core/config/schema.ts';
import { extension } from '../protobuf/messages.ts';
import type { RouteConfiguration } from '../protobuf/messages.ts';
import type { ModuleState, ModuleStates } from './content.ts';
import { CALLERS_DEADLINE, moduleVirtualHost, retryPolicy, routeInputs } from './module-routes.ts';
import type { VirtualHost } from './module-routes.ts';
import { EDGE, MESH, ROUTER_GRPC_CLUSTER, ROUTER_HTTP_CLUSTER } from './names.ts';
import { shared, sharedByContent, sharedByItems } from './sharing.ts';

type Cors = ReturnType<typeof extension>;

/** Between edge and router, too, only what has certainly not been worked on is sent again. */
const EDGE_RETRY = retryPolicy({
  retry: { attempts: 1, on: ['connect-failure', 'refused-stream', 'reset-before-request'], back_off: 0.025 },
});

/** Gives the edge's routes: gRPC (grpc-web too, whose content type begins the same) to one port of the router, all else to the other. */
export const edgeRoutes = shared(({ network }: Orchestration): RouteConfiguration => {
  return {
    name: EDGE,
    virtual_hosts: [
      {
        name: EDGE,
        domains: ['*'],
        typed_per_filter_config: { 'envoy.filters.http.cors': corsPolicy(network.cors_origins) },
        retry_policy: EDGE_RETRY,
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
});

/** Gives the mesh's routes: `:authority` is the module. */
export function meshRoutes(
  states: ModuleStates,
  modules: readonly ModuleState[],
  owner: Orchestration,
): RouteConfiguration {
  return meshRouteTable(
    owner,
    modules.map((module) => virtualHostOf(module.spec, routeInputs(module, states))),
  );
}

const virtualHostOf = sharedByContent(moduleVirtualHost);

const meshRouteTable = sharedByItems((_owner: Orchestration, hosts: readonly VirtualHost[]): RouteConfiguration => ({
  name: MESH,
  virtual_hosts: [...hosts],
}));

function corsPolicy(origins: readonly string[]): Cors {
  return extension('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    // Envoy takes an exact "*" as any origin.
    allow_origin_string_match: origins.map((origin) => ({ exact: origin })),
    allow_methods: 'GET, POST, PUT, DELETE, OPTIONS',
    allow_headers:
      'content-type, authorization, x-api-key, x-grpc-web, x-user-agent, grpc-timeout, traceparent, tracestate, x-frontier-tenant, x-frontier-request-id, x-frontier-user, x-frontier-priority',
    expose_headers:
      'grpc-status, grpc-message, grpc-status-details-bin, retry-after, x-request-id, x-frontier-request-id',
    max_age: '86400',
  });
}
