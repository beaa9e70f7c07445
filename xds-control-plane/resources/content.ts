import type { ModuleView } from '../../core/modules/module-view.ts';
import type { Cluster, ClusterLoadAssignment, Listener, RouteConfiguration, Secret } from '../protobuf/messages.ts';

/** Modules by id, as the loader last told them. */
export type ModuleStates = ReadonlyMap<string, ModuleView>;

/** What one kind of client is served, as plain messages: the content of a snapshot before it is checked and encoded. */
export interface SnapshotContent {
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
  readonly secrets: readonly Secret[];
}

/** Who is served: an Envoy, or a gRPC client without proxy. */
export type ViewKind = 'gateway' | 'proxyless';

/** Gives the modules in the order of their ids, so that the same states give the same bytes. */
export function inOrder(states: ModuleStates): readonly ModuleView[] {
  return [...states.values()].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
}
