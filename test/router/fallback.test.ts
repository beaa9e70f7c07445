import { beforeEach, describe, expect, it } from '@jest/globals';
import { FrontierError } from '../../core/errors.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { RouteRequest, type RouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get, post } from '../support/http-api.ts';
import type { Behaviour } from './fake-sidecar.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';

let router: TestRouter;
beforeEach(async () => {
  router = await startTestRouter(fiveModules());
});

const route = (
  fields: Parameters<typeof RouteRequest.fromPartial>[0] = {},
  deadlineMs?: number,
): Promise<RouteResponse> =>
  unaryCall(
    router.client.route.bind(router.client),
    RouteRequest.fromPartial({ query: CODE, ...fields }),
    deadlineMs === undefined ? {} : { deadlineMs },
  );
const failing = (error: Error): Behaviour => ({ answer: () => Promise.reject(error) });
const never: Behaviour = {
  answer: (_query, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    }),
};

describe('when a module cannot answer, its fallback does', () => {
  it.each<[string, Behaviour, string]>([
    ['fails', failing(new FrontierError('MODULE_FAILED', 'out of memory')), 'MODULE_FAILED'],
    ['is overloaded', failing(new FrontierError('MODULE_OVERLOADED', 'queue full')), 'MODULE_OVERLOADED'],
    ['is rejected by the judge', answering('web-development', 0.1), 'LOW_CONFIDENCE'],
    ['replies nothing', { ...answering('x'), rawReply: ModuleMessage.fromPartial({}) }, 'MODULE_BAD_REPLY'],
    [
      'replies without a confidence report',
      {
        ...answering('x'),
        rawReply: ModuleMessage.fromPartial({ payload: { $case: 'answer', value: { content: 'x' } } }),
      },
      'MODULE_BAD_REPLY',
    ],
    ['replies a score of NaN', answering('web-development', Number.NaN), 'MODULE_BAD_REPLY'],
    ['replies an empty answer', { answer: () => ({ content: '', score: 0.9 }) }, 'MODULE_EMPTY_REPLY'],
  ])('because the first one %s', async (_case, behaviour, reason) => {
    router.sidecar('web-development').behaviour = behaviour;
    expect(await route()).toMatchObject({
      moduleUsed: 'foundation',
      fallbackUsed: true,
      metadata: {
        attempts: [
          { moduleId: 'web-development', accepted: false, reason },
          { moduleId: 'foundation', accepted: true, reason: '' },
        ],
      },
    });
  });

  it('gives the best answer, with its honest score, when every answer was rejected', async () => {
    router.sidecar('web-development').behaviour = answering('web-development', 0.2);
    router.sidecar('foundation').behaviour = answering('foundation', 0.1);
    const answer = await route();
    expect(answer).toMatchObject({ moduleUsed: 'web-development', confidenceScore: 0.2, fallbackUsed: false });
    expect(answer.metadata?.confidence?.accepted).toBe(false);
    expect(answer.metadata?.attempts.map(({ reason }) => reason)).toEqual(['LOW_CONFIDENCE', 'LOW_CONFIDENCE']);
  });

  it('tells of each attempt when none brought an answer', async () => {
    router.sidecar('web-development').behaviour = failing(new FrontierError('MODULE_FAILED', 'a'));
    router.sidecar('foundation').behaviour = failing(new FrontierError('MODULE_BAD_REPLY', 'b'));
    await expect(route()).rejects.toMatchObject({
      reason: 'ALL_ATTEMPTS_FAILED',
      metadata: { 'web-development': 'MODULE_FAILED', foundation: 'MODULE_BAD_REPLY' },
    });
  });
});

