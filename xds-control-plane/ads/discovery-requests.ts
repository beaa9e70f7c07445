import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * Reads envoy.service.discovery.v3.DiscoveryRequest and DeltaDiscoveryRequest, as far as they matter here. By hand: with many
 * clients, acknowledgements are most of what a control plane reads.
 */

/** envoy.config.core.v3.Node, as far as it is read. */
export interface DiscoveryNode {
  readonly id: string;
  readonly cluster: string;
  readonly clientFeatures: readonly string[];
  /** Zone of its locality; empty when it names none. */
  readonly zone: string;
}

export interface WireRequest {
  readonly node: DiscoveryNode | undefined;
  readonly typeUrl: string;
  readonly nonce: string;
  readonly versionInfo: string;
  /** Text of error_detail; undefined without one. */
  readonly refusal: string | undefined;
  /** The whole list (SotW), or the names to add (delta). */
  readonly names: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
}

interface Fields {
  readonly node: number;
  readonly typeUrl: number;
  readonly names: number;
  readonly unsubscribe: number;
  readonly initialVersions: number;
  readonly versionInfo: number;
  readonly nonce: number;
  readonly error: number;
}

/** Field numbers; 0 for what a message does not have. */
const SOTW: Fields = {
  versionInfo: 1,
  node: 2,
  names: 3,
  typeUrl: 4,
  nonce: 5,
  error: 6,
  unsubscribe: 0,
  initialVersions: 0,
};
const DELTA: Fields = {
  node: 1,
  typeUrl: 2,
  names: 3,
  unsubscribe: 4,
  initialVersions: 5,
  nonce: 6,
  error: 7,
  versionInfo: 0,
};

/** Reads a DiscoveryRequest. Throws for what is not one. */
export function readSotwRequest(bytes: Uint8Array): WireRequest {
  return readRequest(bytes, SOTW);
}

/** Reads a DeltaDiscoveryRequest. Throws for what is not one. */
export function readDeltaRequest(bytes: Uint8Array): WireRequest {
  return readRequest(bytes, DELTA);
}

function readRequest(bytes: Uint8Array, fields: Fields): WireRequest {
  const request = {
    node: undefined as DiscoveryNode | undefined,
    typeUrl: '',
    nonce: '',
    versionInfo: '',
    refusal: undefined as string | undefined,
    names: [] as string[],
    unsubscribe: [] as string[],
    initialVersions: new Map<string, string>(),
  };
  eachField(bytes, (field, reader) => {
    if (field === fields.names) request.names.push(reader.string());
    else if (field === fields.typeUrl) request.typeUrl = reader.string();
    else if (field === fields.nonce) request.nonce = reader.string();
    else if (field === fields.versionInfo) request.versionInfo = reader.string();
    else if (field === fields.unsubscribe) request.unsubscribe.push(reader.string());
    else if (field === fields.initialVersions) readEntry(reader.bytes(), request.initialVersions);
    else if (field === fields.error) request.refusal = readError(reader.bytes());
    else if (field === fields.node) request.node = readNode(reader.bytes());
    else return false;
    return true;
  });
  return request;
}

/** google.rpc.Status {2 message}. */
function readError(bytes: Uint8Array): string {
  let text = '';
  eachField(bytes, (field, reader) => {
    if (field !== 2) return false;
    text = reader.string();
    return true;
  });
  return text === '' ? 'no reason given' : text;
}

function readNode(bytes: Uint8Array): DiscoveryNode {
  const node = { id: '', cluster: '', clientFeatures: [] as string[], zone: '' };
  eachField(bytes, (field, reader) => {
    if (field === 1) node.id = reader.string();
    else if (field === 2) node.cluster = reader.string();
    else if (field === 4) node.zone = readZone(reader.bytes());
    else if (field === 10) node.clientFeatures.push(reader.string());
    else return false;
    return true;
  });
  return node;
}

/** envoy.config.core.v3.Locality {2 zone}. */
function readZone(bytes: Uint8Array): string {
  let zone = '';
  eachField(bytes, (field, reader) => {
    if (field !== 2) return false;
    zone = reader.string();
    return true;
  });
  return zone;
}

function readEntry(bytes: Uint8Array, into: Map<string, string>): void {
  let key = '';
  let value = '';
  eachField(bytes, (field, reader) => {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else return false;
    return true;
  });
  into.set(key, value);
}

/** Walks a message's length-delimited fields; `read` says whether it took the field, others are passed over. */
function eachField(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited || !read(field, reader)) reader.skip(wireType, field);
  }
}
