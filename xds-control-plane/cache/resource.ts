import { createHash } from 'node:crypto';
import type { EncodedAny } from '../protobuf/codec.ts';

/** What a resource names: names of others by their type URL. */
export type References = ReadonlyMap<string, ReadonlySet<string>>;

/** One resource, encoded. */
export interface Resource {
  readonly name: string;
  /** Hash of the content: the same on every control plane, before and after a restart (checklist 15, 16). */
  readonly version: string;
  readonly any: EncodedAny;
  readonly references: References;
  /** How long a client may keep it without hearing of it, in milliseconds; undefined for ever. */
  readonly ttlMs: number | undefined;
  /** Hash of name and version, of which the version of a set is made. */
  readonly digest: bigint;
}

export interface ResourceParts {
  readonly name: string;
  readonly any: EncodedAny;
  /** Given by whoever sets the resource; by default a hash of its bytes. */
  readonly version?: string | undefined;
  readonly references?: References | undefined;
  readonly ttlMs?: number | undefined;
}

const NO_REFERENCES: References = new Map();

/** Gives a resource from its parts. */
export function createResource({ name, any, version, references, ttlMs }: ResourceParts): Resource {
  const known = version ?? hashOf([any.value, ...(ttlMs === undefined ? [] : [`ttl ${ttlMs}`])]);
  const digest = createHash('sha256').update(`${name} ${known}`).digest().readBigUInt64BE();
  return { name, version: known, any, references: references ?? NO_REFERENCES, ttlMs, digest };
}

/** 64 bits tell versions of one resource apart; they guard against nothing. */
export function hashOf(parts: readonly (Buffer | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}
