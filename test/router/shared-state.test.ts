import { Writable } from 'node:stream';
import { beforeEach, expect, it } from '@jest/globals';
import { FrontierError } from '../../core/errors.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { createLogger } from '../../core/logging.ts';
import { RouteRequest, type RouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get, post, type RouteAnswer } from '../support/http-api.ts';
import { describeWith } from '../support/parts.ts';
import { startRedis, startRedisCluster, type RunningRedis } from '../support/redis.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';
const IDS = ['router-a', 'router-b', 'router-c'];
/** Routers agree within this time, in milliseconds. */
const AGREE = { timeoutMs: 1_000, everyMs: 10 };

interface Watched extends TestRouter {
  readonly events: () => string[];
}

async function startRouters(redis: object, settings: object = {}): Promise<Watched[]> {
  const routers: Watched[] = [];
  for (const routerId of IDS) {
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const log = createLogger({ service: 'router', level: 'info', destination });
    const storage = { type: 'redis', redis };
    const router = await startTestRouter(fiveModules(), { storage, ...settings }, { routerId, log });
    const events = (): string[] => lines.map((line) => (JSON.parse(line) as { event: string }).event);
    routers.push({ ...router, events });
  }
  return routers;
}

const route = ({ client }: TestRouter, fields: Parameters<typeof RouteRequest.fromPartial>[0] = {}) =>
  unaryCall<RouteRequest, RouteResponse>(
    client.route.bind(client),
    RouteRequest.fromPartial({ query: CODE, ...fields }),
  );

interface Statistics {
  readonly module_id: string;
  readonly breaker: { readonly state: string };
  readonly classes: Readonly<
    Record<
      string,
      {
        readonly outcomes: number;
        readonly attempts: number;
        readonly calibration?: { readonly judgements: number };
      }
    >
  >;
}

async function statisticsOf({ url }: TestRouter): Promise<Statistics> {
  const { body } = await get<{ modules: Statistics[] }>(`${url}/fallback/stats`);
  return body.modules.find(({ module_id }) => module_id === 'web-development')!;
}

const outcomesOf = async (router: TestRouter): Promise<number> =>
  (await statisticsOf(router)).classes['CODE_GENERATION']?.outcomes ?? 0;
const judgementsOf = async (router: TestRouter): Promise<number> =>
  (await statisticsOf(router)).classes['CODE_GENERATION']?.calibration?.judgements ?? 0;
const attemptsOf = async (router: TestRouter): Promise<number> =>
  (await statisticsOf(router)).classes['CODE_GENERATION']?.attempts ?? 0;
const stateOf = async (router: TestRouter): Promise<string> => (await statisticsOf(router)).breaker.state;

const break_ = (router: TestRouter): void => {
  router.sidecar('web-development').behaviour = {
    answer: () => Promise.reject(new FrontierError('MODULE_FAILED', 'broken')),
  };
};

/** Waits until all routers say the same. */
async function allSay<T>(routers: readonly TestRouter[], read: (router: TestRouter) => Promise<T>, expected: T) {
  await eventually(
    async () => {
      expect(await Promise.all(routers.map(read))).toEqual(routers.map(() => expected));
      return true;
    },
    { ...AGREE, what: `all routers to say ${String(expected)}` },
  );
}

