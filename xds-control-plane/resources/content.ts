import type { ModuleView } from '../../core/modules/module-view.ts';
import type { Cluster, ClusterLoadAssignment, Listener, RouteConfiguration, Secret } from '../protobuf/messages.ts';

/** What the routers and the rollout have to say of a module, beside what the loader tells. */
export interface MeshState {
  /** Whether calls are refused at once: enough routers have seen the module fail repeatedly. */
  readonly breakerOpen?: boolean;
  /** What is left of its configured share in a split, from 0 to 1; all when left out. */
  readonly shareFactor?: number;
  /** Share of its calls that a ramp gives to the new module at present, in percent; undefined without a ramp. */
  readonly rampPercent?: number;
}

/** A module as it is served. */
export interface ModuleState extends ModuleView {
  readonly mesh?: MeshState;
}

/** Modules by id, as the loader and the routers last told of them. */
export type ModuleStates = ReadonlyMap<string, ModuleState>;

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
export function inOrder(states: ModuleStates): readonly ModuleState[] {
  return [...states.values()].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
}
