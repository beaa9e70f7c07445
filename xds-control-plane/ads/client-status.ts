import { FrontierError } from '../../core/errors.ts';
import type { ConnectedNode } from './node-registry.ts';
import { heldOf } from './stream-state.ts';
import type { TypeState } from './stream-state.ts';

/** What the client status discovery service (CSDS, envoy.service.status.v3) tells of the connected clients; never any content. */

/** envoy.service.status.v3.ClientStatusRequest, as proto-loader gives it. */
export interface ClientStatusRequest {
  readonly node_matchers?: readonly { readonly node_id?: StringMatcher; readonly node_metadatas?: readonly object[] }[];
}

type MatchKind = 'exact' | 'prefix' | 'suffix' | 'contains';
type StringMatcher = { readonly [Kind in MatchKind]?: string } & { readonly ignore_case?: boolean };

export interface ResourceStatus {
  readonly type_url: string;
  readonly name: string;
  readonly version_info: string;
  /** Whether the client has what is served: SYNCED, STALE (on its way), ERROR (refused), NOT_SENT. */
  readonly config_status: 'SYNCED' | 'STALE' | 'ERROR' | 'NOT_SENT';
  readonly client_status: 'ACKED' | 'NACKED' | 'REQUESTED' | 'DOES_NOT_EXIST';
  readonly error_state?: { readonly details: string };
}

export interface ClientStatusResponse {
  readonly config: readonly {
    readonly node: { readonly id: string; readonly cluster: string };
    readonly generic_xds_configs: readonly ResourceStatus[];
  }[];
}

/** Gives the status of the clients that match. Throws INVALID_FIELD for a matcher that is not understood. */
export function clientStatus(nodes: readonly ConnectedNode[], request: ClientStatusRequest): ClientStatusResponse {
  const matchers = request.node_matchers ?? [];
  const isAsked = ({ node }: ConnectedNode): boolean =>
    matchers.length === 0 || matchers.some((matcher) => matches(matcher, node.id));
  return {
    config: nodes.filter(isAsked).map(({ node, state }) => ({
      node: { id: node.id, cluster: node.cluster },
      generic_xds_configs: state.types.flatMap(statusOfType),
    })),
  };
}

function matches(matcher: NonNullable<ClientStatusRequest['node_matchers']>[number], id: string): boolean {
  const { node_id: wanted, node_metadatas: metadata = [] } = matcher;
  if (metadata.length > 0) throw new FrontierError('INVALID_FIELD', 'nodes are matched by their id only');
  if (wanted === undefined) return true;
  const fold = (text: string): string => (wanted.ignore_case === true ? text.toLowerCase() : text);
  const name = fold(id);
  if (wanted.exact !== undefined) return name === fold(wanted.exact);
  if (wanted.prefix !== undefined) return name.startsWith(fold(wanted.prefix));
  if (wanted.suffix !== undefined) return name.endsWith(fold(wanted.suffix));
  if (wanted.contains !== undefined) return name.includes(fold(wanted.contains));
  throw new FrontierError('INVALID_FIELD', 'node_id is matched by exact, prefix, suffix or contains only');
}

function statusOfType(type: TypeState): readonly ResourceStatus[] {
  const { subscription, seen, pending } = type;
  if (subscription === undefined) return [];
  const names = new Set([
    ...(subscription.wildcard ? seen.resources.keys() : []),
    ...subscription.names,
    ...pending.keys(),
  ]);
  return [...names].map((name) => statusOf(type, name));
}

function statusOf(type: TypeState, name: string): ResourceStatus {
  const { typeUrl, pending, refused, inFlight, seen, nackMessage } = type;
  const held = heldOf(type, name);
  const common = { type_url: typeUrl, name, version_info: held?.version ?? '' };
  if (held === undefined) {
    const isThere = seen.resources.has(name);
    return { ...common, config_status: 'NOT_SENT', client_status: isThere ? 'REQUESTED' : 'DOES_NOT_EXIST' };
  }
  const isOnItsWay = pending.has(name) || inFlight.some(({ items }) => items.has(name));
  if (isOnItsWay) return { ...common, config_status: 'STALE', client_status: 'REQUESTED' };
  if (!refused.has(name)) return { ...common, config_status: 'SYNCED', client_status: 'ACKED' };
  return { ...common, config_status: 'ERROR', client_status: 'NACKED', error_state: { details: nackMessage } };
}
