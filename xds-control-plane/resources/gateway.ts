import type { Orchestration } from '../../core/config/schema.ts';
import { inOrder } from './content.ts';
import type { ModuleStates, SnapshotContent } from './content.ts';
import { gatewayEndpoints } from './endpoints.ts';
import { gatewayListeners } from './listeners.ts';
import { gatewayModuleCluster } from './module-clusters.ts';
import { edgeRoutes, meshRoutes } from './routes.ts';
import { serviceClusters } from './service-clusters.ts';

/** Gives what every Envoy is served; secrets, which differ by node, are added by the cache. */
export function gatewayContent(states: ModuleStates, orchestration: Orchestration): SnapshotContent {
  const views = inOrder(states);
  return {
    clusters: [
      ...serviceClusters(orchestration),
      ...views.map(({ spec }) => gatewayModuleCluster(spec, orchestration)),
    ],
    endpoints: views.map((view) => gatewayEndpoints(view, '')),
    listeners: gatewayListeners(orchestration),
    routes: [edgeRoutes(orchestration), meshRoutes(states, views, orchestration)],
    secrets: [],
  };
}
