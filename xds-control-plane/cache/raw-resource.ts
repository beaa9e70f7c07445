import { FrontierError } from '../../core/errors.ts';
import type { Codec, EncodedAny } from '../protobuf/codec.ts';
import { encodeJson } from '../protobuf/json-message.ts';
import type { MessageTypes } from '../protobuf/message-types.ts';
import { PUSH_ORDER, TYPE_URLS } from '../protobuf/type-urls.ts';
import { resourceName } from './consistency.ts';
import { referencesOf } from './references.ts';
import { createResource } from './resource.ts';
import type { Resource } from './resource.ts';
import { assertSecretPair } from './secret-pair.ts';
import { byTypeUrl } from './snapshot.ts';

interface AnyResource {
  /** Told to clients instead of a hash of the content. */
  readonly version?: string;
  /** How long clients may keep it without hearing of it, in milliseconds; those that take times to live hear in time. */
  readonly ttlMs?: number;
}

/** A resource as bytes, of any type. */
export interface EncodedResource extends AnyResource {
  readonly name: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** A resource in protobuf's JSON form, of a type that Envoy publishes. */
export interface JsonResource extends AnyResource {
  /** May be left out where the message has a field `name` or `cluster_name`. */
  readonly name?: string;
  /** The message, with its type in "@type". */
  readonly resource: Readonly<Record<string, unknown>>;
}

export type ResourceInput = EncodedResource | JsonResource;

/** What makes resources of what users give. */
export interface ResourceEncoder {
  /** Throws INVALID_FIELD for a resource without name, or a message that is not of its type. */
  encode(input: ResourceInput): { readonly typeUrl: string; readonly resource: Resource };
}

/** Gives an encoder. Of the types that the protocol orders it also reads what a resource names. */
export function createResourceEncoder(codec: Codec, types: MessageTypes): ResourceEncoder {
  return {
    encode: (input) => {
      const any = 'resource' in input ? encodeJson(input.resource, types) : encodedAny(input);
      const content = contentOf(any, codec);
      const name = input.name ?? content.name ?? jsonName(input);
      if (name === undefined || name === '') {
        throw new FrontierError('INVALID_FIELD', `a resource of ${any.type_url} has no name`);
      }
      const { version, ttlMs } = input;
      return {
        typeUrl: any.type_url,
        resource: createResource({ name, any, version, ttlMs, references: content.references }),
      };
    },
  };
}

function encodedAny({ typeUrl, value }: EncodedResource): EncodedAny {
  if (typeUrl === '') throw new FrontierError('INVALID_FIELD', 'a resource must say its type URL');
  return { type_url: typeUrl, value: Buffer.from(value) };
}

function contentOf(any: EncodedAny, codec: Codec): { name?: string; references?: Resource['references'] } {
  const type = PUSH_ORDER.find((one) => TYPE_URLS[one] === any.type_url);
  const message = type === undefined ? undefined : decoded(any, codec);
  if (type === undefined || message === undefined) return {};
  const name = resourceName(type, message);
  if (type === 'secrets') assertSecretPair(name, message);
  return { name, references: byTypeUrl(referencesOf(type, message)) };
}

/** Bytes that are no such message are served as they are: it is for the client to refuse them. */
function decoded(any: EncodedAny, codec: Codec): object | undefined {
  try {
    return codec.decode(any);
  } catch {
    return undefined;
  }
}

function jsonName(input: ResourceInput): string | undefined {
  const name = 'resource' in input ? input.resource['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
}
