import type { Resource } from './resource.ts';

/** All resources of one type at one time: never edited, replaced whole. */
export interface TypeSnapshot {
  /** Changes if and only if the content does, unless whoever set it gave a version of their own. */
  readonly version: string;
  /** Whether the version was given: a new one is told of even where the content is the same. */
  readonly versionGiven: boolean;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly digest: bigint;
}

/** What is served at one time, by type URL: never edited, replaced whole. */
export type Snapshot = ReadonlyMap<string, TypeSnapshot>;

export const EMPTY_TYPE: TypeSnapshot = typeSnapshot([]);

/** Gives the snapshot of a set of resources. A later one of the same name replaces an earlier. */
export function typeSnapshot(resources: Iterable<Resource>, version?: string): TypeSnapshot {
  const byName = new Map<string, Resource>();
  for (const resource of resources) byName.set(resource.name, resource);
  return ofMap(byName, digestOf(byName.values()), version);
}

/** Gives a snapshot with some resources put in and others taken out; the very same one when that changes nothing. */
export function editTypeSnapshot(
  before: TypeSnapshot,
  put: Iterable<Resource>,
  remove: Iterable<string>,
  version?: string,
): TypeSnapshot {
  const resources = new Map(before.resources);
  let { digest } = before;
  let changed = version !== undefined && version !== before.version;
  for (const name of remove) {
    const old = resources.get(name);
    if (old === undefined) continue;
    digest -= old.digest;
    resources.delete(name);
    changed = true;
  }
  for (const resource of put) {
    const old = resources.get(resource.name);
    if (old?.version === resource.version) continue;
    digest += resource.digest - (old?.digest ?? 0n);
    resources.set(resource.name, resource);
    changed = true;
  }
  return changed ? ofMap(resources, digest, version) : before;
}

/** Gives the version of a set, whatever its order: a sum of hashes, so that it can follow single changes. */
export function versionOfDigest(digest: bigint): string {
  return BigInt.asUintN(64, digest).toString(16).padStart(16, '0');
}

/** Gives the sum of which a set's version is made. */
export function digestOf(resources: Iterable<Resource>): bigint {
  let digest = 0n;
  for (const resource of resources) digest += resource.digest;
  return digest;
}

function ofMap(resources: ReadonlyMap<string, Resource>, digest: bigint, version: string | undefined): TypeSnapshot {
  return { version: version ?? versionOfDigest(digest), versionGiven: version !== undefined, resources, digest };
}

const changes = new WeakMap<TypeSnapshot, WeakMap<TypeSnapshot, readonly string[]>>();

/**
 * Gives the names that differ between two snapshots. Worked out once for each pair, however many clients go from the one to
 * the other: that is what makes a small change cheap with many clients.
 */
export function changedNames(before: TypeSnapshot, after: TypeSnapshot): readonly string[] {
  const known = changes.get(before)?.get(after);
  if (known !== undefined) return known;
  const names: string[] = [];
  for (const [name, { version }] of after.resources) {
    if (before.resources.get(name)?.version !== version) names.push(name);
  }
  for (const name of before.resources.keys()) if (!after.resources.has(name)) names.push(name);
  const byAfter = changes.get(before) ?? new WeakMap<TypeSnapshot, readonly string[]>();
  changes.set(before, byAfter.set(after, names));
  return names;
}
