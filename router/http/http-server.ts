import type { AddressInfo } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import { addChatEndpoints, type ChatEndpointOptions } from './chat-endpoints.ts';
import { errorOf } from './http-errors.ts';
import { parseJson } from './parse-body.ts';
import { retryAfterOf, toProblem } from './problem.ts';
import { addRouteEndpoints, type RouteEndpointOptions } from './route-endpoints.ts';
import { addStatusEndpoints, type StatusEndpointOptions } from './status-endpoints.ts';

export interface HttpServerOptions extends ChatEndpointOptions, RouteEndpointOptions, StatusEndpointOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether the API is served; health, metrics and status always are. */
  readonly apiEnabled: boolean;
  readonly log: Logger;
}

/** The router's HTTP port. */
export interface HttpServer {
  readonly port: number;
  /** Lets requests in flight finish, and takes no new ones. */
  close(): Promise<void>;
}

/** What a body holds beside the query and its attachments. */
const BODY_SLACK_BYTES = 65_536;
/** How often connections that have fallen idle are closed while the server closes. */
const IDLE_CHECK_MS = 50;

/** Starts to serve. Throws PORT_IN_USE. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    bodyLimit: bodyLimitOf(options),
    // Frontier has its own log lines, one for a change of state and none for a request.
    logger: false,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
  });
  acceptJson(app);
  answerErrors(app, options.log);
  addStatusEndpoints(app, options);
  if (options.apiEnabled) {
    addRouteEndpoints(app, options);
    await app.register((scope, _options, done) => {
      addChatEndpoints(scope, options);
      done();
    });
  }
  await listen(app, options);
  return { port: (app.server.address() as AddressInfo).port, close: () => closeWhenIdle(app, options.clock) };
}

/** Node keeps a connection that is busy now open after its answer, for the next request: it is closed when it falls idle. */
async function closeWhenIdle(app: FastifyInstance, clock: Clock): Promise<void> {
  const cancel = clock.every(IDLE_CHECK_MS, () => {
    app.server.closeIdleConnections();
  });
  try {
    await app.close();
  } finally {
    cancel();
  }
}

/** Base64 takes four bytes for three; escapes in JSON take two for one. */
function bodyLimitOf({ limits }: HttpServerOptions): number {
  return Math.ceil(limits.maxAttachmentBytes * (4 / 3)) + 2 * limits.maxQueryBytes + BODY_SLACK_BYTES;
}

/**
 * Takes JSON alone. A page of another origin can send text and forms without asking the browser's leave, so these
 * are refused: with no API keys, whoever reaches loopback is an administrator.
 */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJson(body as Buffer));
    } catch (error) {
      done(error as FrontierError);
    }
  });
}

function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = errorOf(thrown);
    if (error.reason === 'INTERNAL')
      log.error({ event: 'request_failed', path: request.routeOptions.url, err: error.cause ?? error });
    // Fastify would close the connection with the rest of the body unread, and the reset could overtake the answer: Envoy
    // then reports a broken upstream. Node reads the rest on and throws it away.
    if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') void reply.removeHeader('connection');
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
    const requestId = reply.getHeader('x-frontier-request-id');
    const problem = toProblem(error, typeof requestId === 'string' ? requestId : undefined);
    const status = statusOverride(thrown) ?? problem.status;
    return reply
      .code(status)
      .type('application/problem+json')
      .send({ ...problem, status });
  });
  app.setNotFoundHandler((request) => {
    throw new FrontierError('PATH_UNKNOWN', `there is nothing at ${request.method} ${request.url.split('?')[0] ?? ''}`);
  });
}

/** HTTP has statuses of its own for two faults of the transfer. */
function statusOverride({ code }: FastifyError): number | undefined {
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 413;
  return code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? 415 : undefined;
}

async function listen(app: FastifyInstance, { host, port }: HttpServerOptions): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FrontierError(
      'PORT_IN_USE',
      `${host}:${port} is in use by another program: end it, or configure another port`,
      {
        cause: error,
        metadata: { address: `${host}:${port}` },
      },
    );
  }
}
