import type { Orchestration } from '../../core/config/schema.ts';
import { spiffeId } from '../../core/identity/spiffe.ts';

/** Names that resources call each other by. */
export const ROUTER_GRPC_CLUSTER = 'router-grpc';
export const ROUTER_HTTP_CLUSTER = 'router-http';
export const COLLECTOR_CLUSTER = 'otlp-collector';
export const EDGE = 'edge';
export const MESH = 'mesh';
/** Secret with the certificate of the node that asks. */
export const GATEWAY_SECRET = 'gateway';
/** Secret with the trust bundle. */
export const ROOTS_SECRET = 'roots';
/** Certificate provider instance in a proxyless client's bootstrap. */
export const PROXYLESS_CERTIFICATES = 'workload';

/** What names of server listeners begin with: `server_listener_resource_name_template` of gRPC servers' bootstraps, up to the address. */
export const SERVER_LISTENER_PREFIX = 'grpc/server?xds.resource.listening_address=';

/** The metric of sidecars' load reports (ORCA) that Envoy passes on in its own, under the name by which clusters ask for it. */
export const CONFIDENCE_METRIC = 'named_metrics.confidence';

/** Gives the name of a module's cluster, and of its endpoints. */
export function moduleCluster(moduleId: string): string {
  return `module/${moduleId}`;
}

/** Gives the SPIFFE id that a module's sidecars show. */
export function moduleSpiffeId(moduleId: string, { mesh }: Orchestration): string {
  return spiffeId({ trustDomain: mesh.trust_domain, namespace: mesh.namespace, kind: 'module', name: moduleId });
}
