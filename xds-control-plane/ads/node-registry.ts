import type { StreamState } from './stream-state.ts';

/** One connected stream, for status. */
export interface ConnectedNode {
  readonly nodeId: string;
  /** Empty on the local socket. */
  readonly spiffeId: string;
  readonly connectedAtMs: number;
  /** Where the stream stands now. */
  state(): StreamState;
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
    list: () => [...nodes].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1)),
  };
}
