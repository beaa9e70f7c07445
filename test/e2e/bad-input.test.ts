import { credentials, Client, Metadata, status as GrpcCode } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import { fromStatus } from '../../core/grpc/status.ts';
import type { FrontierError } from '../../core/errors.ts';
import type { RouterServiceClient, StreamRouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { faultyConfig } from '../support/faulty-system.ts';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { routeRequest, routerClient } from '../support/grpc-api.ts';
import { ask, post } from '../support/http-api.ts';
import type { Problem } from '../support/http-api.ts';
import { inFlight, moduleStatus } from '../support/status.ts';

const SETTINGS = {
  router: { max_query_bytes: 2_000, max_attachment_bytes: 10_000 },
  // Every test here makes the module fail; its breaker would keep the next one from it.
  fallback: { circuit_breaker: { failure_threshold: 1_000 } },
};
const ROUTE = '/frontier.router.v1.RouterService/Route';
const png = (bytes: number): object => ({ media_type: 'image/png', data: Buffer.alloc(bytes).toString('base64') });

let system: RunningFrontier;
let client: RouterServiceClient;
beforeAll(async () => {
  system = await startFrontier({ configDir: faultyConfig(SETTINGS) });
  client = routerClient(system.address);
}, 90_000);
afterAll(() => system.stop(), 60_000);

/** Whatever a caller sends and whatever a module does: the next request is answered. */
afterEach(async () => {
  const answer = await ask(system.url, { query: 'What is the capital of France?' });
  expect(answer).toMatchObject({ module_used: 'steady', content: expect.stringContaining('steady answer') });
}, 30_000);

describe('a bad HTTP request gets a problem that names it', () => {
  it.each<[string, unknown, number, string, string]>([
    ['an empty query', { query: '' }, 400, 'EMPTY_QUERY', 'query'],
    ['no query', {}, 400, 'EMPTY_QUERY', 'query'],
    ['a query over the limit', { query: 'x'.repeat(2_001) }, 400, 'QUERY_TOO_LARGE', '2000'],
    ['a query of the wrong type', { query: 42 }, 400, 'INVALID_FIELD', 'query'],
    ['parameters of the wrong type', { query: 'hello', parameters: [] }, 400, 'INVALID_FIELD', 'parameters'],
    ['an unknown field', { query: 'hello', qeury: 'x' }, 400, 'UNKNOWN_FIELD', 'qeury'],
    ['an unknown module', { query: 'hello', module_id: 'nobody' }, 404, 'MODULE_UNKNOWN', 'nobody'],
    ['text that is not JSON', '{"query": ', 400, 'MALFORMED_BODY', ''],
    ['JSON that is not an object', '"hello"', 400, 'INVALID_FIELD', ''],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, 'MALFORMED_BODY', 'UTF-8'],
    [
      'attachments over the limit',
      { query: 'hello', attachments: [png(10_001)] },
      400,
      'ATTACHMENT_TOO_LARGE',
      '10000',
    ],
    [
      'an attachment that is not base64',
      { query: 'hello', attachments: [{ media_type: 'image/png', data: '%%%' }] },
      400,
      'ATTACHMENT_UNREADABLE',
      'attachments',
    ],
  ])('%s', async (_case, body, status, reason, named) => {
    const reply = await post<Problem>(`${system.url}/api/v1/route`, body);
    expect(reply.contentType).toContain('application/problem+json');
    expect(reply.body).toMatchObject({ status, reason });
    expect(reply.status).toBe(status);
    expect(reply.body.detail).toContain(named);
  });

  it('an unknown path', async () => {
    const reply = await post<Problem>(`${system.url}/api/v1/rout`, { query: 'hello' });
    expect(reply.body).toMatchObject({ status: 404, reason: 'PATH_UNKNOWN' });
  });

  it('a body far over every limit, without reading it into memory', async () => {
    const reply = await post<Problem>(`${system.url}/api/v1/route`, Buffer.alloc(8 << 20, 0x20));
    expect([400, 413]).toContain(reply.status);
  });
});

