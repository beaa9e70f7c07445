import type { Codec } from '../protobuf/codec.ts';
import { PUSH_ORDER, TYPE_URLS } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { SnapshotContent } from '../resources/content.ts';
import { resourceName } from './consistency.ts';
import { referencesOf } from './references.ts';
import type { Reference } from './references.ts';
import { createResource, hashOf } from './resource.ts';
import type { References, Resource } from './resource.ts';
import { typeSnapshot } from './type-snapshot.ts';
import type { Snapshot, TypeSnapshot } from './type-snapshot.ts';

/** Encodes content. What has not changed since `previous` is the very same object. */
export function encodeSnapshot(content: SnapshotContent, codec: Codec, previous?: Snapshot): Snapshot {
  return new Map(
    PUSH_ORDER.map((type) => {
      const typeUrl = TYPE_URLS[type];
      return [typeUrl, encodeType(type, content[type], codec, previous?.get(typeUrl))];
    }),
  );
}

/** Messages are never edited, and what has not changed is the very same message (resources/sharing.ts): each is encoded once. */
const encoded = new WeakMap<object, Resource>();

/** Encodes the resources of one type. */
export function encodeType(
  type: ResourceType,
  messages: readonly object[],
  codec: Codec,
  previous?: TypeSnapshot,
): TypeSnapshot {
  const resources = messages.map((message) => {
    const kept = encoded.get(message);
    if (kept !== undefined) return kept;
    const any = codec.encode(TYPE_URLS[type], message);
    const name = resourceName(type, message);
    const known = previous?.resources.get(name);
    const resource =
      known?.any.value.equals(any.value) === true
        ? known
        : createResource({ name, any, references: byTypeUrl(referencesOf(type, message)) });
    encoded.set(message, resource);
    return resource;
  });
  const next = typeSnapshot(resources);
  return previous?.version === next.version ? previous : next;
}

/** Gives references as a resource keeps them. */
export function byTypeUrl(references: readonly Reference[]): References {
  const names = new Map<string, Set<string>>();
  for (const { type, name } of references) {
    const known = names.get(TYPE_URLS[type]);
    if (known === undefined) names.set(TYPE_URLS[type], new Set([name]));
    else known.add(name);
  }
  return names;
}

/** Gives a hash over all of a snapshot. */
export function snapshotHash(snapshot: Snapshot): string {
  return hashOf([...snapshot].map(([typeUrl, { version }]) => `${typeUrl} ${version}\n`).sort());
}
