import { beforeAll, describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { hashApiKey } from '../../core/config/api-key.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { RouteRequest } from '../../gen/frontier/router/v1/router.ts';
import { post, type Problem, type RouteAnswer } from '../support/http-api.ts';
import { fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

let router: TestRouter;
beforeAll(async () => {
  router = await startTestRouter(fiveModules(), {
    router: { rate_limit: { requests_per_second: 0.001, burst: 3 } },
    security: {
      api_keys: [
        { id: 'root', hash: hashApiKey('root-key'), roles: ['admin'] },
        { id: 'writer', hash: hashApiKey('writer-key'), roles: ['writers'] },
        { id: 'busy', hash: hashApiKey('busy-key'), roles: ['admin'] },
      ],
      roles: {
        admin: { permissions: ['route', 'read_status', 'manage_modules', 'submit_feedback'] },
        writers: { permissions: ['route'], modules: ['marketing-creative', 'foundation'] },
      },
    },
  });
});

const HELLO = 'What is the capital of France?';
const route = (key: string | undefined, body: object = { query: HELLO }) =>
  post<RouteAnswer & Problem>(
    `${router.url}/api/v1/route`,
    body,
    key === undefined ? {} : { authorization: `Bearer ${key}` },
  );

describe('with API keys configured', () => {
  it.each([undefined, 'wrong', ''])('the key %s is not let in', async (key) => {
    expect(await route(key)).toMatchObject({ status: 401, body: { reason: 'UNAUTHENTICATED' } });
  });

  it('a key is taken from either header, and over gRPC', async () => {
    expect((await route('root-key')).body.module_used).toBe('foundation');
    expect(
      (await post<RouteAnswer>(`${router.url}/api/v1/route`, { query: HELLO }, { 'x-api-key': 'root-key' })).status,
    ).toBe(200);
    const metadata = new Metadata();
    metadata.set('authorization', 'Bearer root-key');
    const call = (settings: object): Promise<unknown> =>
      unaryCall(router.client.route.bind(router.client), RouteRequest.fromPartial({ query: HELLO }), settings);
    await expect(call({ metadata })).resolves.toMatchObject({ moduleUsed: 'foundation' });
    await expect(call({})).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  });

  it('a role sees and uses its own modules alone', async () => {
    const answer = await route('writer-key', { query: 'Write a Python function that reverses a string' });
    expect(answer.body.module_used).toBe('foundation');
    expect(await route('writer-key', { query: HELLO, module_id: 'web-development' })).toMatchObject({
      status: 403,
      body: { reason: 'PERMISSION_DENIED' },
    });
  });

  it('a role does only what it may', async () => {
    const headers = (key: string) => ({ authorization: `Bearer ${key}` });
    const load = (key: string) => post<Problem>(`${router.url}/modules/foundation/load`, '', headers(key));
    expect(await load('writer-key')).toMatchObject({ status: 403, body: { reason: 'PERMISSION_DENIED' } });
    expect(await load('root-key')).toMatchObject({ status: 202, body: { module_id: 'foundation' } });
    expect(router.loader.orders).toEqual(['load foundation']);
    expect((await fetch(`${router.url}/status`, { headers: headers('writer-key') })).status).toBe(403);
    expect((await fetch(`${router.url}/health`)).status).toBe(200);
  });

  it('a user who sends too much is told when to come back, and others are not held up', async () => {
    for (let count = 0; count < 3; count += 1) expect((await route('busy-key')).status).toBe(200);
    const response = await fetch(`${router.url}/api/v1/route`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer busy-key' },
      body: JSON.stringify({ query: HELLO }),
    });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await route('busy-key', { query: HELLO, user_id: 'another' })).status).toBe(200);
  });
});
