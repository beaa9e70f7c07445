import { EMPTY_TYPE } from './type-snapshot.ts';
import type { Snapshot } from './type-snapshot.ts';

/** Key of the snapshot for nodes that have none of their own. */
export const EVERY_NODE = '*';

/** Snapshots by node, or by group of nodes. */
export interface NodeSnapshots {
  /** What a key is served: its own snapshot, or else that of every node; undefined before either is set. */
  current(key: string): Snapshot | undefined;
  /** The key's own snapshot. */
  own(key: string): Snapshot | undefined;
  /** Serves a snapshot. Types that it leaves out and that were served have no resources any more. */
  set(key: string, snapshot: Snapshot): void;
  /** Takes a key's own snapshot away. */
  clear(key: string): void;
  /** Calls back after each change of what a key is served; the returned function ends it. */
  onChange(key: string, listener: () => void): () => void;
  keys(): readonly string[];
}

/** Gives an empty set. */
export function createNodeSnapshots(): NodeSnapshots {
  const snapshots = new Map<string, Snapshot>();
  const listeners = new Map<string, Set<() => void>>();
  const notify = (key: string): void => {
    for (const [watched, all] of listeners) {
      if (watched !== key && (key !== EVERY_NODE || snapshots.has(watched))) continue;
      for (const listener of all) listener();
    }
  };
  return {
    current: (key) => snapshots.get(key) ?? snapshots.get(EVERY_NODE),
    own: (key) => snapshots.get(key),
    set: (key, snapshot) => {
      const before = snapshots.get(key);
      const gone = [...(before?.keys() ?? [])].filter((typeUrl) => !snapshot.has(typeUrl));
      const next = new Map(snapshot);
      for (const typeUrl of gone) next.set(typeUrl, EMPTY_TYPE);
      if (before !== undefined && isSame(before, next)) return;
      snapshots.set(key, next);
      notify(key);
    },
    clear: (key) => {
      if (snapshots.delete(key)) notify(key);
    },
    onChange: (key, listener) => {
      const all = listeners.get(key) ?? new Set();
      listeners.set(key, all.add(listener));
      return () => {
        all.delete(listener);
        if (all.size === 0 && listeners.get(key) === all) listeners.delete(key);
      };
    },
    keys: () => [...snapshots.keys()].sort(),
  };
}

function isSame(before: Snapshot, after: Snapshot): boolean {
  return before.size === after.size && [...after].every(([typeUrl, type]) => before.get(typeUrl) === type);
}
