import type { Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { Extension, HttpConnectionManager } from '../protobuf/messages.ts';
import { accessLog } from './access-log.ts';
import { edgeFilters, faultFilters } from './edge-filters.ts';
import { COLLECTOR_CLUSTER, EDGE, MESH } from './names.ts';

type Tracing = NonNullable<HttpConnectionManager['tracing']>;

const RDS_CONFIG = { ads: {}, resource_api_version: 'V3' } as const;
/** A stream without a byte for this long is dead; a model may think for minutes before its first token. */
const STREAM_IDLE_SECONDS = 300;
const KIB = 1024;

/** Gives the edge's connection manager: HTTP/1.1, h2c and grpc-web from clients that are not trusted. */
export function edgeConnectionManager(orchestration: Orchestration): Extension {
  return connectionManager(orchestration, {
    stat_prefix: EDGE,
    use_remote_address: { value: true },
    normalize_path: { value: true },
    merge_slashes: true,
    http2_protocol_options: {
      // Bulk callers multiplex on one connection; Envoy's edge guide names 100 for the open internet.
      max_concurrent_streams: { value: 4096 },
      initial_stream_window_size: { value: 1024 * KIB },
      initial_connection_window_size: { value: 16 * 1024 * KIB },
    },
    http_filters: [...edgeFilters(orchestration), routerFilter()],
    ...accessLog(orchestration),
  });
}

/** Gives the mesh listener's connection manager: one trusted client, the router, with all its calls on one connection. */
export function meshConnectionManager(orchestration: Orchestration): Extension {
  return connectionManager(orchestration, {
    stat_prefix: MESH,
    // Envoy takes from the request id whether a request is traced at all; without one, none is.
    generate_request_id: { value: orchestration.telemetry.otlp_endpoint !== undefined },
    http2_protocol_options: {
      max_concurrent_streams: { value: 100_000 },
      initial_stream_window_size: { value: 1024 * KIB },
      initial_connection_window_size: { value: 64 * 1024 * KIB },
    },
    http_filters: [...faultFilters(orchestration), routerFilter()],
  });
}

function connectionManager(
  orchestration: Orchestration,
  own: HttpConnectionManager & { stat_prefix: string },
): Extension {
  const maxAge = own.stat_prefix === EDGE ? orchestration.mesh.edge.max_connection_duration : undefined;
  return extension('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    codec_type: 'AUTO',
    rds: { config_source: RDS_CONFIG, route_config_name: own.stat_prefix },
    stream_idle_timeout: duration(STREAM_IDLE_SECONDS),
    common_http_protocol_options: {
      idle_timeout: duration(3600),
      ...(maxAge === undefined ? {} : { max_connection_duration: duration(maxAge) }),
    },
    ...tracingOf(own.stat_prefix, orchestration),
    ...own,
  });
}

/** Spans for the request and for the call upstream, in the trace that came with it. */
function tracingOf(name: string, { telemetry }: Orchestration): { tracing?: Tracing } {
  if (telemetry.otlp_endpoint === undefined) return {};
  return {
    tracing: {
      random_sampling: { value: telemetry.sample_ratio * 100 },
      spawn_upstream_span: { value: true },
      provider: {
        name: 'envoy.tracers.opentelemetry',
        typed_config: extension('envoy.config.trace.v3.OpenTelemetryConfig', {
          grpc_service: { envoy_grpc: { cluster_name: COLLECTOR_CLUSTER }, timeout: duration(1) },
          service_name: `frontier-${name}`,
        }),
      },
    },
  };
}

function routerFilter(): { name: string; typed_config: Extension } {
  return {
    name: 'envoy.filters.http.router',
    typed_config: extension('envoy.extensions.filters.http.router.v3.Router', {}),
  };
}
