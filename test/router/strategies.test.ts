import { beforeEach, describe, expect, it } from '@jest/globals';
import { FrontierError } from '../../core/errors.ts';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import {
  RouteRequest,
  Strategy,
  type RouteResponse,
  type StreamRouteResponse,
} from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get, post, type RouteAnswer } from '../support/http-api.ts';
import type { Behaviour } from './fake-sidecar.ts';
import { answering } from './five-modules.ts';
import { startTestRouter, type TestModule, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';
const NAMES = ['alpha', 'beta', 'gamma'];

/** No order is drawn, so that each test knows who is first. */
const NO_DRAWS = { router: { selection: { exploration: { share: 0 } } } };

function coders(more: (name: string) => object = () => ({})): TestModule[] {
  return NAMES.map((name) => ({
    spec: { module_id: name, query_classes: ['CODE_GENERATION'], ...more(name) },
    behaviour: answering(name),
  }));
}

let router: TestRouter;
let cancelled: string[];
beforeEach(async () => {
  cancelled = [];
  router = await startTestRouter(coders(), NO_DRAWS);
});

const failing: Behaviour = { answer: () => Promise.reject(new FrontierError('MODULE_FAILED', 'broken')) };
/** Never answers; notes that it was cancelled. */
const hanging = (name: string): Behaviour => ({
  answer: (_query, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        cancelled.push(name);
        reject(signal.reason as Error);
      });
    }),
});
const route = (
  strategy: Strategy,
  fields: Parameters<typeof RouteRequest.fromPartial>[0] = {},
): Promise<RouteResponse> =>
  unaryCall(
    router.client.route.bind(router.client),
    RouteRequest.fromPartial({ query: CODE, strategy, explain: true, ...fields }),
  );
const stream = async (strategy: Strategy): Promise<NonNullable<StreamRouteResponse['event']>[]> => {
  const request = RouteRequest.fromPartial({ query: CODE, strategy });
  const events: NonNullable<StreamRouteResponse['event']>[] = [];
  for await (const { event } of streamCall(router.client.streamRoute.bind(router.client), { request }))
    events.push(event!);
  return events;
};
const attemptsOf = (answer: RouteResponse): unknown[] =>
  answer.metadata!.attempts.map(({ moduleId, reason }) => [moduleId, reason]);
const allFree = (): Promise<unknown> =>
  eventually(async () => {
    const { body } = await get<{ modules: { in_flight: number }[] }>(`${router.url}/status`);
    return body.modules.every(({ in_flight }) => in_flight === 0);
  });

describe('parallel', () => {
  it('gives the accepted answer with the highest score', async () => {
    router.sidecar('alpha').behaviour = answering('alpha', 0.6);
    router.sidecar('beta').behaviour = answering('beta', 0.95);
    router.sidecar('gamma').behaviour = failing;
    const answer = await route(Strategy.PARALLEL);
    expect(answer).toMatchObject({ moduleUsed: 'beta', confidenceScore: 0.95 });
    expect(attemptsOf(answer)).toHaveLength(3);
    expect(answer.metadata?.explanation?.plan?.strategy).toBe(Strategy.PARALLEL);
  });

  it('does not wait for one that hangs, and cancels it at the module', async () => {
    router.sidecar('alpha').behaviour = hanging('alpha');
    const answer = await route(Strategy.PARALLEL);
    expect(answer.moduleUsed).toBe('beta');
    expect(attemptsOf(answer)).toContainEqual(['alpha', 'CANCELLED']);
    await eventually(() => cancelled.includes('alpha'), { what: 'the loser to be cancelled' });
    await allFree();
  });

  it('streams the chosen answer only', async () => {
    router.sidecar('alpha').behaviour = answering('alpha', 0.6);
    const events = await stream(Strategy.PARALLEL);
    const text = events.map((event) => (event.$case === 'token' ? event.value.text : '')).join('');
    expect(text).toBe(`beta answers: ${CODE}`);
    expect(events.at(-1)?.value).toMatchObject({ content: text, moduleUsed: 'beta' });
  });

  it('gives the best rejected answer when none is accepted', async () => {
    for (const [at, name] of NAMES.entries()) router.sidecar(name).behaviour = answering(name, 0.1 + at / 20);
    expect(await route(Strategy.PARALLEL)).toMatchObject({ moduleUsed: 'gamma', confidenceScore: 0.2 });
  });

  it('starts as many as the ceiling on cost allows', async () => {
    router = await startTestRouter(
      coders(() => ({ price: { per_request: 1 } })),
      NO_DRAWS,
    );
    const answer = await route(Strategy.PARALLEL, { maxCost: 2 });
    expect(NAMES.map((name) => router.sidecar(name).seen.length)).toEqual([1, 1, 0]);
    expect(answer.metadata?.cost).toBeLessThanOrEqual(2);
  });
});

