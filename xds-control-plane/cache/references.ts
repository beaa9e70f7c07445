import type { ResourceType } from '../protobuf/type-urls.ts';

/** A resource that another one names. */
export interface Reference {
  readonly type: ResourceType;
  readonly name: string;
}

/**
 * Gives what a resource names, wherever it stands inside it: routes name clusters, listeners name routes (RDS), clusters
 * name endpoints (EDS), TLS contexts name secrets (SDS), tracers name the cluster of their collector.
 */
export function referencesOf(type: ResourceType, message: object): readonly Reference[] {
  const kept = known.get(message);
  if (kept !== undefined) return kept;
  const found = new Map<string, Reference>();
  const add = (reference: Reference): void => {
    found.set(`${reference.type} ${reference.name}`, reference);
  };
  // A load assignment's cluster_name is its own name, and endpoints name nothing.
  if (type !== 'endpoints') visit(message, add);
  const references = [...found.values()];
  known.set(message, references);
  return references;
}

/** Messages are never edited, and each is looked through once. */
const known = new WeakMap<object, readonly Reference[]>();

function visit(value: unknown, add: (reference: Reference) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, add);
    return;
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  const fields = value as Record<string, unknown>;
  for (const reference of ownReferences(fields)) add(reference);
  // An assignment inside a static cluster bears the cluster's own name.
  for (const [key, field] of Object.entries(fields)) if (key !== 'load_assignment') visit(field, add);
}

function ownReferences(fields: Record<string, unknown>): readonly Reference[] {
  const references: Reference[] = [];
  const push = (type: ResourceType, name: unknown): void => {
    if (typeof name === 'string' && name !== '') references.push({ type, name });
  };
  if ('eds_cluster_config' in fields) {
    push('endpoints', (fields['eds_cluster_config'] as { service_name?: string }).service_name ?? fields['name']);
  }
  if ('sds_config' in fields) push('secrets', fields['name']);
  push('routes', fields['route_config_name']);
  push('clusters', fields['cluster']);
  push('clusters', fields['cluster_name']);
  for (const { name } of (fields['weighted_clusters'] as { clusters?: { name?: string }[] } | undefined)?.clusters ??
    []) {
    push('clusters', name);
  }
  return references;
}
