import type { Orchestration } from '../../core/config/schema.ts';
import type { ModuleStates, SnapshotContent, ViewKind } from './content.ts';
import { gatewayContent } from './gateway.ts';
import { proxylessContent } from './proxyless.ts';

/** Gives the resources of a kind of client: a function of the module states and the configuration, nothing else. */
export function resourcesFor(states: ModuleStates, orchestration: Orchestration, kind: ViewKind): SnapshotContent {
  return kind === 'gateway' ? gatewayContent(states, orchestration) : proxylessContent(states, orchestration);
}
