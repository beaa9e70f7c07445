import { FrontierError } from '../../core/errors.ts';
import type { Reason } from '../../core/errors.ts';
import { reasonByText } from './lost-resource.ts';
import { errorTextOf, excerpt } from './openai-reply.ts';

/** Longest wait that is believed from a retry-after header, in milliseconds. */
const LONGEST_RETRY_MS = 3_600_000;

export interface HttpFailure {
  readonly status: number;
  readonly body: string;
  /** Value of the retry-after header. */
  readonly retryAfter: string | undefined;
  readonly nowMs: number;
}

/** Gives the error for a status that is not 200. */
export function httpFailure({ status, body, retryAfter, nowMs }: HttpFailure): FrontierError {
  const retryAfterMs = retryAfterMsOf(retryAfter, nowMs);
  const { reason, metadata } = reasonByText(reasonOf(status, retryAfterMs), errorTextOf(body) ?? body);
  return new FrontierError(reason, `the workload answered HTTP ${status}${detail(status, body)}`, {
    metadata: { http_status: String(status), ...metadata },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/**
 * A 400 says that this server cannot take the request (too long for its context, say); another module may, so that it is
 * the module's failure and not the caller's.
 */
function reasonOf(status: number, retryAfterMs: number | undefined): Reason {
  if (status === 429) return 'MODULE_OVERLOADED';
  if (status === 503) return retryAfterMs === undefined ? 'MODULE_UNAVAILABLE' : 'MODULE_OVERLOADED';
  if (status === 408 || status === 504) return 'MODULE_TIMEOUT';
  if (status === 401 || status === 403 || status === 404 || status === 502) return 'MODULE_UNAVAILABLE';
  return status < 400 ? 'MODULE_BAD_REPLY' : 'MODULE_FAILED';
}

/** Servers repeat parts of a refused API key in their text: it is not passed on. */
function detail(status: number, body: string): string {
  if (status === 401 || status === 403) return ': it refuses the API key (adapter.api_key_env)';
  const text = errorTextOf(body) ?? body;
  return text.trim() === '' ? '' : `: ${excerpt(text)}`;
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterMsOf(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_RETRY_MS) : undefined;
}