describe('a bad gRPC call fails with the status that belongs to it', () => {
  const failureOf = (call: Promise<unknown>): Promise<FrontierError> =>
    call.then(
      () => {
        throw new Error('the call was answered');
      },
      (error: unknown) => error as FrontierError,
    );
  const route = (fields: Parameters<typeof routeRequest>[0]): Promise<unknown> =>
    unaryCall(client.route.bind(client), routeRequest(fields));

  it.each([
    ['an empty query', { query: ' ' }, GrpcCode.INVALID_ARGUMENT, 'EMPTY_QUERY'],
    ['a query over the limit', { query: 'x'.repeat(2_001) }, GrpcCode.INVALID_ARGUMENT, 'QUERY_TOO_LARGE'],
    ['an unknown module', { query: 'hello', moduleId: 'nobody' }, GrpcCode.NOT_FOUND, 'MODULE_UNKNOWN'],
  ])('%s', async (_case, fields, code, reason) => {
    expect(await failureOf(route(fields))).toMatchObject({ code, reason });
  });

  it('a deadline that passes while the module thinks', async () => {
    const call = unaryCall(client.route.bind(client), routeRequest({ query: '[hang]', moduleId: 'faulty' }), {
      deadlineMs: Date.now() + 300,
    });
    expect(await failureOf(call)).toMatchObject({ code: GrpcCode.DEADLINE_EXCEEDED });
  });

  it('a call that its caller cancels, which then no longer occupies the module', async () => {
    const stop = new AbortController();
    const call = failureOf(
      unaryCall(client.route.bind(client), routeRequest({ query: '[hang]', moduleId: 'faulty' }), {
        signal: stop.signal,
      }),
    );
    await eventually(async () => (await inFlight(system.url, 'faulty')) > 0, { what: 'the call to reach the module' });
    stop.abort();
    expect(await call).toMatchObject({ code: GrpcCode.CANCELLED });
    await eventually(async () => (await inFlight(system.url, 'faulty')) === 0, { what: 'the module to be free again' });
  });

  it.each([
    ['a string that is not UTF-8', Buffer.from([0x0a, 0x02, 0xff, 0xfe])],
    ['bytes that are no message', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07])],
  ])('%s', async (_case, bytes) => {
    const raw = new Client(system.address, credentials.createInsecure());
    const error = await new Promise<ServiceError | null>((resolve) => {
      raw.makeUnaryRequest(
        ROUTE,
        (b: Buffer) => b,
        (b: Buffer) => b,
        bytes,
        new Metadata(),
        resolve,
      );
    });
    raw.close();
    expect(fromStatus(error)).toMatchObject({ code: GrpcCode.INVALID_ARGUMENT, reason: 'MALFORMED_BODY' });
  });
});

describe('a module that misbehaves', () => {
  it.each([
    ['replies garbage', '[garbage]', /^MODULE_BAD_REPLY$/],
    ['replies nothing', '[empty]', /^MODULE_EMPTY_REPLY$/],
    ['dies in the middle of its answer', '[die]', /^(STREAM_BROKEN|MODULE_UNAVAILABLE|MODULE_FAILED)$/],
  ])(
    '%s: its fallback answers, and the attempt says why',
    async (_case, word, reason) => {
      await readyAgain();
      const answer = await ask(system.url, { query: `Write a Python function that sorts a list ${word}` });
      expect(answer).toMatchObject({ module_used: 'steady', fallback_used: true });
      expect(answer.metadata.attempts[0]).toMatchObject({ module_id: 'faulty', accepted: false });
      expect(answer.metadata.attempts[0]!.reason).toMatch(reason);
    },
    60_000,
  );

  it('dies after its first tokens: the stream says that they are to be discarded, and starts anew', async () => {
    await readyAgain();
    const events: StreamRouteResponse['event'][] = [];
    const request = { request: routeRequest({ query: 'Write a Python function that sorts a list [die]' }) };
    for await (const { event } of streamCall(client.streamRoute.bind(client), request)) events.push(event);
    const kinds = events.map((event) => event?.$case);
    const failedAt = kinds.indexOf('attemptFailed');
    expect(kinds.slice(0, failedAt)).toContain('token');
    expect(events[failedAt]?.value).toMatchObject({ moduleId: 'faulty', discard: true });
    expect(kinds[failedAt + 1]).toBe('fallback');
    const after = events.slice(failedAt).flatMap((event) => (event?.$case === 'token' ? [event.value.text] : []));
    expect(events.at(-1)?.value).toMatchObject({ moduleUsed: 'steady', content: after.join('') });
  }, 60_000);

  it('is started again after it has died', async () => {
    await readyAgain();
    expect((await moduleStatus(system.url, 'faulty')).restarts).toBeGreaterThan(0);
  }, 60_000);
});

/** A module that has died is started again after a back-off. */
async function readyAgain(): Promise<void> {
  await ask(system.url, { query: 'hello', module_id: 'faulty' }).catch(() => undefined);
  await eventually(async () => (await moduleStatus(system.url, 'faulty')).state === 'READY', {
    timeoutMs: 30_000,
    what: 'the module to be ready',
  });
}
