import { createHash } from 'node:crypto';
import type { Codec, EncodedAny } from '../protobuf/codec.ts';
import { PUSH_ORDER } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { SnapshotContent } from '../resources/content.ts';
import { resourceName } from './consistency.ts';
import { referencesOf } from './references.ts';
import type { Reference } from './references.ts';

/** One resource, encoded. */
export interface Resource {
  readonly name: string;
  /** Hash of the content: the same on every control plane, before and after a restart (checklist 15, 16). */
  readonly version: string;
  readonly any: EncodedAny;
  readonly references: readonly Reference[];
}

/** All resources of one type. */
export interface TypeSnapshot {
  /** Hash over names and versions. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, Resource>;
}

/** What is served at one time: never edited, replaced whole. */
export type Snapshot = Readonly<Record<ResourceType, TypeSnapshot>>;

/** Encodes content. What has not changed since `previous` is the very same object. */
export function encodeSnapshot(content: SnapshotContent, codec: Codec, previous?: Snapshot): Snapshot {
  const of = (type: ResourceType): TypeSnapshot => encodeType(type, content[type], codec, previous?.[type]);
  return {
    clusters: of('clusters'),
    endpoints: of('endpoints'),
    listeners: of('listeners'),
    routes: of('routes'),
    secrets: of('secrets'),
  };
}

/** Encodes the resources of one type. */
export function encodeType(
  type: ResourceType,
  messages: readonly object[],
  codec: Codec,
  previous?: TypeSnapshot,
): TypeSnapshot {
  const resources = messages.map((message) => {
    const any = codec.encode(type, message);
    const name = resourceName(type, message);
    const version = hashOf([any.value]);
    const known = previous?.resources.get(name);
    return known?.version === version ? known : { name, version, any, references: referencesOf(type, message) };
  });
  const version = versionOf(resources);
  if (previous?.version === version) return previous;
  return { version, resources: new Map(resources.map((resource) => [resource.name, resource])) };
}

/** Gives the version of a set of resources, whatever their order. */
export function versionOf(resources: Iterable<Resource>): string {
  const lines = [...resources].map(({ name, version }) => `${name} ${version}\n`);
  return hashOf(lines.sort());
}

/** Gives a hash over all of a snapshot. */
export function snapshotHash(snapshot: Snapshot): string {
  return hashOf(PUSH_ORDER.map((type) => snapshot[type].version));
}

/** 64 bits tell versions of one resource apart; they guard against nothing. */
function hashOf(parts: readonly (Buffer | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}
