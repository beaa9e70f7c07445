import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { contextFromHeaders } from '../../core/telemetry/tracing.ts';
import { invalid } from '../bindings/check-query.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import type { Authenticate } from '../pipeline/authenticate.ts';
import { askedPriority, PRIORITY_HEADER } from '../bindings/priority-header.ts';
import type { Caller } from '../domain/caller.ts';

export interface HttpCallerOptions {
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  /** Longest time for a request, in milliseconds. */
  readonly timeoutMs: number;
}

const TIMEOUT_HEADER = 'x-frontier-timeout-ms';

/** Gives who sent a request, until when they wait, and a signal that aborts when they go away. Throws UNAUTHENTICATED. */
export function callerOf(request: FastifyRequest, reply: FastifyReply, options: HttpCallerOptions): Caller {
  const { clock, timeoutMs } = options;
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new FrontierError('CANCELLED', 'the client is gone'));
  });
  const asked = askedTimeout(header(request, TIMEOUT_HEADER));
  return {
    principal: principalOf(request, options.authenticate),
    signal: gone.signal,
    priority: askedPriority(header(request, PRIORITY_HEADER)),
    deadlineMs: clock.nowMs() + Math.min(asked ?? Infinity, timeoutMs),
    traceContext: contextFromHeaders({
      traceparent: header(request, 'traceparent'),
      tracestate: header(request, 'tracestate'),
    }),
  };
}

/** Gives who sent a request. Throws UNAUTHENTICATED. */
export function principalOf(request: FastifyRequest, authenticate: Authenticate): Principal {
  return authenticate({
    authorization: header(request, 'authorization'),
    apiKey: header(request, 'x-api-key'),
    peer: request.socket.remoteAddress ?? '',
  });
}

/** Gives a query with what the request's `cache-control` says of cached answers (RFC 9111), where the body does not. */
export function withCacheControl(query: Query, request: FastifyRequest): Query {
  const directives = header(request, 'cache-control') ?? '';
  if (query.cachePolicy !== 'use') return query;
  if (/\bno-store\b/i.test(directives)) return { ...query, cachePolicy: 'no_store' };
  return /\bno-cache\b/i.test(directives) ? { ...query, cachePolicy: 'refresh' } : query;
}

function askedTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw invalid(TIMEOUT_HEADER, 'must be a whole number of milliseconds');
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
