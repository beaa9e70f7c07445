import type { Orchestration } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import { jwtFilter, rbacFilter } from './edge-access.ts';
import type { HttpFilter } from './edge-access.ts';

const ALWAYS = { numerator: 100, denominator: 'HUNDRED' } as const;

/**
 * Gives what stands before the router at the edge, in order: browsers' needs first, so that refusals reach them too; then
 * what refuses, cheapest first; compression last, next to the answer.
 */
export function edgeFilters(orchestration: Orchestration): HttpFilter[] {
  const { edge } = orchestration.mesh;
  return [
    { name: 'envoy.filters.http.cors', typed_config: extension('envoy.extensions.filters.http.cors.v3.Cors', {}) },
    {
      name: 'envoy.filters.http.grpc_web',
      typed_config: extension('envoy.extensions.filters.http.grpc_web.v3.GrpcWeb', {}),
    },
    ...faultFilters(orchestration),
    ...(edge.rate_limit === undefined ? [] : [rateLimitFilter(edge.rate_limit)]),
    ...(edge.jwt === undefined ? [] : [jwtFilter(edge.jwt)]),
    ...(edge.rbac.length === 0 ? [] : [rbacFilter(edge.rbac)]),
    ...(edge.compression === undefined ? [] : compressionFilters(edge.compression)),
  ];
}

/** Gives the filter by which callers ask for delays and failures, when that is allowed. */
export function faultFilters({ mesh }: Orchestration): HttpFilter[] {
  if (!mesh.fault_injection) return [];
  return [
    {
      name: 'envoy.filters.http.fault',
      typed_config: extension('envoy.extensions.filters.http.fault.v3.HTTPFault', {
        delay: { header_delay: {}, percentage: ALWAYS },
        abort: { header_abort: {}, percentage: ALWAYS },
      }),
    },
  ];
}

function rateLimitFilter({
  requests_per_second: perSecond,
  burst,
}: NonNullable<Orchestration['mesh']['edge']['rate_limit']>): HttpFilter {
  const runtime = (key: string): object => ({ default_value: ALWAYS, runtime_key: `frontier.rate_limit_${key}` });
  return {
    name: 'envoy.filters.http.local_ratelimit',
    typed_config: extension('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: 'edge_rate_limit',
      token_bucket: { max_tokens: burst, ...refill(perSecond) },
      filter_enabled: runtime('enabled'),
      filter_enforced: runtime('enforced'),
      // gRPC callers are told RESOURCE_EXHAUSTED, not UNAVAILABLE, which they would try again at once.
      rate_limited_as_resource_exhausted: true,
      response_headers_to_add: [{ header: { key: 'retry-after', value: '1' } }],
    }),
  };
}

/** A bucket takes whole tokens, at intervals of 50 ms or more. */
function refill(perSecond: number): { tokens_per_fill: { value: number }; fill_interval: ReturnType<typeof duration> } {
  const tokens = Math.max(1, Math.round(perSecond / 10));
  return { tokens_per_fill: { value: tokens }, fill_interval: duration(Math.max(0.05, tokens / perSecond)) };
}

const LIBRARIES = {
  gzip: 'envoy.extensions.compression.gzip.compressor.v3.Gzip',
  brotli: 'envoy.extensions.compression.brotli.compressor.v3.Brotli',
  zstd: 'envoy.extensions.compression.zstd.compressor.v3.Zstd',
} as const;

function compressionFilters({
  algorithms,
  min_bytes: minBytes,
  content_types: contentTypes,
}: NonNullable<Orchestration['mesh']['edge']['compression']>): HttpFilter[] {
  return algorithms.map((algorithm, index) => ({
    name: `envoy.filters.http.compressor.${algorithm}`,
    typed_config: extension('envoy.extensions.filters.http.compressor.v3.Compressor', {
      response_direction_config: {
        common_config: { min_content_length: { value: minBytes }, content_type: contentTypes },
      },
      compressor_library: { name: algorithm, typed_config: extension(LIBRARIES[algorithm], {}) },
      ...(index === 0 ? { choose_first: true } : {}),
    }),
  }));
}
