import { once } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import {
  CachePolicy,
  RouteRequest,
  Strategy,
  type RouteManyResponse,
  type RouteResult,
} from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get } from '../support/http-api.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';

let router: TestRouter;
/** A router with these settings beside the usual ones. */
const startWith = (settings: object): Promise<TestRouter> =>
  startTestRouter(fiveModules(), {
    router: { rate_limit: { requests_per_second: 1e6, burst: 1e6 }, ...settings },
  });
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

describe('bulk routing with a cache', () => {
  it('gives equal queries the answer that was given before, without asking a module', async () => {
    router = await startWith({ cache: { enabled: true } });
    const seen = (): number => router.sidecar('web-development').seen.length;
    const [first] = (await routeMany([request('first')])).values();
    const again = await routeMany(Array.from({ length: 30 }, (_, at) => request(`r${at}`)));
    expect(seen()).toBe(1);
    expect(again.size).toBe(30);
    for (const result of again.values())
      expect(answerOf(result)).toMatchObject({
        content: (answerOf(first) as { content: string }).content,
        moduleUsed: 'web-development',
        metadata: { cacheHit: true, attempts: [], cost: 0 },
      });
    await routeMany([request('kept out', { cachePolicy: CachePolicy.NO_STORE })]);
    expect(seen()).toBe(2);
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    expect(metrics).toContain('frontier_router_cache_lookups_total{outcome="exact"} 30');
    expect(metrics).toContain('frontier_router_attempts_total{module="web-development",outcome="accepted"} 2');
  });

  it('has equal queries at the same time answered by one call, when asked for', async () => {
    router = await startWith({ cache: { enabled: true, collapse: true } });
    const results = await routeMany(Array.from({ length: 20 }, (_, at) => request(`r${at}`)));
    expect(results.size).toBe(20);
    expect(router.sidecar('web-development').seen).toHaveLength(1);
  });

  it('leaves nothing behind when the caller goes away while queries wait for an equal one', async () => {
    router = await startWith({ cache: { enabled: true, collapse: true } });
    router.sidecar('web-development').behaviour = { answer: () => new Promise(() => undefined) };
    const call = router.client.routeMany(new Metadata());
    call.on('error', () => undefined);
    call.write({ requests: Array.from({ length: 10 }, (_, at) => request(`r${at}`)) });
    await eventually(async () => (await inFlight()) === 10);
    call.cancel();
    await eventually(async () => (await inFlight()) === 0);
    router.sidecar('web-development').behaviour = answering('web-development');
    expect(answerOf((await routeMany([request('later')])).get('later'))).toMatchObject({
      moduleUsed: 'web-development',
    });
  });
});

describe('bulk routing by a strategy', () => {
  const coders = ['alpha', 'beta'].map((id) => ({
    spec: { module_id: id, query_classes: ['CODE_GENERATION'] },
    behaviour: answering(id),
  }));
  const used = (results: ReadonlyMap<string, RouteResult>): (string | undefined)[] =>
    [...results.values()].map((result) => (answerOf(result) as { moduleUsed: string } | undefined)?.moduleUsed);

  it('shares queries out, asks several at the same time, or hedges, as a query says', async () => {
    router = await startTestRouter(coders, { router: { selection: { exploration: { share: 0 } } } });
    const seen = (): number[] => ['alpha', 'beta'].map((id) => router.sidecar(id).seen.length);
    const shared = await routeMany(
      Array.from({ length: 20 }, (_, at) => request(`r${at}`, { strategy: Strategy.WEIGHTED_ROUND_ROBIN })),
    );
    const counts = ['alpha', 'beta'].map((id) => used(shared).filter((name) => name === id).length);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(5);
    const before = seen();
    const both = await routeMany([request('both', { strategy: Strategy.PARALLEL })]);
    expect(answerOf(both.get('both'))).toMatchObject({ metadata: { requestId: 'both' } });
    await eventually(() => seen().every((count, at) => count === (before[at] ?? 0) + 1));
    router.sidecar('alpha').behaviour = {
      answer: () => Promise.reject(new FrontierError('MODULE_FAILED', 'broken')),
    };
    const rest = await routeMany(
      [Strategy.HEDGED, Strategy.ADAPTIVE, Strategy.SEQUENTIAL].map((strategy, at) => request(`s${at}`, { strategy })),
    );
    expect(used(rest)).toEqual(['beta', 'beta', 'beta']);
  });

  it('leaves nothing behind when the caller goes away', async () => {
    const hanging = coders.map((each) => ({
      ...each,
      behaviour: { answer: () => new Promise<never>(() => undefined) },
    }));
    router = await startTestRouter(hanging, {});
    const call = router.client.routeMany(new Metadata());
    call.on('error', () => undefined);
    call.write({
      requests: [request('p', { strategy: Strategy.PARALLEL }), request('h', { strategy: Strategy.HEDGED })],
    });
    await eventually(async () => (await inFlight()) === 2);
    call.cancel();
    await eventually(async () => (await inFlight()) === 0);
    await eventually(async () => {
      const { body } = await get<{ modules: { in_flight: number }[] }>(`${router.url}/status`);
      return body.modules.every(({ in_flight }) => in_flight === 0);
    });
  });
});
