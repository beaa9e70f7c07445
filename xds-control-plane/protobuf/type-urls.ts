/** The resource types that are known by name, and what the protocol says of each. Any other type is served too. */

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

/** Types that are only ever asked for by name, besides ours: virtual hosts, extension configurations, runtime layers. */
const OTHER_NAMED_TYPES: ReadonlySet<string> = new Set([
  `${PREFIX}envoy.config.route.v3.VirtualHost`,
  `${PREFIX}envoy.config.core.v3.TypedExtensionConfig`,
  `${PREFIX}envoy.service.runtime.v3.Runtime`,
]);

const RANKS: ReadonlyMap<string, number> = new Map(PUSH_ORDER.map((type, rank) => [TYPE_URLS[type], rank]));
const SHORT_NAMES: ReadonlyMap<string, ResourceType> = new Map(PUSH_ORDER.map((type) => [TYPE_URLS[type], type]));
const NAMED_TYPES: ReadonlySet<string> = new Set([
  TYPE_URLS.endpoints,
  TYPE_URLS.routes,
  TYPE_URLS.secrets,
  ...OTHER_NAMED_TYPES,
]);

/** Gives a type's place in the order in which types go out (make before break, checklist 45); unknown ones come last. */
export function pushRank(typeUrl: string): number {
  return RANKS.get(typeUrl) ?? PUSH_ORDER.length;
}

/**
 * Types whose state-of-the-world responses hold everything that the client subscribes to: what is absent is deleted. They
 * are also those of which an empty first request asks for everything. Unknown types are taken for such.
 */
export function isFullSet(typeUrl: string): boolean {
  return !NAMED_TYPES.has(typeUrl);
}

/** Tells whether a type is known to the protocol, so that its absence from a snapshot means that there is none of it. */
export function isKnownType(typeUrl: string): boolean {
  return RANKS.has(typeUrl) || OTHER_NAMED_TYPES.has(typeUrl);
}

/** Gives a type's label in metrics, where anybody's type URLs must not become labels. */
export function typeLabel(typeUrl: string): string {
  return SHORT_NAMES.get(typeUrl) ?? 'other';
}
