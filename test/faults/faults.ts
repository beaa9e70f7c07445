/** One fault of the matrix. */
export interface FaultCase {
  readonly name: string;
  /** What test/fixtures/fault-upstream.ts is told to do. */
  readonly upstream?: string;
  /** What is done to the primary server's process. */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
  /** Slow to detect: fewer requests are sent. */
  readonly slow?: boolean;
}

const upstream = (name: string, slow = false): FaultCase => ({ name, upstream: name, slow });

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
  upstream('rate_limited'),
  upstream('rate_limited_bare'),
  upstream('http_500'),
  upstream('http_502'),
  upstream('http_503'),
  upstream('content_filter'),
  upstream('low_confidence'),
  upstream('huge'),
  upstream('no_usage'),
  { name: 'killed', signal: 'SIGKILL' },
  { name: 'frozen', signal: 'SIGSTOP', slow: true },
];
