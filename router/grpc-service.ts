import type { Metadata } from '@grpc/grpc-js';
import { toFrontierError } from '../core/errors.ts';
import { duplex, serverStream, unary, type CallContext } from '../core/grpc/handlers.ts';
import { contextFromHeaders } from '../core/telemetry/tracing.ts';
import type {
  RouteManyRequest,
  RouteManyResponse,
  RouteRequest,
  RouterServiceServer,
  RouteResult as RouteResultMessage,
} from '../gen/frontier/router/v1/router.ts';
import type { QueryLimits } from './bindings/check-query.ts';
import { askedPriority, PRIORITY_HEADER } from './bindings/priority-header.ts';
import { queryFromMessage } from './bindings/decode-request.ts';
import {
  classificationToMessage,
  errorToMessage,
  eventToMessage,
  resultToMessage,
} from './bindings/encode-response.ts';
import { invalid } from './bindings/check-query.ts';
import type { Authenticate } from './pipeline/authenticate.ts';
import type { Caller } from './domain/caller.ts';
import type { BulkInput } from './pipeline/bulk-admit.ts';
import { routeMany, type BulkResult } from './pipeline/bulk-router.ts';
import type { BulkDependencies } from './pipeline/dependencies.ts';
import type { Router } from './pipeline/router.ts';

export interface GrpcServiceOptions {
  readonly router: Router;
  readonly bulk: BulkDependencies;
  readonly authenticate: Authenticate;
  readonly limits: QueryLimits;
}

/** The RouterService over the pipeline: decode, call, encode. */
export function createGrpcService({ router, bulk, authenticate, limits }: GrpcServiceOptions): RouterServiceServer {
  const callerOf = (call: CallContext): Caller => ({
    principal: authenticate({
      authorization: first(call.metadata, 'authorization'),
      apiKey: first(call.metadata, 'x-api-key'),
      peer: call.peer,
    }),
    signal: call.signal,
    priority: askedPriority(first(call.metadata, PRIORITY_HEADER)),
    deadlineMs: call.deadlineMs,
    traceContext: contextFromHeaders({
      traceparent: first(call.metadata, 'traceparent'),
      tracestate: first(call.metadata, 'tracestate'),
    }),
  });
  return {
    route: unary(async (request, call) =>
      resultToMessage(await router.route(queryFromMessage(request, limits), callerOf(call))),
    ),
    streamRoute: serverStream(async function* ({ request }, call) {
      const caller = callerOf(call);
      for await (const event of router.stream(queryFromMessage(request, limits), caller)) yield eventToMessage(event);
    }),
    routeMany: duplex(async function* (requests, call) {
      const caller = callerOf(call);
      for await (const results of routeMany(inputs(requests, limits), caller, bulk)) yield resultsToMessage(results);
    }),
    classify: unary(async ({ request }, call) => {
      const { classification, explanation } = await router.classify(queryFromMessage(request, limits), callerOf(call));
      return classificationToMessage(classification, explanation);
    }),
    submitFeedback: unary(({ requestId, rating }, call) => {
      router.feedback({ requestId, rating }, callerOf(call));
      return Promise.resolve({});
    }),
  };
}

async function* inputs(
  messages: AsyncIterable<RouteManyRequest>,
  limits: QueryLimits,
): AsyncGenerator<readonly BulkInput[], void, undefined> {
  for await (const { requests } of messages) yield requests.map((request) => inputOf(request, limits));
}

function inputOf(request: RouteRequest, limits: QueryLimits): BulkInput {
  const { requestId } = request;
  try {
    if (requestId === '') throw invalid('request_id', 'must be set, so that the result can be told apart');
    return { requestId, query: queryFromMessage(request, limits) };
  } catch (error) {
    return { requestId, error: toFrontierError(error) };
  }
}

function resultsToMessage(results: readonly BulkResult[]): RouteManyResponse {
  return { results: results.map(resultMessageOf) };
}

function resultMessageOf({ requestId, result }: BulkResult): RouteResultMessage {
  return result instanceof Error
    ? { requestId, result: { $case: 'error', value: errorToMessage(result) } }
    : { requestId, result: { $case: 'response', value: resultToMessage(result) } };
}

function first(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}
