import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { hashApiKey } from '../../core/config/api-key.ts';
import { FrontierError } from '../../core/errors.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { RouteRequest, type RouteManyResponse, type RouteResult } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { post, type Problem, type RouteAnswer } from '../support/http-api.ts';
import { answering } from './five-modules.ts';
import type { Behaviour } from './fake-sidecar.ts';
import { startTestRouter, type TestModule, type TestRouter } from './router-harness.ts';

const HELLO = 'What is the capital of France?';
const NO_RATE_LIMIT = { requests_per_second: 1e6, burst: 1e6 };
const KEYS = {
  api_keys: ['flood', 'quiet'].map((id) => ({ id, hash: hashApiKey(`${id}-key`), tenant: id, roles: ['user'] })),
};

/** Answers when it is told to; tells how many wait. */
function gated(): Behaviour & { readonly held: (() => void)[]; release(): void } {
  const held: (() => void)[] = [];
  let open = false;
  return {
    held,
    release() {
      open = true;
      for (const go of held.splice(0)) go();
    },
    async answer(query, signal) {
      if (!open)
        await new Promise<void>((resolve, reject) => {
          held.push(resolve);
          signal?.addEventListener('abort', () => {
            held.splice(held.indexOf(resolve), 1);
            reject(new Error('gone'));
          });
        });
      return { content: `an answer to ${query}`, score: 0.9 };
    },
  };
}
const general = (behaviour: Behaviour, more: Partial<TestModule['spec']> = {}): TestModule => ({
  spec: { module_id: 'general', query_classes: ['GENERAL'], ...more },
  behaviour,
});
const WIDE = { concurrency: { max_in_flight: 500, max_queued: 0 } };

interface Overview {
  readonly in_flight: number;
  readonly admission: {
    readonly limit: number;
    readonly waiting: number;
    readonly brown_out_level: number;
    readonly tenant: { readonly name: string; readonly in_flight: number; readonly share: number };
  };
  readonly modules: readonly { readonly in_flight_limit?: { readonly current: number; readonly reason: string } }[];
}
const statusOf = async ({ url }: TestRouter, key?: string): Promise<Overview> => {
  const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key };
  return (await (await fetch(`${url}/status`, { headers })).json()) as Overview;
};
const ask = ({ url }: TestRouter, body: object = {}, headers: Record<string, string> = {}) =>
  post<RouteAnswer & Problem & { metadata: Record<string, unknown> }>(
    `${url}/api/v1/route`,
    { query: HELLO, ...body },
    headers,
  );

