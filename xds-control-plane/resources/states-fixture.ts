import { moduleSpecSchema, orchestrationFileSchema } from '../../core/config/schema.ts';
import type { ModuleSpecInput, Orchestration } from '../../core/config/schema.ts';
import type { ModuleView, ReplicaState, ReplicaView } from '../../core/modules/module-view.ts';
import type { ModuleState, ModuleStates } from './content.ts';

/** States for tests of what is made of them. */

/** Gives a configuration with some keys set. */
export function configured(overrides: object = {}): Orchestration {
  return orchestrationFileSchema.parse({ orchestration: overrides }).orchestration;
}

/** Gives a replica on loopback. */
export function replica(
  port: number,
  state: ReplicaState,
  endpoint: Partial<NonNullable<ReplicaView['endpoint']>> = {},
): ReplicaView {
  return {
    replicaId: `r-${port}-${state}`,
    state,
    reason: '',
    endpoint: { address: '127.0.0.1', port, zone: '', weight: 1, ...endpoint },
    restarts: 0,
    inFlight: 0,
    createdAtMs: undefined,
    readyAtMs: undefined,
  };
}

/** Gives a module as the loader would show it. */
export function view(
  moduleId: string,
  replicas: readonly ReplicaView[] = [],
  spec: Partial<ModuleSpecInput> = {},
): ModuleView {
  return {
    moduleId,
    spec: moduleSpecSchema.parse({ module_id: moduleId, ...spec }),
    specVersion: '1',
    state: 'READY',
    reason: '',
    replicas,
    desiredReplicas: replicas.length,
    inFlight: 0,
    waiting: 0,
    requestsPerSecond: 0,
    expectedActivationMs: undefined,
    lastUseAtMs: undefined,
    stateChangedAtMs: undefined,
  };
}

/** Gives modules by their ids. */
export function statesOf(...views: readonly ModuleState[]): ModuleStates {
  return new Map(views.map((each) => [each.moduleId, each]));
}
