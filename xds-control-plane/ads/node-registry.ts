import type { Snapshot } from '../cache/type-snapshot.ts';
import type { DiscoveryNode } from './discovery-requests.ts';
import type { StreamState } from './stream-state.ts';

/** One connected stream, for status. */
export interface ConnectedNode {
  readonly node: DiscoveryNode;
  /** What kind of client it is. */
  readonly kind: string;
  /** Empty on the local socket. */
  readonly spiffeId: string;
  readonly connectedAtMs: number;
  /** Where the stream stands now. */
  readonly state: StreamState;
  /** Gives what it is to have now. */
  readonly wanted: () => Snapshot | undefined;
}

/** The streams that are open. */
export interface NodeRegistry {
  /** Adds a stream; the returned function takes it away again. */
  add(node: ConnectedNode): () => void;
  /** Open streams, ordered by node id. */
  list(): readonly ConnectedNode[];
}

/** Gives an empty registry. */
export function createNodeRegistry(): NodeRegistry {
  const nodes = new Set<ConnectedNode>();
  return {
    add: (node) => {
      nodes.add(node);
      return () => nodes.delete(node);
    },
    list: () => [...nodes].sort((a, b) => (a.node.id < b.node.id ? -1 : 1)),
  };
}
