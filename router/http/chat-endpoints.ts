import type { FastifyError, FastifyInstance } from 'fastify';
import type { QueryLimits } from '../bindings/check-query.ts';
import type { RouteEvent } from '../domain/events.ts';
import { mayUse } from '../domain/principal.ts';
import { requirePermission } from '../pipeline/authenticate.ts';
import type { Router } from '../pipeline/router.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';
import { AUTO_MODEL, chatRequestFromBody } from './chat-body.ts';
import {
  chatErrorJson,
  chunkJson,
  completionJson,
  finishReasonOf,
  frontierJson,
  usageChunkJson,
  type CompletionHead,
} from './chat-json.ts';
import { callerOf, principalOf, withCacheControl, type HttpCallerOptions } from './http-caller.ts';
import { errorOf } from './http-errors.ts';
import { retryAfterOf, toProblem } from './problem.ts';
import { commentEvent, dataEvent, sendEvents, startedSequence } from './sse.ts';

export interface ChatEndpointOptions extends HttpCallerOptions {
  readonly router: Router;
  readonly board: ModuleBoard;
  readonly limits: QueryLimits;
  /** What follows when a stream breaks after tokens were sent, unless the request says otherwise. */
  readonly streamFailure: 'no_restart' | 'continue';
}

/** POST /v1/chat/completions and GET /v1/models, in OpenAI's form, errors too. Add it to a scope of its own. */
export function addChatEndpoints(app: FastifyInstance, options: ChatEndpointOptions): void {
  const { router, board, clock, limits } = options;
  app.setErrorHandler((thrown: FastifyError, _request, reply) => {
    const error = errorOf(thrown);
    const problem = toProblem(error);
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
    return reply.code(problem.status).send(chatErrorJson(problem));
  });
  app.get('/v1/models', (request, reply) => {
    const principal = principalOf(request, options.authenticate);
    requirePermission(principal, 'read_status');
    const ids = [...board.statuses.keys()].filter((id) => mayUse(principal, id)).sort();
    const created = Math.floor(clock.nowMs() / 1000);
    return reply.send({
      object: 'list',
      data: [AUTO_MODEL, ...ids].map((id) => ({ id, object: 'model', created, owned_by: 'frontier' })),
    });
  });
  app.post('/v1/chat/completions', async (request, reply) => {
    const caller = { ...callerOf(request, reply, options), reader: 'openai' as const };
    const { query: asked, stream, includeUsage } = chatRequestFromBody(request.body, limits, options.streamFailure);
    const query = withCacheControl(asked, request);
    const head = { id: query.requestId, created: Math.floor(clock.nowMs() / 1000) };
    if (!stream) return completionJson(head, await router.route(query, caller));
    const events = await startedSequence(
      router.stream(query, caller),
      ({ kind }) => kind !== 'decision' && kind !== 'attempt_failed' && kind !== 'fallback',
    );
    return sendEvents(reply, chunks(head, events, includeUsage));
  });
}

/** Gives the chunks of a streamed completion. */
async function* chunks(
  head: CompletionHead,
  events: AsyncIterable<RouteEvent>,
  includeUsage: boolean,
): AsyncGenerator<string, void, undefined> {
  let shown = false;
  try {
    for await (const event of events) {
      if (event.kind === 'warming') yield commentEvent(`${event.moduleId} is starting: ${event.stage}`);
      if (event.kind === 'token') {
        const delta = shown ? { content: event.text } : { role: 'assistant' as const, content: event.text };
        shown = true;
        yield dataEvent(JSON.stringify(chunkJson(head, event.moduleId, delta, null, includeUsage)));
      }
      if (event.kind !== 'done') continue;
      const { result } = event;
      // A module without streaming gives its answer whole.
      const delta = shown ? {} : { role: 'assistant' as const, content: result.answer.content };
      const last = chunkJson(head, result.moduleId, delta, finishReasonOf(result), includeUsage);
      yield dataEvent(JSON.stringify({ ...last, frontier: frontierJson(result) }));
      if (includeUsage) yield dataEvent(JSON.stringify(usageChunkJson(head, result)));
      yield dataEvent('[DONE]');
    }
  } catch (error) {
    yield dataEvent(JSON.stringify(chatErrorJson(toProblem(error))));
  }
}
