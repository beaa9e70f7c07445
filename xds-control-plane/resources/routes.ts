import type { Orchestration } from '../../core/config/schema.ts';
import { routerPorts } from '../../core/service/router-replica.ts';
import { extension } from '../protobuf/messages.ts';
import type { RouteConfiguration } from '../protobuf/messages.ts';
import type { ModuleState, ModuleStates } from './content.ts';
import { CALLERS_DEADLINE, moduleVirtualHost, retryPolicy, routeInputs } from './module-routes.ts';
import type { VirtualHost } from './module-routes.ts';
import { EDGE, MESH, ROUTER_GRPC_CLUSTER, ROUTER_HTTP_CLUSTER } from './names.ts';
import { shared, sharedByContent, sharedByItems } from './sharing.ts';

type Cors = ReturnType<typeof extension>;

/** Between edge and router, too, only what has certainly not been worked on is sent again, to another router if there is one. */
const EDGE_RETRY = { on: ['connect-failure', 'refused-stream', 'reset-before-request'], back_off: 0.025 } as const;
/** What its sender has called idempotent may have been worked on; it is sent again as long as nothing of an answer has come. */
const IDEMPOTENT_RETRY = { ...EDGE_RETRY, on: [...EDGE_RETRY.on, 'reset'] } as const;
const IDEMPOTENT = { name: 'x-frontier-idempotent', string_match: { exact: 'true' } };
const IS_GRPC = { name: 'content-type', string_match: { prefix: 'application/grpc' } };

/** Gives the edge's routes: gRPC (grpc-web too, whose content type begins the same) to one port of the router, all else to the other. */
export const edgeRoutes = shared((orchestration: Orchestration): RouteConfiguration => {
  const { network } = orchestration;
  const others = routerPorts(orchestration).length - 1;
  const attempts = Math.max(1, others);
  return {
    name: EDGE,
    virtual_hosts: [
      {
        name: EDGE,
        domains: ['*'],
        typed_per_filter_config: { 'envoy.filters.http.cors': corsPolicy(network.cors_origins) },
        retry_policy: retryPolicy({ retry: { ...EDGE_RETRY, on: [...EDGE_RETRY.on], attempts } }),
        routes: [
          ...(others === 0 ? [] : idempotentRoutes(attempts)),
          {
            name: 'grpc',
            match: { prefix: '/', headers: [IS_GRPC] },
            route: { cluster: ROUTER_GRPC_CLUSTER, ...CALLERS_DEADLINE },
          },
          { name: 'http', match: { prefix: '/' }, route: { cluster: ROUTER_HTTP_CLUSTER, ...CALLERS_DEADLINE } },
        ],
      },
    ],
  };
});

/** Where another router could answer, what may be sent twice is. */
function idempotentRoutes(attempts: number): NonNullable<VirtualHost['routes']> {
  const action = {
    ...CALLERS_DEADLINE,
    retry_policy: retryPolicy({ retry: { ...IDEMPOTENT_RETRY, on: [...IDEMPOTENT_RETRY.on], attempts } }),
  };
  return [
    {
      name: 'grpc-idempotent',
      match: { prefix: '/', headers: [IDEMPOTENT, IS_GRPC] },
      route: { cluster: ROUTER_GRPC_CLUSTER, ...action },
    },
    {
      name: 'http-idempotent',
      match: { prefix: '/', headers: [IDEMPOTENT] },
      route: { cluster: ROUTER_HTTP_CLUSTER, ...action },
    },
  ];
}

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
      'content-type, authorization, x-api-key, x-grpc-web, x-user-agent, grpc-timeout, traceparent, tracestate, x-frontier-tenant, x-frontier-request-id, x-frontier-user, x-frontier-priority, x-frontier-idempotent',
    expose_headers:
      'grpc-status, grpc-message, grpc-status-details-bin, retry-after, x-request-id, x-frontier-request-id',
    max_age: '86400',
  });
}
