import type { Cluster } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/cluster/v3/Cluster.js';
import type { ClusterLoadAssignment } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/endpoint/v3/ClusterLoadAssignment.js';
import type { Listener } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/listener/v3/Listener.js';
import type { RouteConfiguration } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/route/v3/RouteConfiguration.js';
import type { HttpConnectionManager } from '@grpc/grpc-js-xds/build/src/generated/envoy/extensions/filters/network/http_connection_manager/v3/HttpConnectionManager.js';
import type { Secret } from '@grpc/grpc-js-xds/build/src/generated/envoy/extensions/transport_sockets/tls/v3/Secret.js';
import type { DownstreamTlsContext } from '@grpc/grpc-js-xds/build/src/generated/envoy/extensions/transport_sockets/tls/v3/DownstreamTlsContext.js';
import type { UpstreamTlsContext } from '@grpc/grpc-js-xds/build/src/generated/envoy/extensions/transport_sockets/tls/v3/UpstreamTlsContext.js';
import type { Http1ProtocolOptions } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/core/v3/Http1ProtocolOptions.js';
import type { Http2ProtocolOptions } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/core/v3/Http2ProtocolOptions.js';
import type { HttpProtocolOptions } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/core/v3/HttpProtocolOptions.js';
import type { GrpcService } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/core/v3/GrpcService.js';
import type { StringMatcher } from '@grpc/grpc-js-xds/build/src/generated/envoy/type/matcher/v3/StringMatcher.js';
import type { SubstitutionFormatString } from '@grpc/grpc-js-xds/build/src/generated/envoy/config/core/v3/SubstitutionFormatString.js';

export type { Cluster, ClusterLoadAssignment, HttpConnectionManager, Listener, RouteConfiguration, Secret };

/**
 * Messages that travel inside an Any, by name. Envoy's names and fields as published; where grpc-js-xds generates no
 * type, the fields that we use are written out.
 */
interface ExtensionMessages {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': HttpConnectionManager;
  'envoy.extensions.filters.http.router.v3.Router': { suppress_envoy_headers?: boolean };
  'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb': object;
  'envoy.extensions.filters.http.cors.v3.Cors': object;
  'envoy.extensions.filters.http.cors.v3.CorsPolicy': {
    allow_origin_string_match: StringMatcher[];
    allow_methods: string;
    allow_headers: string;
    expose_headers: string;
    max_age: string;
  };
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': { log_format: SubstitutionFormatString };
  'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate': object;
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': DownstreamTlsContext;
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': UpstreamTlsContext;
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    common_http_protocol_options?: HttpProtocolOptions;
    explicit_http_config:
      { http2_protocol_options: Http2ProtocolOptions } | { http_protocol_options: Http1ProtocolOptions };
  };
  'envoy.config.trace.v3.OpenTelemetryConfig': { grpc_service: GrpcService; service_name: string };
  'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin': {
    blackout_period: Duration;
    weight_update_period: Duration;
    weight_expiration_period: Duration;
    error_utilization_penalty: { value: number };
  };
  // What follows is checked field by field by the test that encodes and decodes every resource.
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': { path: string; log_format: SubstitutionFormatString };
  'envoy.extensions.compression.brotli.compressor.v3.Brotli': object;
  'envoy.extensions.compression.gzip.compressor.v3.Gzip': object;
  'envoy.extensions.compression.zstd.compressor.v3.Zstd': object;
  'envoy.extensions.filters.http.compressor.v3.Compressor': object;
  'envoy.extensions.filters.http.fault.v3.HTTPFault': object;
  'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication': object;
  'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit': object;
  'envoy.extensions.filters.http.rbac.v3.RBAC': object;
}

export type ExtensionName = keyof ExtensionMessages;

/** A message with its type, which the encoder packs into a google.protobuf.Any. */
export type Extension = { readonly '@type': string } & Record<string, unknown>;

/** Gives a message in the form in which it stands inside an Any. */
export function extension<Name extends ExtensionName>(name: Name, message: ExtensionMessages[Name]): Extension {
  return { ...message, '@type': `type.googleapis.com/${name}` };
}

/** A google.protobuf.Duration. */
export interface Duration {
  seconds: number;
  nanos: number;
}

/** Gives seconds as a google.protobuf.Duration. */
export function duration(seconds: number): Duration {
  const whole = Math.floor(seconds);
  const nanos = Math.round((seconds - whole) * 1e9);
  // A fraction that rounds up to a whole second: more than 999,999,999 nanoseconds are not a valid duration.
  return nanos === 1e9 ? { seconds: whole + 1, nanos: 0 } : { seconds: whole, nanos };
}
