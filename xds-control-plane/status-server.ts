import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { GetStatusRequest, GetStatusResponse, NodeStatus, TypeStatus } from '../gen/frontier/mesh/v1/status.ts';
import { unary } from '../core/grpc/handlers.ts';
import { requirePeer } from '../core/identity/credentials.ts';
import type { ConnectedNode, NodeRegistry } from './ads/node-registry.ts';
import type { TypeState } from './ads/stream-state.ts';
import type { SnapshotCache } from './cache/snapshot-cache.ts';
import { PUSH_ORDER, TYPE_URLS } from './protobuf/type-urls.ts';

export interface StatusServiceOptions {
  readonly instance: string;
  readonly cache: SnapshotCache;
  readonly nodes: NodeRegistry;
  readonly rootExpiresAtMs: number;
  /** SPIFFE ids that may ask. */
  readonly readers: readonly string[];
}

/** Gives the handlers of ControlPlaneService. */
export function createStatusService(options: StatusServiceOptions): UntypedServiceImplementation {
  return {
    getStatus: unary<GetStatusRequest, GetStatusResponse>((_request, call) => {
      requirePeer(call, options.readers);
      return Promise.resolve(statusOf(options));
    }),
  };
}

function statusOf({ instance, cache, nodes, rootExpiresAtMs }: StatusServiceOptions): GetStatusResponse {
  return {
    instance,
    snapshotHash: cache.hash(),
    nodes: nodes.list().map(nodeStatus),
    synced: cache.current('gateway') !== undefined,
    rootExpireTime: new Date(rootExpiresAtMs),
  };
}

function nodeStatus(node: ConnectedNode): NodeStatus {
  const { types } = node.state();
  return {
    nodeId: node.nodeId,
    spiffeId: node.spiffeId,
    connectTime: new Date(node.connectedAtMs),
    types: PUSH_ORDER.filter((type) => types[type].subscription !== undefined).map((type) =>
      typeStatus(TYPE_URLS[type], types[type]),
    ),
  };
}

function typeStatus(typeUrl: string, state: TypeState): TypeStatus {
  const { subscription } = state;
  return {
    typeUrl,
    sentVersion: state.sentVersion,
    ackedVersion: state.ackedVersion,
    nackMessage: state.nackMessage,
    resourceNames: subscription?.wildcard === true ? [] : [...(subscription?.names ?? [])].sort(),
  };
}
