import type { Orchestration } from '../../core/config/schema.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Listener } from '../protobuf/messages.ts';
import { inOrder } from './content.ts';
import type { ModuleStates, SnapshotContent } from './content.ts';
import { moduleEndpoints } from './endpoints.ts';
import { proxylessModuleCluster } from './module-clusters.ts';
import { moduleCluster } from './names.ts';

/** Gives what a gRPC client without proxy is served: it dials `xds:///<module id>` and finds the listener of that name. */
export function proxylessContent(states: ModuleStates, orchestration: Orchestration): SnapshotContent {
  const views = inOrder(states);
  return {
    clusters: views.map(({ spec }) => proxylessModuleCluster(spec, orchestration)),
    endpoints: views.map((view) => moduleEndpoints(view, 'proxyless')),
    listeners: views.map(apiListener),
    routes: [],
    secrets: [],
  };
}

/** The route stands inline: a proxyless client fetches the cluster before it uses the route, so no warming is needed. */
function apiListener({ moduleId }: ModuleView): Listener {
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
                    cluster: moduleCluster(moduleId),
                    max_stream_duration: { grpc_timeout_header_max: duration(0) },
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
}
