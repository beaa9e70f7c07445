import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Resource } from '../cache/resource.ts';
import type { DiscoveryResponse } from './next-response.ts';
import type { Form } from './stream-state.ts';

/**
 * Writes envoy.service.discovery.v3.DiscoveryResponse and DeltaDiscoveryResponse. A resource is encoded once for all
 * clients; a response joins the bytes of its resources.
 */

interface Fields {
  readonly typeUrl: number;
  readonly nonce: number;
  readonly removed: number;
  readonly controlPlane: number;
}

const FIELDS: Readonly<Record<Form, Fields>> = {
  sotw: { typeUrl: 4, nonce: 5, removed: 0, controlPlane: 6 },
  delta: { typeUrl: 4, nonce: 5, removed: 6, controlPlane: 7 },
};
const VERSION = 1;
const RESOURCES = 2;
const RESOURCE_TYPE_URL = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** How the resources of a response are written. */
export interface WriteOptions {
  readonly form: Form;
  /** Name of the control plane; undefined to leave it out, as after the first response of a stream. */
  readonly controlPlane: string | undefined;
  /** Whether the client takes times to live. */
  readonly withTtl: boolean;
  /** Names of which only the time to live is renewed: they are sent without content (checklist 62). */
  readonly heartbeat?: ReadonlySet<string> | undefined;
}

/** Gives a response's bytes. */
export function writeResponse(response: DiscoveryResponse, options: WriteOptions): Buffer {
  const fields = FIELDS[options.form];
  const parts = [stringField(VERSION, response.version)];
  for (const resource of response.resources) parts.push(resourceField(resource, response, options));
  const rest = new BinaryWriter();
  for (const name of response.removed) writeString(rest, fields.removed, name);
  writeString(rest, fields.typeUrl, response.typeUrl);
  writeString(rest, fields.nonce, response.nonce);
  if (options.controlPlane !== undefined) {
    writeBytes(rest, fields.controlPlane, stringField(1, options.controlPlane));
  }
  parts.push(rest.finish());
  return Buffer.concat(parts);
}

const encoded: Readonly<Record<Form, WeakMap<Resource, Uint8Array>>> = { sotw: new WeakMap(), delta: new WeakMap() };

function resourceField(resource: Resource, response: DiscoveryResponse, options: WriteOptions): Uint8Array {
  if (options.withTtl && resource.ttlMs !== undefined) return mortalField(resource, response, options);
  const cache = encoded[options.form];
  const known = cache.get(resource);
  if (known !== undefined) return known;
  const { any, version } = resource;
  const bytes = lengthDelimited(
    RESOURCES,
    options.form === 'sotw' ? anyBytes(any) : wrap(resource, { version, hasTtl: false, hasContent: true }),
  );
  cache.set(resource, bytes);
  return bytes;
}

/**
 * A resource with its time to live, which the state-of-the-world form wraps. There the version is that of the response.
 */
function mortalField(resource: Resource, response: DiscoveryResponse, { form, heartbeat }: WriteOptions): Uint8Array {
  const version = form === 'sotw' ? response.version : resource.version;
  const wrapped = wrap(resource, { version, hasTtl: true, hasContent: heartbeat?.has(resource.name) !== true });
  if (form === 'delta') return lengthDelimited(RESOURCES, wrapped);
  return lengthDelimited(RESOURCES, anyBytes({ type_url: RESOURCE_TYPE_URL, value: wrapped }));
}

interface Wrapping {
  readonly version: string;
  readonly hasTtl: boolean;
  readonly hasContent: boolean;
}

/** envoy.service.discovery.v3.Resource {1 version, 2 resource, 3 name, 6 ttl}. */
function wrap({ name, any, ttlMs }: Resource, { version, hasTtl, hasContent }: Wrapping): Uint8Array {
  const writer = new BinaryWriter();
  writeString(writer, 1, version);
  if (hasContent) writeBytes(writer, 2, anyBytes(any));
  writeString(writer, 3, name);
  if (hasTtl && ttlMs !== undefined) writeBytes(writer, 6, durationBytes(ttlMs));
  return writer.finish();
}

function durationBytes(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1e6);
  const writer = new BinaryWriter();
  if (seconds > 0) writer.uint32(8).int64(seconds);
  if (nanos > 0) writer.uint32(16).int32(nanos);
  return writer.finish();
}

function anyBytes({ type_url, value }: { type_url: string; value: Uint8Array }): Uint8Array {
  const writer = new BinaryWriter();
  writeString(writer, 1, type_url);
  writeBytes(writer, 2, value);
  return writer.finish();
}

function lengthDelimited(field: number, bytes: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  writer.uint32((field << 3) | 2).bytes(bytes);
  return writer.finish();
}

function stringField(field: number, text: string): Uint8Array {
  const writer = new BinaryWriter();
  writeString(writer, field, text);
  return writer.finish();
}

/** Fields of proto3 that are empty are not written. */
function writeString(writer: BinaryWriter, field: number, text: string): void {
  if (text !== '') writer.uint32((field << 3) | 2).string(text);
}

function writeBytes(writer: BinaryWriter, field: number, bytes: Uint8Array): void {
  if (bytes.length > 0) writer.uint32((field << 3) | 2).bytes(bytes);
}
