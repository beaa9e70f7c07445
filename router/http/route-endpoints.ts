import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { QueryLimits } from '../bindings/check-query.ts';
import type { RouteEvent } from '../domain/events.ts';
import type { Query } from '../domain/query.ts';
import type { Caller } from '../domain/caller.ts';
import type { Router } from '../pipeline/router.ts';
import { callerOf, withCacheControl, type HttpCallerOptions } from './http-caller.ts';
import { checkBody } from './parse-body.ts';
import { toProblem } from './problem.ts';
import { classificationJson, eventJson, resultJson } from './result-json.ts';
import { queryFromBody } from './route-body.ts';
import { namedEvent, sendEvents, startedSequence } from './sse.ts';

export interface RouteEndpointOptions extends HttpCallerOptions {
  readonly router: Router;
  readonly limits: QueryLimits;
}

const feedbackBody = z.strictObject({
  request_id: z.string().min(1),
  rating: z.number().min(0).max(1),
  comment: z.string().optional(),
  user_id: z.string().optional(),
});

/** POST /api/v1/route, /api/v1/classify and /api/v1/feedback. */
export function addRouteEndpoints(app: FastifyInstance, options: RouteEndpointOptions): void {
  const { router, limits } = options;
  app.post('/api/v1/route', async (request, reply) => {
    const caller = callerOf(request, reply, options);
    const query = withCacheControl(queryFromBody(request.body, limits), request);
    void reply.header('x-frontier-request-id', query.requestId);
    const wantsEvents = request.headers.accept?.includes('text/event-stream') ?? false;
    return wantsEvents ? streamEvents(reply, query, caller, router) : resultJson(await router.route(query, caller));
  });
  app.post('/api/v1/classify', async (request, reply) => {
    const caller = callerOf(request, reply, options);
    const { classification, explanation } = await router.classify(queryFromBody(request.body, limits), caller);
    return reply.send(classificationJson(classification, explanation));
  });
  app.post('/api/v1/feedback', (request, reply) => {
    const caller = callerOf(request, reply, options);
    const { request_id: requestId, rating } = checkBody(feedbackBody, request.body);
    router.feedback({ requestId, rating }, caller);
    return reply.code(204).send();
  });
}

async function streamEvents(reply: FastifyReply, query: Query, caller: Caller, router: Router): Promise<FastifyReply> {
  const events = await startedSequence(router.stream(query, caller), () => true);
  return sendEvents(reply, eventTexts(events, query.requestId));
}

async function* eventTexts(
  events: AsyncIterable<RouteEvent>,
  requestId: string,
): AsyncGenerator<string, void, undefined> {
  try {
    for await (const event of events) yield namedEvent(event.kind, eventJson(event));
  } catch (error) {
    yield namedEvent('error', toProblem(error, requestId));
  }
}
