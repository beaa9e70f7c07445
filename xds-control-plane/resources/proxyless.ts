import type { ModuleSpec, Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Listener } from '../protobuf/messages.ts';
import { inOrder } from './content.ts';
import type { ModuleStates, SnapshotContent } from './content.ts';
import { proxylessEndpoints } from './endpoints.ts';
import { proxylessModuleCluster } from './module-clusters.ts';
import { destination } from './module-routes.ts';
import { sharesOf } from './shares.ts';
import type { Share } from './shares.ts';
import { sharedByContent } from './sharing.ts';

/** Gives what a gRPC client without proxy is served: it dials `xds:///<module id>` and finds the listener of that name. */
export function proxylessContent(states: ModuleStates, orchestration: Orchestration): SnapshotContent {
  const views = inOrder(states);
  return {
    clusters: views.map(({ spec }) => proxylessModuleCluster(spec, orchestration)),
    endpoints: views.map((view) => proxylessEndpoints(view, '')),
    listeners: views.map((view) => apiListener(view.spec, sharesOf(view, states))),
    routes: [],
    secrets: [],
  };
}

/** The route stands inline: a proxyless client fetches the cluster before it uses the route, so no warming is needed. */
const apiListener = sharedByContent((spec: ModuleSpec, shares: readonly Share[]): Listener => {
  const { module_id: moduleId, load_balancing: balancing } = spec;
  return {
    name: moduleId,
    api_listener: {
      api_listener: extension('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
        stat_prefix: moduleId,
        route_config: {
          name: moduleId,
          virtual_hosts: [
            {
              name: moduleId,
              domains: ['*'],
              routes: [
                {
                  match: { prefix: '' },
                  route: {
                    // With every breaker open, calls go to the module itself, where they are dropped (endpoints.ts).
                    ...destination(shares.length > 0 ? shares : [{ moduleId, weight: 1 }]),
                    max_stream_duration: { grpc_timeout_header_max: duration(0) },
                    ...(balancing.policy === 'ring_hash'
                      ? { hash_policy: [{ header: { header_name: balancing.session_header } }] }
                      : {}),
                  },
                },
              ],
            },
          ],
        },
        http_filters: [
          { name: 'router', typed_config: extension('envoy.extensions.filters.http.router.v3.Router', {}) },
        ],
      }),
    },
  };
});
