import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { GetStatusRequest, GetStatusResponse, NodeStatus, TypeStatus } from '../gen/frontier/mesh/v1/status.ts';
import { unary } from '../core/grpc/handlers.ts';
import { requirePeer } from '../core/identity/credentials.ts';
import type { ConnectedNode, NodeRegistry } from './ads/node-registry.ts';
import type { TypeState } from './ads/stream-state.ts';
import type { SnapshotCache } from './cache/snapshot-cache.ts';

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

function nodeStatus({ node, spiffeId, connectedAtMs, state }: ConnectedNode): NodeStatus {
  return {
    nodeId: node.id,
    spiffeId,
    connectTime: new Date(connectedAtMs),
    types: state.types.map(typeStatus),
  };
}

function typeStatus({ typeUrl, subscription, sentVersion, ackedVersion, nackMessage }: TypeState): TypeStatus {
  const resourceNames = subscription?.wildcard === true ? [] : [...(subscription?.names ?? [])].sort();
  return { typeUrl, sentVersion, ackedVersion, nackMessage, resourceNames };
}