describe('priorities', () => {
  it('decide who is shed, over every form, and come from field, header or tenant', async () => {
    const module = gated();
    const router = await startTestRouter([general(module, WIDE)], {
      router: { max_concurrent_requests: 8, admission: { queue: { size: 0 } }, rate_limit: NO_RATE_LIMIT },
      security: { tenants: { default: { priority: 'low', max_priority: 'high' } } },
    });
    const six = Array.from({ length: 6 }, () => ask(router));
    await eventually(() => module.held.length === 6);
    expect(await ask(router)).toMatchObject({
      status: 503,
      body: { reason: 'OVERLOADED', metadata: { priority: 'low' } },
    });
    const byField = ask(router, { priority: 'normal' });
    const byHeader = ask(router, {}, { 'x-frontier-priority': 'Critical' });
    await eventually(() => module.held.length === 8);
    const response = await fetch(`${router.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-frontier-priority': 'high' },
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: HELLO }] }),
    });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ error: { code: 'OVERLOADED' } });
    const metadata = new Metadata();
    metadata.set('x-frontier-priority', 'low');
    const { client } = router;
    await expect(
      unaryCall(client.route.bind(client), RouteRequest.fromPartial({ query: HELLO }), { metadata }),
    ).rejects.toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 5_000 });
    module.release();
    expect((await six[0])?.body.metadata).toMatchObject({ priority: 'low' });
    expect((await byField).body.metadata).toMatchObject({ priority: 'normal' });
    // Asked for more than the tenant may have.
    expect((await byHeader).body.metadata).toMatchObject({ priority: 'high' });
    expect(router.sidecar('general').seen.map(({ header }) => header?.priority)).toContain(3);
    const body = await (await fetch(`${router.url}/metrics`)).text();
    expect(body).toContain('frontier_router_shed_total{priority="low",reason="full"} 2');
  });

  it('are refused when they are none', async () => {
    const router = await startTestRouter([general(answering('general'))]);
    expect(await ask(router, {}, { 'x-frontier-priority': 'urgent' })).toMatchObject({
      status: 400,
      body: { reason: 'INVALID_FIELD', field: 'x-frontier-priority' },
    });
    expect((await ask(router)).body.metadata).toMatchObject({ priority: 'normal' });
  });
});

describe('tenants', () => {
  it('get their share beside the flood of another one, which gets the rest', async () => {
    const behaviour: Behaviour = {
      answer: async (query) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { content: `an answer to ${query}`, score: 0.9 };
      },
    };
    const router = await startTestRouter([general(behaviour, WIDE)], {
      router: {
        max_concurrent_requests: 20,
        rate_limit: NO_RATE_LIMIT,
        admission: { queue: { size: 20, max_wait: 20, standing_wait: 0.05 } },
      },
      security: { ...KEYS, tenants: { quiet: { weight: 2 } } },
    });
    const by = (id: string) => ({ 'x-api-key': `${id}-key` });
    let flooding = true;
    const flooded: number[] = [];
    const flood = Array.from({ length: 60 }, async () => {
      while (flooding) {
        const { status } = await ask(router, {}, by('flood'));
        flooded.push(status);
        if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    await eventually(async () => (await statusOf(router, 'flood-key')).admission.waiting > 10);
    const quiet: number[] = [];
    for (let round = 0; round < 8; round += 1)
      quiet.push(...(await Promise.all([1, 2, 3].map(async () => (await ask(router, {}, by('quiet'))).status))));
    const { admission } = await statusOf(router, 'quiet-key');
    flooding = false;
    await Promise.all(flood);
    expect(quiet).toEqual(quiet.map(() => 200));
    expect(admission.tenant).toMatchObject({ name: 'quiet', share: 13 });
    expect(flooded.filter((status) => status === 200).length).toBeGreaterThan(quiet.length);
    expect(new Set(flooded)).toEqual(new Set([200, 503]));
    await eventually(async () => (await statusOf(router, 'quiet-key')).in_flight === 0);
  }, 60_000);
});

describe('the limit of a module', () => {
  it('falls under what it refuses, is kept to, is told, and rises again', async () => {
    let capacity = 6;
    let running = 0;
    let most = 0;
    const behaviour: Behaviour = {
      answer: async (query) => {
        running += 1;
        try {
          if (running > capacity) throw new FrontierError('MODULE_OVERLOADED', 'full');
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 20));
          return { content: `an answer to ${query}`, score: 0.9 };
        } finally {
          running -= 1;
        }
      },
    };
    const concurrency = { max_in_flight: 30, max_queued: 0, adaptive: { min_limit: 1 } };
    const router = await startTestRouter([general(behaviour, { concurrency })], {
      router: { rate_limit: NO_RATE_LIMIT },
    });
    const current = async (): Promise<number> => (await statusOf(router)).modules[0]?.in_flight_limit?.current ?? 0;
    expect(await current()).toBe(30);
    let asking = true;
    const lanes = Array.from({ length: 30 }, async () => {
      while (asking) if ((await ask(router)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
    });
    await eventually(
      async () => {
        const { current: now = 0, reason } = (await statusOf(router)).modules[0]?.in_flight_limit ?? {};
        return now <= 8 && reason === 'refused';
      },
      { timeoutMs: 60_000, what: 'the limit to fall' },
    );
    const body = await (await fetch(`${router.url}/metrics`)).text();
    expect(body).toMatch(/frontier_router_module_limit\{module="general"\} \d+\n/);
    expect(body).toMatch(/frontier_router_module_limit_changes_total\{module="general",reason="refused"\} \d/);
    capacity = 1_000;
    await eventually(async () => (await current()) >= 16, { timeoutMs: 60_000, what: 'the limit to rise' });
    asking = false;
    await Promise.all(lanes);
    expect(most).toBeGreaterThan(6);
  }, 150_000);

  it('sends what is over it to the fallback, and says so', async () => {
    const module = gated();
    const concurrency = { max_in_flight: 8, max_queued: 0 };
    const code = {
      module_id: 'code',
      query_classes: ['CODE_GENERATION' as const],
      fallbacks: ['general'],
      concurrency,
    };
    const router = await startTestRouter([{ spec: code, behaviour: module }, general(answering('general'))]);
    const query = 'Write a Python function that reverses a string';
    const six = Array.from({ length: 6 }, () => ask(router, { query, priority: 'low' }));
    await eventually(() => module.held.length === 6);
    const spilled = await ask(router, { query, priority: 'low', explain: true });
    expect(spilled.body).toMatchObject({
      module_used: 'general',
      metadata: { explanation: { exclusions: [{ module_id: 'code', reason: 'MODULE_OVERLOADED' }] } },
    });
    const stays = ask(router, { query });
    await eventually(() => module.held.length === 7);
    module.release();
    expect((await stays).body.module_used).toBe('code');
    await Promise.all(six);
  });
});

describe('brown-out', () => {
  it('takes the cheaper module and shorter answers of low priority first, says so, and ends with the pressure', async () => {
    const module = gated();
    const priced = (module_id: string, per_request: number, behaviour: Behaviour): TestModule => ({
      spec: { module_id, query_classes: ['GENERAL'], price: { per_request }, ...WIDE },
      behaviour,
    });
    const router = await startTestRouter([priced('fine', 5, module), priced('cheap', 1, answering('cheap'))], {
      router: {
        max_concurrent_requests: 10,
        rate_limit: NO_RATE_LIMIT,
        selection: { exploration: { share: 0 }, weights: { cost: 0 } },
        admission: {
          brown_out: { enabled: true, utilization: 0.5, recovery: 0.3, after: 0.5, recover_after: 0.5, max_tokens: 40 },
        },
      },
    });
    const atFine = Array.from({ length: 6 }, () => ask(router, { module_id: 'fine', priority: 'critical' }));
    const level = async (): Promise<number> => (await statusOf(router)).admission.brown_out_level;
    await eventually(async () => (await level()) === 1);
    const low = await ask(router, { priority: 'low', strategy: 'parallel', explain: true });
    expect(low.body).toMatchObject({ module_used: 'cheap', metadata: { brown_out: { up_to: 'low', max_tokens: 40 } } });
    const query = router.sidecar('cheap').seen.at(-1)?.payload;
    expect(query?.$case === 'query' ? query.value.parameters : undefined).toEqual({ max_tokens: 40 });
    expect(JSON.stringify(low.body.metadata)).toContain(
      'under pressure the cheapest module first and answers of at most',
    );
    await eventually(async () => (await level()) === 3);
    expect((await ask(router, { priority: 'high', parameters: { max_tokens: 9 } })).body.metadata).toMatchObject({
      brown_out: { up_to: 'high' },
    });
    const seen = router.sidecar('cheap').seen.at(-1)?.payload;
    expect(seen?.$case === 'query' ? seen.value.parameters : undefined).toEqual({ max_tokens: 9 });
    const critical = await ask(router, { priority: 'critical', module_id: 'cheap' });
    expect(critical.body.metadata).not.toHaveProperty('brown_out');
    module.release();
    await Promise.all(atFine);
    await eventually(async () => (await level()) === 0);
    expect((await ask(router, { priority: 'low' })).body.metadata).not.toHaveProperty('brown_out');
  }, 60_000);
});

describe('bulk routing', () => {
  it('sheds query by query when there is no place in time, and goes on', async () => {
    const module = gated();
    const router = await startTestRouter([general(module, WIDE)], {
      router: { max_concurrent_requests: 4, request_timeout: 1, rate_limit: NO_RATE_LIMIT },
    });
    const { client } = router;
    const four = Array.from({ length: 4 }, () =>
      unaryCall(client.route.bind(client), RouteRequest.fromPartial({ query: HELLO }), {
        deadlineMs: systemClock.nowMs() + 30_000,
      }),
    );
    await eventually(() => module.held.length === 4);
    const call = client.routeMany(new Metadata());
    const results = new Map<string, RouteResult>();
    call.on('data', ({ results: batch }: RouteManyResponse) => {
      for (const result of batch) results.set(result.requestId, result);
      if (results.size === 2) module.release();
    });
    const write = (...ids: string[]): void => {
      call.write({ requests: ids.map((requestId) => RouteRequest.fromPartial({ requestId, query: HELLO })) });
    };
    write('shed-1', 'shed-2');
    await eventually(() => results.size === 2);
    write('good-1', 'good-2', 'good-3', 'good-4', 'good-5');
    call.end();
    await once(call, 'end');
    expect(results.get('shed-1')?.result).toMatchObject({
      $case: 'error',
      value: { code: 8, reason: 'OVERLOADED', retryAfter: { seconds: 1 } },
    });
    expect([...results.values()].filter(({ result }) => result?.$case === 'response')).toHaveLength(5);
    await Promise.all(four);
    await eventually(async () => (await statusOf(router)).in_flight === 0);
  }, 30_000);
});