describe('deadlines and cancellation', () => {
  it('an expired deadline is an error at once', async () => {
    await expect(route({}, Date.now() - 1)).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  });

  it("the caller's deadline ends a hanging attempt, which does not count against the module", async () => {
    for (const moduleId of ['web-development', 'foundation']) router.sidecar(moduleId).behaviour = never;
    await expect(route({}, Date.now() + 150)).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    await eventually(async () => (await inFlightOf('web-development')) === 0);
    expect(await statsOf('web-development')).toMatchObject({ breaker: { state: 'CLOSED', consecutive_failures: 0 } });
  });

  it('leave time for the next module', async () => {
    router.sidecar('web-development').behaviour = never;
    expect(await route({}, Date.now() + 1_000)).toMatchObject({
      moduleUsed: 'foundation',
      metadata: { attempts: [{ reason: 'MODULE_TIMEOUT' }, { accepted: true }] },
    });
    expect(await statsOf('web-development')).toMatchObject({ breaker: { consecutive_failures: 0 } });
  });

  it('a module that is left early for a broken one is asked once more, with all the time there is', async () => {
    let asked = 0;
    router.sidecar('web-development').behaviour = {
      answer: (query, signal) => {
        asked += 1;
        return asked === 1 ? never.answer(query, signal) : answering('web-development').answer(query);
      },
    };
    router.sidecar('foundation').behaviour = failing(new FrontierError('MODULE_FAILED', 'broken'));
    const answer = await route({}, Date.now() + 4_000);
    expect(answer.metadata?.attempts.map(({ moduleId, reason }) => [moduleId, reason])).toEqual([
      ['web-development', 'MODULE_TIMEOUT'],
      ['foundation', 'MODULE_FAILED'],
      ['web-development', ''],
    ]);
  });

  it('a cancelled call is cancelled at the module, too', async () => {
    let cancelled = false;
    router.sidecar('web-development').behaviour = {
      answer: (query, signal) => {
        signal?.addEventListener('abort', () => (cancelled = true));
        return never.answer(query, signal);
      },
    };
    const stop = new AbortController();
    const call = unaryCall(router.client.route.bind(router.client), RouteRequest.fromPartial({ query: CODE }), {
      signal: stop.signal,
    });
    await eventually(async () => (await inFlightOf('web-development')) === 1, { what: 'the call to be in flight' });
    stop.abort();
    await expect(call).rejects.toMatchObject({ reason: 'CANCELLED' });
    await eventually(() => cancelled, { what: 'the module to be told' });
    await eventually(async () => (await inFlightOf('web-development')) === 0);
  });
});

describe('the breaker', () => {
  it('keeps queries from a module that fails repeatedly, and explicit ones are told so', async () => {
    router.sidecar('web-development').behaviour = failing(new FrontierError('MODULE_FAILED', 'broken'));
    for (let count = 0; count < 5; count += 1) await route();
    const seen = router.sidecar('web-development').seen.length;
    const answer = await route();
    expect(answer.metadata?.attempts).toMatchObject([{ moduleId: 'foundation', accepted: true }]);
    expect(router.sidecar('web-development').seen).toHaveLength(seen);
    await expect(route({ moduleId: 'web-development' })).rejects.toMatchObject({ reason: 'BREAKER_OPEN' });
    expect(await statsOf('web-development')).toMatchObject({ breaker: { state: 'OPEN' } });
  });
});

describe('a breaker that is set by hand', () => {
  const set = (state: string): Promise<{ status: number }> =>
    post(`${router.url}/modules/web-development/breaker`, { state });

  it('stays open until it is closed', async () => {
    expect((await set('open')).status).toBe(200);
    expect((await route()).moduleUsed).toBe('foundation');
    expect(await statsOf('web-development')).toMatchObject({
      breaker: { state: 'OPEN', by_hand: true, history: [{ from: 'CLOSED', to: 'OPEN' }] },
    });
    await set('closed');
    expect((await route()).moduleUsed).toBe('web-development');
  });

  it('knows two states and only modules that exist', async () => {
    expect((await set('ajar')).status).toBe(400);
    expect((await post(`${router.url}/modules/nobody/breaker`, { state: 'open' })).status).toBe(404);
  });
});

describe('a module that says when to come again', () => {
  it('is left alone until then, and the error says when', async () => {
    const busy = new FrontierError('MODULE_OVERLOADED', 'slow down', { retryAfterMs: 30_000 });
    router.sidecar('web-development').behaviour = failing(busy);
    expect((await route()).moduleUsed).toBe('foundation');
    expect((await route()).metadata?.attempts).toMatchObject([{ moduleId: 'foundation' }]);
    expect(router.sidecar('web-development').seen).toHaveLength(1);
    const error = await route({ moduleId: 'web-development' }).catch((thrown: unknown) => thrown as FrontierError);
    expect(error).toMatchObject({ reason: 'MODULE_OVERLOADED' });
    expect((error as FrontierError).retryAfterMs).toBeGreaterThan(20_000);
  });
});

