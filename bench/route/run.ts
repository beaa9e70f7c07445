import { credentials, Metadata } from '@grpc/grpc-js';
import path from 'node:path';
import type { RouteManyResponse, RouteRequest } from '../../gen/frontier/router/v1/router.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { systemClock } from '../../core/clock.ts';
import { clientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { silentLogger } from '../../core/logging.ts';
import { startProcess } from '../../core/process/supervised-process.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import type { LoadResult } from '../load/closed-loop.ts';
import { REQUEST } from './fixtures.ts';

export interface RouteBenchOptions {
  readonly concurrencies: readonly number[];
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Queries in one message of RouteMany. */
  readonly batchSize: number;
  /** Messages of RouteMany that are unanswered at any time. */
  readonly batchesInFlight: number;
  /** Redis that a second router shares its state through; without it there is none. */
  readonly redisUrl: string | undefined;
  /** Told what is being measured. */
  readonly onProgress: (text: string) => void;
}

export interface RouteBenchResult {
  readonly bench: 'route';
  /** At the middle concurrency: requests a second against each baseline's. */
  readonly ratios: {
    readonly route_vs_echo: number;
    readonly route_vs_two_hop: number;
    readonly redis_vs_memory?: number;
  };
  readonly figures: Readonly<Record<string, number>>;
}

type Target = 'echo' | 'two_hop' | 'route' | 'route_redis';

const GRACE_MS = 2_000;

/** Measures Route and RouteMany with an instant module, and the baselines, in one run. Ends all that it starts. */
export async function benchRoute(options: RouteBenchOptions): Promise<RouteBenchResult> {
  const stops: (() => Promise<void>)[] = [];
  const start = async (name: string, args: readonly string[] = []): Promise<string> => {
    const child = startServerProcess(name, args);
    stops.push(() => child.stop(GRACE_MS));
    const { grpc } = await child.ready;
    return `127.0.0.1:${grpc ?? 0}`;
  };
  try {
    const sidecar = await start('instant-sidecar');
    const targets = {
      echo: await start('echo'),
      two_hop: await start('two-hop', [sidecar]),
      route: await start('router', [sidecar]),
      ...(options.redisUrl === undefined ? {} : { route_redis: await start('router', [sidecar, options.redisUrl]) }),
    };
    const figures: Record<string, number> = {};
    for (const concurrency of options.concurrencies) {
      for (const [target, address] of Object.entries(targets)) {
        options.onProgress(`${target} at concurrency ${concurrency}`);
        record(figures, `${target}_c${concurrency}`, await measureUnary(address, concurrency, options));
      }
    }
    options.onProgress('route_many');
    figures['route_many_per_s'] = round(await measureMany(targets.route, options));
    return { bench: 'route', ratios: ratiosOf(figures, options.concurrencies), figures };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function startServerProcess(name: string, args: readonly string[]): ReturnType<typeof startProcess> {
  return startProcess({
    name,
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'servers', `${name}.ts`), ...args],
    env: process.env,
    cwd: path.join(import.meta.dirname, '..', '..'),
    ipc: true,
    log: silentLogger,
    clock: systemClock,
  });
}

function openClient(address: string): RouterServiceClient {
  return new RouterServiceClient(address, credentials.createInsecure(), clientOptions());
}

async function measureUnary(address: string, concurrency: number, options: RouteBenchOptions): Promise<LoadResult> {
  const client = openClient(address);
  try {
    return await runClosedLoop({
      ...options,
      concurrency,
      call: async () => {
        const { content } = await unaryCall(client.route.bind(client), REQUEST);
        if (content === '') throw new Error(`${address} gave an empty answer`);
      },
    });
  } finally {
    client.close();
  }
}

/** Gives routes a second over one bidirectional stream that always has `batchesInFlight` messages under way. */
function measureMany(address: string, options: RouteBenchOptions): Promise<number> {
  const { batchSize, batchesInFlight, warmupMs, measureMs } = options;
  const client = openClient(address);
  const call = client.routeMany(new Metadata());
  const fromMs = performance.now() + warmupMs;
  const untilMs = fromMs + measureMs;
  let nextId = 0;
  let unanswered = 0;
  let measured = 0;
  const send = (): void => {
    const requests = Array.from({ length: batchSize }, (): RouteRequest => ({
      ...REQUEST,
      requestId: String(nextId++),
    }));
    unanswered += batchSize;
    call.write({ requests });
  };
  return new Promise<number>((resolve, reject) => {
    call.on('error', reject);
    call.on('data', ({ results }: RouteManyResponse) => {
      const failed = results.find(({ result }) => result?.$case !== 'response');
      if (failed !== undefined) call.destroy(new Error(`a route failed: ${JSON.stringify(failed.result)}`));
      const nowMs = performance.now();
      if (nowMs >= fromMs && nowMs <= untilMs) measured += results.length;
      unanswered -= results.length;
      if (nowMs < untilMs) {
        while (unanswered <= batchSize * (batchesInFlight - 1)) send();
      } else if (unanswered === 0) call.end();
    });
    call.on('end', () => {
      resolve(measured / (measureMs / 1000));
    });
    for (let batch = 0; batch < batchesInFlight; batch++) send();
  }).finally(() => {
    client.close();
  });
}

function record(figures: Record<string, number>, name: string, { perSecond, p50Ms, p99Ms }: LoadResult): void {
  figures[`${name}_per_s`] = round(perSecond);
  figures[`${name}_p50_ms`] = round(p50Ms, 3);
  figures[`${name}_p99_ms`] = round(p99Ms, 3);
}

function ratiosOf(
  figures: Readonly<Record<string, number>>,
  concurrencies: readonly number[],
): RouteBenchResult['ratios'] {
  const middle = concurrencies[Math.floor(concurrencies.length / 2)] ?? 0;
  const perSecond = (target: Target): number => figures[`${target}_c${middle}_per_s`] ?? Number.NaN;
  const withRedis = perSecond('route_redis');
  return {
    route_vs_echo: round(perSecond('route') / perSecond('echo'), 3),
    route_vs_two_hop: round(perSecond('route') / perSecond('two_hop'), 3),
    ...(Number.isNaN(withRedis) ? {} : { redis_vs_memory: round(withRedis / perSecond('route'), 3) }),
  };
}

function round(value: number, digits = 0): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
