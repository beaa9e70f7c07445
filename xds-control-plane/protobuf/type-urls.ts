/** The resource types that are served, in the order in which they go out (make before break, checklist 45). */

const PREFIX = 'type.googleapis.com/';

export const TYPE_URLS = {
  clusters: `${PREFIX}envoy.config.cluster.v3.Cluster`,
  endpoints: `${PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listeners: `${PREFIX}envoy.config.listener.v3.Listener`,
  routes: `${PREFIX}envoy.config.route.v3.RouteConfiguration`,
  secrets: `${PREFIX}envoy.extensions.transport_sockets.tls.v3.Secret`,
} as const;

export type ResourceType = keyof typeof TYPE_URLS;

/** Clusters and endpoints before what names them, secrets last: nothing is asked for that has not been told of. */
export const PUSH_ORDER = [
  'clusters',
  'endpoints',
  'listeners',
  'routes',
  'secrets',
] as const satisfies readonly ResourceType[];

/** Types whose responses hold everything the client subscribes to: what is absent is deleted (SotW). */
export function isFullSet(type: ResourceType): boolean {
  return type === 'clusters' || type === 'listeners';
}

/** Gives the type of a URL; undefined for one that is not served. */
export function resourceTypeOf(typeUrl: string): ResourceType | undefined {
  return PUSH_ORDER.find((type) => TYPE_URLS[type] === typeUrl);
}