describe('hedged', () => {
  it('asks the next module when the first is slow, and cancels the loser', async () => {
    router.sidecar('alpha').behaviour = hanging('alpha');
    const answer = await route(Strategy.HEDGED);
    expect(answer).toMatchObject({ moduleUsed: 'beta', fallbackUsed: true });
    expect(attemptsOf(answer)).toEqual([
      ['alpha', 'CANCELLED'],
      ['beta', ''],
    ]);
    await eventually(() => cancelled.includes('alpha'), { what: 'the loser to be cancelled' });
    await allFree();
  });

  it('asks nobody else while the first is fast enough', async () => {
    for (let count = 0; count < 9; count += 1) expect((await route(Strategy.HEDGED)).moduleUsed).toBe('alpha');
    expect(router.sidecar('gamma').seen).toHaveLength(0);
  });

  it('goes on at once when the first fails', async () => {
    router.sidecar('alpha').behaviour = failing;
    const answer = await route(Strategy.HEDGED);
    expect(attemptsOf(answer)).toEqual([
      ['alpha', 'MODULE_FAILED'],
      ['beta', ''],
    ]);
  });

  it('streams from whoever is first, and starts anew when that one breaks', async () => {
    router.sidecar('alpha').behaviour = {
      ...answering('alpha'),
      breakAfterTokens: new FrontierError('STREAM_BROKEN', 'gone'),
    };
    const events = await stream(Strategy.HEDGED);
    const failedAt = events.findIndex(({ $case }) => $case === 'attemptFailed');
    expect(events[failedAt]?.value).toMatchObject({ moduleId: 'alpha', discard: true });
    const text = events.slice(failedAt).map((event) => (event.$case === 'token' ? event.value.text : ''));
    expect(text.join('')).toBe(`beta answers: ${CODE}`);
  });

  it('asks a hedge again that was cancelled for a module that broke after its first tokens', async () => {
    const [alpha, beta] = [router.sidecar('alpha'), router.sidecar('beta')];
    router.sidecar('gamma').behaviour = failing;
    // Its tokens come when the hedge is under way.
    alpha.behaviour = {
      answer: async () => {
        await eventually(() => beta.seen.length > 0);
        return answering('alpha').answer(CODE);
      },
      breakAfterTokens: new FrontierError('STREAM_BROKEN', 'gone'),
    };
    const hangs = hanging('beta');
    beta.behaviour = {
      answer: (query, signal) =>
        beta.seen.length === 1 ? hangs.answer(query, signal) : answering('beta').answer(query, signal),
    };
    const events = await stream(Strategy.HEDGED);
    expect(events.at(-1)).toMatchObject({ $case: 'done', value: { moduleUsed: 'beta' } });
    expect(cancelled).toEqual(['beta']);
    await allFree();
  });

  it('tells of each attempt when none brought an answer', async () => {
    for (const name of NAMES) router.sidecar(name).behaviour = failing;
    await expect(route(Strategy.HEDGED)).rejects.toMatchObject({ reason: 'ALL_ATTEMPTS_FAILED' });
    await allFree();
  });
});

describe('weighted round robin', () => {
  it('shares the load among the modules of the class, and is no fallback', async () => {
    for (let count = 0; count < 9; count += 1)
      expect((await route(Strategy.WEIGHTED_ROUND_ROBIN)).fallbackUsed).toBe(false);
    for (const name of NAMES) expect(router.sidecar(name).seen.length).toBeGreaterThanOrEqual(2);
  });

  it('passes a failing module over', async () => {
    router.sidecar('beta').behaviour = failing;
    for (let count = 0; count < 6; count += 1)
      expect((await route(Strategy.WEIGHTED_ROUND_ROBIN)).moduleUsed).not.toBe('beta');
  });
});

describe('adaptive', () => {
  it('goes one by one while it knows nothing', async () => {
    const answer = await route(Strategy.ADAPTIVE);
    expect(attemptsOf(answer)).toEqual([['alpha', '']]);
  });

  it('learns to begin with the module whose answers are accepted', async () => {
    router = await startTestRouter(coders(), { ...NO_DRAWS, fallback: { health_monitoring: { min_success_rate: 0 } } });
    router.sidecar('alpha').behaviour = answering('alpha', 0.1);
    for (let count = 0; count < 25; count += 1) await route(Strategy.ADAPTIVE);
    const seen = router.sidecar('alpha').seen.length;
    for (let count = 0; count < 5; count += 1) expect((await route(Strategy.ADAPTIVE)).moduleUsed).not.toBe('alpha');
    expect(router.sidecar('alpha').seen.length - seen).toBeLessThanOrEqual(1);
  });
});

it('the configured strategy holds where a request names none', async () => {
  router = await startTestRouter(coders(), { router: { strategy: 'parallel' } });
  const { body } = await post<RouteAnswer>(`${router.url}/api/v1/route`, { query: CODE });
  expect(body.metadata.attempts).toHaveLength(3);
});
