import type { SnapshotContent } from '../resources/content.ts';
import { PUSH_ORDER } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import { referencesOf } from './references.ts';

/**
 * Gives what is wrong with a snapshot's content, one sentence each; empty when it may be served (checklist 51). Names must
 * be unique, everything named must exist, and every load assignment and route table must be named by something.
 * `secretNames` are those that nodes get besides.
 */
export function consistencyFaults(content: SnapshotContent, secretNames: readonly string[]): readonly string[] {
  const names = namesByType(content, secretNames);
  const known = setsOf(names);
  const named = new Set<string>();
  const faults: string[] = [];
  for (const type of PUSH_ORDER) {
    for (const message of content[type]) {
      for (const reference of referencesOf(type, message)) {
        named.add(`${reference.type} ${reference.name}`);
        if (known[reference.type].has(reference.name)) continue;
        faults.push(
          `${type} ${resourceName(type, message)} names ${reference.name} of ${reference.type}, which is not there`,
        );
      }
    }
  }
  return [...faults, ...duplicates(names), ...orphans(names, named)];
}

/** Gives a resource's own name; endpoints go by their cluster's. */
export function resourceName(type: ResourceType, message: object): string {
  const { name, cluster_name } = message as { name?: string; cluster_name?: string };
  return (type === 'endpoints' ? cluster_name : name) ?? '';
}

type Names = Readonly<Record<ResourceType, readonly string[]>>;

function namesByType(content: SnapshotContent, secretNames: readonly string[]): Names {
  const of = (type: ResourceType): string[] => content[type].map((message) => resourceName(type, message));
  return {
    clusters: of('clusters'),
    endpoints: of('endpoints'),
    listeners: of('listeners'),
    routes: of('routes'),
    secrets: [...of('secrets'), ...secretNames],
  };
}

function setsOf(names: Names): Readonly<Record<ResourceType, ReadonlySet<string>>> {
  return {
    clusters: new Set(names.clusters),
    endpoints: new Set(names.endpoints),
    listeners: new Set(names.listeners),
    routes: new Set(names.routes),
    secrets: new Set(names.secrets),
  };
}

function duplicates(names: Names): readonly string[] {
  return PUSH_ORDER.flatMap((type) => {
    const seen = new Set<string>();
    return names[type]
      .filter((name) => name === '' || seen.size === seen.add(name).size)
      .map((name) => `${type} has "${name}" twice, or without a name`);
  });
}

function orphans(names: Names, named: ReadonlySet<string>): readonly string[] {
  return (['endpoints', 'routes'] as const).flatMap((type) =>
    names[type].filter((name) => !named.has(`${type} ${name}`)).map((name) => `nothing names ${name} of ${type}`),
  );
}