describe('GET /fallback/stats', () => {
  it('tells attempts, failures by reason, paths and what they took', async () => {
    router.sidecar('web-development').behaviour = failing(new FrontierError('MODULE_FAILED', 'broken'));
    await route();
    await route();
    const { body } = await get<object>(`${router.url}/fallback/stats`);
    expect(body).toMatchObject({
      paths: [{ modules: ['web-development', 'foundation'], requests: 2, accepted: 2, success_rate: 1 }],
      retry_budget: expect.any(Number),
    });
    expect(await statsOf('web-development')).toMatchObject({
      classes: { CODE_GENERATION: { attempts: 2, accepted: 0, failures: { MODULE_FAILED: 2 } } },
    });
  });

  it('tells of attempts of requests that got no answer', async () => {
    for (const moduleId of ['web-development', 'foundation'])
      router.sidecar(moduleId).behaviour = failing(new FrontierError('MODULE_FAILED', 'broken'));
    await route().catch(() => undefined);
    expect(await statsOf('foundation')).toMatchObject({
      classes: { CODE_GENERATION: { attempts: 1, failures: { MODULE_FAILED: 1 } } },
    });
  });
});

describe('a module that is not loaded', () => {
  it('is started by the loader for the query', async () => {
    router.loader.publish(router.view('web-development', false));
    await eventually(async () => (await moduleOf('web-development')).state === 'UNLOADED');
    router.loader.activate = async function* (moduleId) {
      await Promise.resolve();
      yield { progress: 0.5, stage: 'starting the workload' };
      router.loader.publish(router.view(moduleId, true));
    };
    expect(await route()).toMatchObject({ moduleUsed: 'web-development' });
    expect(router.loader.activations).toEqual(['web-development']);
  });

  it('is started once, however many wait for it', async () => {
    router.loader.publish(router.view('web-development', false));
    await eventually(async () => (await moduleOf('web-development')).state === 'UNLOADED');
    let start = (): void => undefined;
    const started = new Promise<void>((resolve) => (start = resolve));
    router.loader.activate = async function* () {
      yield { progress: 0, stage: 'waiting' };
      await started;
    };
    const calls = Array.from({ length: 20 }, () => route());
    await eventually(async () => (await moduleOf('web-development')).waiting === 20, { what: 'all to wait' });
    start();
    for (const answer of await Promise.all(calls)) expect(answer.moduleUsed).toBe('web-development');
    expect(router.loader.activations).toEqual(['web-development']);
  });

  it('that cannot be started is passed over for its fallback', async () => {
    router.loader.publish(router.view('web-development', false));
    await eventually(async () => (await moduleOf('web-development')).state === 'UNLOADED');
    // eslint-disable-next-line require-yield -- fails before any progress
    router.loader.activate = async function* () {
      await Promise.reject(new FrontierError('ACTIVATION_FAILED', 'the program is not there'));
    };
    const answer = await route();
    expect(answer.metadata?.attempts).toMatchObject([
      { moduleId: 'web-development', reason: 'ACTIVATION_FAILED' },
      { moduleId: 'foundation', accepted: true },
    ]);
  });
});

describe('without the loader', () => {
  it('the last state holds', async () => {
    await router.loader.close();
    await eventually(
      async () => !(await get<{ loader: { connected: boolean } }>(`${router.url}/status`)).body.loader.connected,
    );
    expect(await route()).toMatchObject({ moduleUsed: 'web-development' });
  });
});

describe('usage', () => {
  it('is told to the loader, so that busy modules are not unloaded', async () => {
    await route();
    await eventually(() =>
      router.loader.usage.some(({ moduleId, requests }) => moduleId === 'web-development' && requests === 1),
    );
  });
});

interface ModuleBody {
  readonly module_id: string;
  readonly state: string;
  readonly in_flight: number;
  readonly waiting: number;
}

async function moduleOf(moduleId: string): Promise<ModuleBody> {
  const { body } = await get<{ modules: ModuleBody[] }>(`${router.url}/status`);
  return body.modules.find(({ module_id }) => module_id === moduleId)!;
}

async function inFlightOf(moduleId: string): Promise<number> {
  return (await moduleOf(moduleId)).in_flight;
}

async function statsOf(moduleId: string): Promise<object> {
  const { body } = await get<{ modules: { module_id: string }[] }>(`${router.url}/fallback/stats`);
  return body.modules.find(({ module_id }) => module_id === moduleId)!;
}
