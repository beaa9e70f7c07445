import { once } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import { RouteRequest, type RouteManyResponse, type RouteResult } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get } from '../support/http-api.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';

let router: TestRouter;
beforeEach(async () => {
  router = await startTestRouter(fiveModules(), {
    router: { max_concurrent_requests: 40, rate_limit: { requests_per_second: 1e6, burst: 1e6 } },
  });
});

const request = (requestId: string, fields: Parameters<typeof RouteRequest.fromPartial>[0] = {}): RouteRequest =>
  RouteRequest.fromPartial({ requestId, query: CODE, ...fields });

/** Sends everything in messages of `size`, and gives the results by request id. */
async function routeMany(requests: readonly RouteRequest[], size = 50): Promise<Map<string, RouteResult>> {
  const call = router.client.routeMany(new Metadata());
  const results = new Map<string, RouteResult>();
  call.on('data', ({ results: batch }: RouteManyResponse) => {
    for (const result of batch) results.set(result.requestId, result);
  });
  for (let at = 0; at < requests.length; at += size) call.write({ requests: requests.slice(at, at + size) });
  call.end();
  await once(call, 'end');
  return results;
}
const errorOf = (result: RouteResult | undefined): unknown =>
  result?.result?.$case === 'error' ? result.result.value : undefined;
const answerOf = (result: RouteResult | undefined): unknown =>
  result?.result?.$case === 'response' ? result.result.value : undefined;
const inFlight = async (): Promise<number> => (await get<{ in_flight: number }>(`${router.url}/status`)).body.in_flight;

describe('bulk routing', () => {
  it('answers every query once, far more than may be under way at the same time', async () => {
    const requests = Array.from({ length: 2_000 }, (_, at) =>
      request(`r${at}`, { query: at % 2 === 0 ? CODE : 'What is the capital of France?' }),
    );
    const results = await routeMany(requests);
    expect(results.size).toBe(2_000);
    expect(answerOf(results.get('r0'))).toMatchObject({
      moduleUsed: 'web-development',
      content: `web-development answers: ${CODE}`,
    });
    expect(answerOf(results.get('r1999'))).toMatchObject({ moduleUsed: 'foundation' });
    expect(await inFlight()).toBe(0);
  });

  it('goes on with the fallback when a module fails or is rejected', async () => {
    router.sidecar('web-development').behaviour = {
      answer: () => Promise.reject(new FrontierError('MODULE_FAILED', 'broken')),
    };
    router.sidecar('marketing-creative').behaviour = answering('marketing-creative', 0.1);
    const results = await routeMany([
      request('failed'),
      request('rejected', { query: 'Write a slogan for a coffee brand' }),
    ]);
    expect(answerOf(results.get('failed'))).toMatchObject({
      moduleUsed: 'foundation',
      fallbackUsed: true,
      metadata: { attempts: [{ reason: 'MODULE_FAILED' }, {}] },
    });
    expect(answerOf(results.get('rejected'))).toMatchObject({
      moduleUsed: 'foundation',
      metadata: { attempts: [{ reason: 'LOW_CONFIDENCE' }, {}] },
    });
  });

  it('gives a bad query an error result, and the others their answers', async () => {
    const results = await routeMany([
      request('good'),
      request('empty', { query: ' ' }),
      request('unknown', { moduleId: 'nobody' }),
      request(''),
    ]);
    expect(answerOf(results.get('good'))).toMatchObject({ moduleUsed: 'web-development' });
    expect(errorOf(results.get('empty'))).toMatchObject({ code: 3, reason: 'EMPTY_QUERY' });
    expect(errorOf(results.get('unknown'))).toMatchObject({ code: 5, reason: 'MODULE_UNKNOWN' });
    expect(errorOf(results.get(''))).toMatchObject({ reason: 'INVALID_FIELD' });
  });

  it('starts a module that is not loaded', async () => {
    router.loader.publish(router.view('web-development', false));
    await eventually(async () =>
      (await get<{ modules: { state: string }[] }>(`${router.url}/status`)).body.modules.some(
        ({ state }) => state === 'UNLOADED',
      ),
    );
    const results = await routeMany(Array.from({ length: 10 }, (_, at) => request(`r${at}`)));
    expect(answerOf(results.get('r9'))).toMatchObject({ moduleUsed: 'web-development' });
    expect(router.loader.activations).toEqual(['web-development']);
  });

  it('goes on with the fallback when the module goes away, which its streams notice', async () => {
    await routeMany([request('before')]);
    await router.sidecar('web-development').close();
    const results = await routeMany([request('after')]);
    expect(answerOf(results.get('after'))).toMatchObject({ moduleUsed: 'foundation' });
  }, 20_000);

  it('leaves nothing behind when the caller goes away', async () => {
    router.sidecar('web-development').behaviour = { answer: () => new Promise(() => undefined) };
    const call = router.client.routeMany(new Metadata());
    call.on('error', () => undefined);
    call.write({ requests: Array.from({ length: 10 }, (_, at) => request(`r${at}`)) });
    await eventually(async () => (await inFlight()) === 10);
    call.cancel();
    await eventually(async () => (await inFlight()) === 0);
    const { body } = await get<{ modules: { in_flight: number }[] }>(`${router.url}/status`);
    expect(body.modules.map(({ in_flight }) => in_flight)).toEqual([0, 0, 0, 0, 0]);
  });
});
