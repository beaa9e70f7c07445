import { FrontierError } from '../../core/errors.ts';
import type { NodeSnapshots } from '../cache/node-snapshots.ts';
import type { ResourceEncoder, ResourceInput } from '../cache/raw-resource.ts';
import type { Resource } from '../cache/resource.ts';
import { snapshotFaults } from '../cache/snapshot-faults.ts';
import { editTypeSnapshot, EMPTY_TYPE, typeSnapshot } from '../cache/type-snapshot.ts';
import type { Snapshot, TypeSnapshot } from '../cache/type-snapshot.ts';

export interface SnapshotInput {
  readonly resources: readonly ResourceInput[];
  /**
   * Version to tell clients in the state-of-the-world form, for all types or by type URL; without it, a hash of the content.
   * A new version is told of even where the content is the same.
   */
  readonly version?: string | Readonly<Record<string, string>>;
  /** Refuses the snapshot unless everything that its resources name is in it. Off by default: names may be static in a client. */
  readonly checkConsistency?: boolean;
}

/** Puts resources into snapshots. A node is the key that `nodeGroup` gives, by default the node's id; `*` is every other node. */
export interface SnapshotEditor {
  /** Serves exactly these resources. Throws INVALID_FIELD for resources that cannot be encoded, or contradict each other. */
  setSnapshot(node: string, snapshot: SnapshotInput): void;
  /** Serves exactly these resources of one type, and the others as they are. */
  setResources(node: string, typeUrl: string, resources: readonly ResourceInput[], version?: string): void;
  /** Puts resources in, in the place of those of the same name. */
  updateResources(node: string, resources: readonly ResourceInput[], version?: string): void;
  /** Takes resources out; names that are not there do not matter. */
  removeResources(node: string, typeUrl: string, names: readonly string[], version?: string): void;
  /** Takes a node's snapshot away; it is then served what every node is, or, without that, nothing new. */
  clearSnapshot(node: string): void;
  /** What a node is served now. */
  snapshotOf(node: string): Snapshot | undefined;
}

/** Gives an editor of snapshots. */
export function createSnapshotEditor(snapshots: NodeSnapshots, encoder: ResourceEncoder): SnapshotEditor {
  const byType = (inputs: readonly ResourceInput[]): ReadonlyMap<string, readonly Resource[]> => {
    const groups = new Map<string, Resource[]>();
    for (const { typeUrl, resource } of inputs.map((input) => encoder.encode(input))) {
      const group = groups.get(typeUrl);
      if (group === undefined) groups.set(typeUrl, [resource]);
      else group.push(resource);
    }
    return groups;
  };
  const edit = (node: string, change: (types: Map<string, TypeSnapshot>) => void): void => {
    const types = new Map(snapshots.own(node));
    change(types);
    snapshots.set(node, types);
  };
  return {
    setSnapshot: (node, { resources, version, checkConsistency }) => {
      const before = snapshots.own(node);
      const next = new Map<string, TypeSnapshot>();
      for (const [typeUrl, group] of byType(resources)) {
        next.set(typeUrl, replaced(before?.get(typeUrl), group, versionFor(typeUrl, version)));
      }
      for (const typeUrl of typeof version === 'object' ? Object.keys(version) : []) {
        if (!next.has(typeUrl)) next.set(typeUrl, typeSnapshot([], versionFor(typeUrl, version)));
      }
      if (checkConsistency === true) assertConsistent(next);
      snapshots.set(node, next);
    },
    setResources: (node, typeUrl, resources, version) => {
      const group = byType(resources);
      const stranger = [...group.keys()].find((one) => one !== typeUrl);
      if (stranger !== undefined) throw new FrontierError('INVALID_FIELD', `${stranger} is not ${typeUrl}`);
      edit(node, (types) => types.set(typeUrl, replaced(types.get(typeUrl), group.get(typeUrl) ?? [], version)));
    },
    updateResources: (node, resources, version) => {
      const groups = byType(resources);
      edit(node, (types) => {
        for (const [typeUrl, group] of groups) {
          types.set(typeUrl, editTypeSnapshot(types.get(typeUrl) ?? EMPTY_TYPE, group, [], version));
        }
      });
    },
    removeResources: (node, typeUrl, names, version) => {
      edit(node, (types) => types.set(typeUrl, editTypeSnapshot(types.get(typeUrl) ?? EMPTY_TYPE, [], names, version)));
    },
    clearSnapshot: (node) => {
      snapshots.clear(node);
    },
    snapshotOf: (node) => snapshots.current(node),
  };
}

/** Gives a type's snapshot with exactly these resources; the same one if it has them already. */
function replaced(before: TypeSnapshot | undefined, resources: readonly Resource[], version?: string): TypeSnapshot {
  const next = typeSnapshot(
    resources.map((resource) => {
      const known = before?.resources.get(resource.name);
      return known?.version === resource.version ? known : resource;
    }),
    version,
  );
  const isSame = before?.version === next.version && before.digest === next.digest;
  return isSame ? before : next;
}

function versionFor(typeUrl: string, version: SnapshotInput['version']): string | undefined {
  return typeof version === 'string' ? version : version?.[typeUrl];
}

function assertConsistent(snapshot: Snapshot): void {
  const faults = snapshotFaults(snapshot);
  if (faults.length > 0)
    throw new FrontierError('INVALID_FIELD', `the snapshot is not consistent: ${faults.join('; ')}`);
}
