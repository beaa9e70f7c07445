import { createRequire } from 'node:module';
import path from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition, PackageDefinition, ServiceDefinition } from '@grpc/proto-loader';

/** An encoded message with its type. */
export interface EncodedAny {
  readonly type_url: string;
  readonly value: Buffer;
}

/** Envoy's messages, read from the .proto files that the grpc-js-xds package ships (about 150 ms, once a process). */
export interface Codec {
  /** Encodes a resource. The same content gives the same bytes, whatever the order of its keys. */
  encode(typeUrl: string, message: object): EncodedAny;
  /** The reverse, for tests and diagnosis. */
  decode(any: EncodedAny): Record<string, unknown>;
  /** Gives a service's definition for grpc-js, e.g. "envoy.service.discovery.v3.AggregatedDiscoveryService". */
  service(name: string): ServiceDefinition;
}

/** What the resources are made of; a message that is used inside an Any must be listed too. */
const PROTO_FILES = [
  'envoy/service/discovery/v3/ads.proto',
  'envoy/service/status/v3/csds.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/trace/v3/opentelemetry.proto',
  'envoy/extensions/access_loggers/stream/v3/stream.proto',
  'envoy/extensions/filters/http/cors/v3/cors.proto',
  'envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/compression/brotli/compressor/v3/brotli.proto',
  'envoy/extensions/compression/gzip/compressor/v3/gzip.proto',
  'envoy/extensions/compression/zstd/compressor/v3/zstd.proto',
  'envoy/extensions/filters/http/compressor/v3/compressor.proto',
  'envoy/extensions/filters/http/fault/v3/fault.proto',
  'envoy/extensions/filters/http/jwt_authn/v3/config.proto',
  'envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto',
  'envoy/extensions/filters/http/rbac/v3/rbac.proto',
  'envoy/service/load_stats/v3/lrs.proto',
];

const INCLUDES = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'];

/** Reads the messages. */
export function loadCodec(): Codec {
  const definitions = loadDefinitions();
  return {
    encode: (typeUrl, message) => ({
      type_url: typeUrl,
      value: messageType(definitions, typeUrl).serialize(canonical(message) as object),
    }),
    decode: ({ type_url, value }) => messageType(definitions, type_url).deserialize(value) as Record<string, unknown>,
    service: (name) => {
      const definition = definitions[name];
      if (definition === undefined || 'format' in definition) throw new Error(`${name} is not a service`);
      return definition;
    },
  };
}

function loadDefinitions(): PackageDefinition {
  const root = path.dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json'));
  return loadSync(PROTO_FILES, {
    keepCase: true,
    longs: Number,
    enums: String,
    // A wrapper that was not set must stay unset: max_requests 0 would block everything (checklist 65).
    defaults: false,
    oneofs: false,
    // Any messages come back as their content, so that decode() shows all of a resource.
    json: true,
    includeDirs: INCLUDES.map((name) => path.join(root, 'deps', name)),
  });
}

function messageType(definitions: PackageDefinition, typeUrl: string): MessageTypeDefinition<object, object> {
  const definition = definitions[typeUrl.slice(typeUrl.lastIndexOf('/') + 1)];
  if (definition === undefined || !('serialize' in definition)) throw new Error(`${typeUrl} is not a message`);
  return definition as MessageTypeDefinition<object, object>;
}

/** Gives a value with all keys in order (map fields are encoded in the order of their keys) and undefined ones left out. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, canonical(field)]));
}