describeWith('redis', 'three routers over one Redis', () => {
  let redis: RunningRedis;
  beforeEach(async () => {
    redis = await startRedis();
  });

  it('agree on a breaker within a second, when it opens and when it closes', async () => {
    const routers = await startRouters({ url: redis.url }, { fallback: { circuit_breaker: { open_duration: 1 } } });
    const [a, b] = routers as [Watched, Watched];
    break_(a);
    for (let count = 0; count < 5; count += 1) await route(a);
    expect(await stateOf(a)).toBe('OPEN');
    await allSay(routers, stateOf, 'OPEN');
    expect((await route(b)).moduleUsed).toBe('foundation');
    a.sidecar('web-development').behaviour = answering('web-development');
    await eventually(async () => (await route(b)).moduleUsed === 'web-development', { what: 'a probe' });
    await allSay(routers, stateOf, 'CLOSED');
  });

  it('plan by what all of them have seen', async () => {
    const routers = await startRouters({ url: redis.url });
    for (const [index, router] of routers.entries())
      for (let count = 0; count <= index; count += 1) await route(router);
    await allSay(routers, outcomesOf, 6);
  });

  it('judge answers by what users have told any of them, and count what all of them have tried', async () => {
    const routers = await startRouters({ url: redis.url });
    const [a, b, c] = routers as [Watched, Watched, Watched];
    for (let count = 0; count < 60; count += 1) {
      const { metadata } = await route(count % 2 === 0 ? a : b);
      const judge = { requestId: metadata!.requestId, rating: 0, comment: '', userId: '' };
      const { client } = count % 2 === 0 ? a : b;
      await unaryCall(client.submitFeedback.bind(client), judge);
    }
    await allSay(routers, judgementsOf, 60);
    await allSay(routers, attemptsOf, 60);
    const { confidenceScore, metadata } = await route(c, { moduleId: 'web-development' });
    expect(metadata?.confidence?.rawScore).toBeCloseTo(0.9);
    expect(confidenceScore).toBeLessThan(0.6);
    const { body } = await get<{ scope: object }>(`${c.url}/fallback/stats`);
    expect(body.scope).toMatchObject({ of: 'all_routers', up_to_date: true });
  });

  it('together let a user send what one would', async () => {
    const rate = { requests_per_second: 0.001, burst: 10 };
    const routers = await startRouters({ url: redis.url }, { router: { rate_limit: rate } });
    const [a, b] = routers as [Watched, Watched];
    const ask = async (router: TestRouter, user: string): Promise<number> =>
      (await post<RouteAnswer>(`${router.url}/api/v1/route`, { query: CODE, user_id: user })).status;
    for (let count = 0; count < 6; count += 1) expect(await ask(a, 'ann')).toBe(200);
    for (let count = 0; count < 4; count += 1) expect(await ask(b, 'ann')).toBe(200);
    for (const router of routers) await eventually(async () => (await ask(router, 'ann')) === 429, AGREE);
    expect(await ask(a, 'ben')).toBe(200);
    expect(await redis.cli('--scan')).not.toContain('ann');
  });

  it('lose no request and no state when Redis is killed, and merge when it is back', async () => {
    const unlimited = { requests_per_second: 1e6, burst: 1e6 };
    const routers = await startRouters({ url: redis.url }, { router: { rate_limit: unlimited } });
    let answered = 0;
    let on = true;
    const load = Promise.all(
      routers.map(async (router) => {
        while (on) {
          expect((await route(router, { query: 'What is the capital of France?' })).moduleUsed).toBe('foundation');
          answered += 1;
        }
      }),
    );
    const answeredMore = async (): Promise<void> => {
      const before = answered;
      await eventually(() => answered >= before + 30, { what: 'answers' });
    };
    await answeredMore();
    await redis.kill();
    await eventually(() => routers.every(({ events }) => events().includes('shared_state_away')));
    await answeredMore();
    const [a, , c] = routers as [Watched, Watched, Watched];
    for (let count = 0; count < 3; count += 1) await route(c);
    break_(a);
    for (let count = 0; count < 5; count += 1) await route(a);
    expect(await Promise.all(routers.map(stateOf))).toEqual(['OPEN', 'CLOSED', 'CLOSED']);
    await redis.revive();
    await eventually(() => routers.every(({ events }) => events().includes('shared_state_back')));
    await allSay(routers, stateOf, 'OPEN');
    await allSay(routers, outcomesOf, 8);
    await answeredMore();
    on = false;
    await load;
    for (const { events } of routers) {
      expect(events().filter((event) => event === 'shared_state_away')).toHaveLength(1);
      expect(events().filter((event) => event === 'shared_state_back')).toHaveLength(1);
    }
  });

  it('are not held up by a Redis that hangs', async () => {
    const [a] = (await startRouters({ url: redis.url, command_timeout: 5 })) as [Watched];
    redis.part.child.kill('SIGSTOP');
    try {
      for (let count = 0; count < 20; count += 1) expect((await route(a)).moduleUsed).toBe('web-development');
    } finally {
      redis.part.child.kill('SIGCONT');
    }
  });
});

describeWith('redis', 'three routers over a Redis Cluster', () => {
  it('agree within a second', async () => {
    const cluster = await startRedisCluster();
    const routers = await startRouters({ cluster: { nodes: cluster.addresses } });
    break_(routers[1]!);
    for (let count = 0; count < 5; count += 1) await route(routers[1]!);
    await allSay(routers, stateOf, 'OPEN');
  });
});
