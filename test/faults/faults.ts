/** What a fault does to the system, besides what the primary server is told to do. */
export type Blow =
  /** Signals to the primary server's process; it is started again, or let go on, afterwards. */
  | { readonly to: 'primary'; readonly signal: 'SIGKILL' | 'SIGSTOP' }
  /** SIGKILL to a process of the system's own, which has to come back by itself. */
  | { readonly to: 'sidecar' | 'router' | 'loader' | 'control-plane' | 'envoy'; readonly signal: 'SIGKILL' }
  /** SIGSTOP to the primary's sidecar, which is let go on afterwards. */
  | { readonly to: 'sidecar'; readonly signal: 'SIGSTOP' }
  /** Both servers are killed: nobody can answer, and that has to be said clearly and soon. */
  | { readonly to: 'everyone'; readonly signal: 'SIGKILL' }
  /** The store of what routers share is killed, and comes back empty. */
  | { readonly to: 'redis'; readonly signal: 'SIGKILL' }
  /** In the place of the primary's sidecar stands something with its name and a certificate that has expired. */
  | { readonly to: 'certificate'; readonly signal: 'SIGSTOP' };

/** What the primary is, and what else there is in the system; each kind needs a system of its own. */
export type SystemKind = 'openai' | 'grpc' | 'workload' | 'redis';

/** One fault of the matrix. */
export interface FaultCase {
  readonly name: string;
  /** `openai` when left out. */
  readonly system?: SystemKind;
  /** What test/fixtures/fault-upstream.ts is told to do. */
  readonly upstream?: string;
  readonly blow?: Blow;
  /** Slow to detect: fewer requests are sent, side by side. */
  readonly slow?: boolean;
  /** It asks for time, and gets it: each cell's next request waits until that is over. */
  readonly cools?: boolean;
  /** It shows by itself, without a request, and is gone around once seen: each strategy gets one of its own, at once in all forms. */
  readonly noticed?: boolean;
  /** The server cannot know who has asked; what the answers tell of their way has to do. */
  readonly unmarked?: boolean;
}

const upstream = (name: string, slow = false): FaultCase => ({ name, upstream: name, slow });

const grpc = (name: string, slow = false): FaultCase => ({ name, upstream: name, slow, system: 'grpc' });

/** Every fault, the healthy system first. */
export const FAULTS: readonly FaultCase[] = [
  upstream('healthy'),
  upstream('reset'),
  upstream('hang', true),
  upstream('headers_then_nothing', true),
  upstream('cut'),
  upstream('cut_reset'),
  upstream('cut_content_length'),
  upstream('cut_ended'),
  upstream('cut_done'),
  upstream('stall', true),
  upstream('stall_with_comments', true),
  upstream('drip', true),
  upstream('error_body'),
  upstream('error_event'),
  upstream('truncated_json'),
  upstream('garbage'),
  upstream('html'),
  upstream('wrong_content_type'),
  upstream('empty'),
  upstream('no_choices'),
  upstream('null_content'),
  { ...upstream('rate_limited'), cools: true },
  { ...upstream('retry_after_date'), cools: true },
  { ...upstream('retry_after_hour'), cools: true },
  upstream('rate_limited_bare'),
  upstream('http_500'),
  upstream('http_502'),
  upstream('http_503'),
  upstream('content_filter'),
  upstream('low_confidence'),
  { ...upstream('huge'), noticed: true },
  upstream('no_usage'),
  ...['http_400', 'http_401', 'http_403', 'http_404', 'http_408', 'http_413', 'http_422', 'http_504', 'http_529'].map(
    (name) => upstream(name),
  ),
  upstream('no_content'),
  upstream('redirect_loop'),
  upstream('slow_headers', true),
  { ...upstream('never_read', true), unmarked: true },
  { ...upstream('no_handshake', true), unmarked: true },
  upstream('wants_tls'),
  upstream('not_http'),
  upstream('bad_chunk_size'),
  upstream('half_close'),
  upstream('gzip'),
  upstream('gzip_cut'),
  upstream('gzip_garbage'),
  upstream('crlf_split'),
  upstream('negative_usage'),
  upstream('strange_usage'),
  upstream('duplicate_keys'),
  upstream('after_done'),
  upstream('comment_flood'),
  upstream('huge_line'),
  upstream('error_named'),
  upstream('error_event_bare'),
  upstream('finish_error'),
  upstream('finish_abort'),
  upstream('blank'),
  upstream('two_answers'),
  upstream('answer_after_finish'),
  upstream('invalid_utf8'),
  upstream('nan'),
  upstream('tool_call_cut'),
  upstream('json_cut'),
  upstream('text_plain'),
  upstream('wrong_event_stream'),
  { name: 'killed', blow: { to: 'primary', signal: 'SIGKILL' } },
  { name: 'frozen', blow: { to: 'primary', signal: 'SIGSTOP' }, slow: true },
  { name: 'sidecar_killed', blow: { to: 'sidecar', signal: 'SIGKILL' } },
  { name: 'sidecar_frozen', blow: { to: 'sidecar', signal: 'SIGSTOP' }, slow: true },
  { name: 'loader_killed', blow: { to: 'loader', signal: 'SIGKILL' } },
  { name: 'control_plane_killed', blow: { to: 'control-plane', signal: 'SIGKILL' } },
  { name: 'router_killed', blow: { to: 'router', signal: 'SIGKILL' } },
  { name: 'envoy_killed', blow: { to: 'envoy', signal: 'SIGKILL' } },
  { name: 'certificate_expired', blow: { to: 'certificate', signal: 'SIGSTOP' } },
  upstream('gpu_out_of_memory'),
  // The last one of its system: it opens the secondary's breaker too.
  { name: 'all_down', blow: { to: 'everyone', signal: 'SIGKILL' } },
  grpc('grpc_unavailable'),
  grpc('grpc_internal'),
  grpc('grpc_hang', true),
  grpc('grpc_cut'),
  grpc('grpc_ended'),
  grpc('grpc_stall', true),
  grpc('grpc_empty'),
  grpc('grpc_no_payload'),
  { ...grpc('grpc_exhausted'), cools: true },
  { ...grpc('grpc_reset'), noticed: true, unmarked: true },
  { ...grpc('grpc_garbage'), noticed: true, unmarked: true },
  grpc('grpc_deadline'),
  grpc('grpc_aborted'),
  grpc('grpc_unknown'),
  grpc('grpc_data_loss'),
  grpc('grpc_invalid'),
  grpc('grpc_too_large'),
  grpc('grpc_trailers_only'),
  { ...grpc('grpc_goaway'), noticed: true, unmarked: true },
  { name: 'out_of_memory', upstream: 'out_of_memory', system: 'workload' },
  { name: 'cpu_exhausted', upstream: 'cpu_exhausted', system: 'workload' },
  { name: 'redis_killed', blow: { to: 'redis', signal: 'SIGKILL' }, system: 'redis' },
];
