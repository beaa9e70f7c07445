import type { Orchestration } from '../../core/config/schema.ts';
import { inOrder } from './content.ts';
import type { ModuleStates, SnapshotContent, ViewKind } from './content.ts';
import { gatewayEndpoints, proxylessEndpoints } from './endpoints.ts';
import { gatewayContent } from './gateway.ts';
import { proxylessContent } from './proxyless.ts';

/** Gives the resources of a kind of client: a function of the module states and the configuration, nothing else. */
export function resourcesFor(states: ModuleStates, orchestration: Orchestration, kind: ViewKind): SnapshotContent {
  return kind === 'gateway' ? gatewayContent(states, orchestration) : proxylessContent(states, orchestration);
}

/** Gives the endpoints that a client in a zone is served instead: its own zone comes first where a module has it so. */
export function endpointsFor(states: ModuleStates, kind: ViewKind, zone: string): SnapshotContent['endpoints'] {
  const endpoints = kind === 'gateway' ? gatewayEndpoints : proxylessEndpoints;
  return inOrder(states).map((view) => endpoints(view, zone));
}
