import { beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { meshClientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { fromStatus } from '../../core/grpc/status.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { silentLogger } from '../../core/logging.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { createSeededRng } from '../../core/rng.ts';
import { meshId } from '../../core/service/service-identity.ts';
import { ControlPlaneServiceClient } from '../../gen/frontier/mesh/v1/status.ts';
import { startMeshReports } from '../../router/mesh-report-client.ts';
import type { MeshReports } from '../../router/mesh-report-client.ts';
import { isModulesFault } from '../../router/execute/attempt-failure.ts';
import { createModuleBoard } from '../../router/resilience/module-board.ts';
import type { ModuleBoard } from '../../router/resilience/module-board.ts';
import { moduleReports } from '../../router/resilience/module-reports.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';
import { startReplica } from './replica.ts';

/** A router's breakers and what it has learned, on their way through the control plane to the Envoys of all routers. */
let world: MeshWorld;
let envoys: readonly RunningEnvoy[];
let shown: readonly ModuleView[];

const LEASE_SECONDS = 1;
const OPEN_SECONDS = 2;

beforeAll(async () => {
  world = await startMeshWorld({
    mesh: { shared_breakers: { lease: LEASE_SECONDS } },
    fallback: { circuit_breaker: { open_duration: OPEN_SECONDS, failure_threshold: 3 } },
  });
  const [alpha, next] = [await startReplica(world, 'alpha', 'alpha'), await startReplica(world, 'next', 'next')];
  shown = [
    moduleAt('alpha', [alpha.port]),
    moduleAt('next', [next.port]),
    moduleAt('old', [alpha.port], { spec: { traffic: { split: [{ module: 'next', percent: 50 }] } } }),
  ];
  world.show(...shown);
  // Both listen on one port; the kernel shares connections out among them.
  envoys = [await world.startEnvoy('edge-1'), await world.startEnvoy('edge-2')];
}, 60_000);

interface Router {
  readonly board: ModuleBoard;
  readonly reports: MeshReports;
}

async function startRouter(name: string): Promise<Router> {
  const identity = await world.join('service', 'router', name);
  const board = createModuleBoard({
    clock: systemClock,
    rng: createSeededRng(1),
    fallback: world.config.orchestration.fallback,
    onBreakerChange: () => {
      reports.changed();
    },
  });
  board.applyViews(new Map(shown.map((view) => [view.moduleId, view])));
  const reports = startMeshReports({
    address: `127.0.0.1:${world.controlPlane.port}`,
    credentials: channelCredentials(identity, { expect: [meshId(world.config, 'service', 'control-plane')] }),
    reporter: name,
    clock: systemClock,
    log: silentLogger,
    reports: () => moduleReports(board.records(), systemClock.monotonicMs()),
  });
  onCleanup(() => {
    reports.close();
    return Promise.resolve();
  });
  return { board, reports };
}

const BROKEN = new FrontierError('MODULE_FAILED', 'broken');

function outcomes({ board }: Router, moduleId: string, count: number, accepted: boolean): void {
  for (let each = 0; each < count; each += 1) {
    board.begin(moduleId);
    if (accepted) board.end(moduleId, 'GENERAL', { kind: 'answered', accepted, confidence: 0.9, latencyMs: 1 });
    else board.end(moduleId, 'GENERAL', { kind: 'failed', modulesFault: true, latencyMs: 1, error: BROKEN });
  }
}

/** How calls to a module end, each over a connection of its own. */
async function answers(moduleId: string, count = 20): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = world.dial(moduleId);
      try {
        return await client.say('x');
      } catch (error) {
        const failure = fromStatus(error);
        expect(isModulesFault(failure)).toBe(failure.reason !== 'BREAKER_OPEN');
        return failure.reason;
      } finally {
        client.close();
      }
    }),
  );
}

const only = async (moduleId: string, expected: string): Promise<boolean> =>
  (await answers(moduleId)).every((answer) => answer === expected);

/** Whether an Envoy's routes refuse calls to a module. */
async function refuses(envoy: RunningEnvoy): Promise<boolean> {
  return (await envoy.admin('/config_dump?resource=dynamic_route_configs')).includes('direct_response');
}

test("one router's open breaker has every Envoy refuse calls at once, until probes may pass", async () => {
  await eventually(() => only('alpha', 'alpha'), { what: 'alpha' });
  const router = await startRouter('router-1');
  outcomes(router, 'alpha', 3, false);
  await eventually(async () => (await Promise.all(envoys.map(refuses))).every(Boolean), {
    what: 'both Envoys',
    everyMs: 5,
  });
  expect(await only('alpha', 'BREAKER_OPEN')).toBe(true);
  // Its time passes, and calls go through again: whoever comes first is the probe.
  await eventually(() => only('alpha', 'alpha'), { what: 'probes to pass' });
  router.reports.close();
});

test('a breaker that closes is told at once', async () => {
  const router = await startRouter('router-2');
  outcomes(router, 'alpha', 3, false);
  await eventually(() => only('alpha', 'BREAKER_OPEN'), { what: 'refusals', everyMs: 5 });
  await eventually(() => router.board.begin('alpha'), { what: 'the probe' });
  router.board.end('alpha', 'GENERAL', { kind: 'answered', accepted: true, confidence: 1, latencyMs: 1 });
  expect(router.board.record('alpha')?.breaker.phase).toBe('CLOSED');
  await eventually(() => only('alpha', 'alpha'), { what: 'calls to pass' });
  router.reports.close();
});

test('50 openings: the time from one router to the Envoys of all is printed', async () => {
  const router = await startRouter('router-timed');
  // Connections of their own, shared out between both Envoys.
  const clients = Array.from({ length: 10 }, () => world.dial('alpha'));
  const say = async (client: (typeof clients)[number]): Promise<string> =>
    client.say('x').catch((error: unknown) => fromStatus(error).reason);
  const allSay = (expected: string): Promise<unknown> =>
    eventually(async () => (await Promise.all(clients.map(say))).every((answer) => answer === expected), {
      what: expected,
      everyMs: 1,
    });
  await allSay('alpha');
  const took: number[] = [];
  for (let each = 0; each < 50; each += 1) {
    const startMs = systemClock.monotonicMs();
    router.board.setBreaker('alpha', 'open');
    await allSay('BREAKER_OPEN');
    took.push(systemClock.monotonicMs() - startMs);
    router.board.setBreaker('alpha', 'closed');
    await allSay('alpha');
  }
  took.sort((a, b) => a - b);
  const [median = 0, longest = 0] = [took[24], took[49]];
  process.stderr.write(
    `shared breakers: p50 ${median.toFixed(0)} ms, longest ${longest.toFixed(0)} ms of ${took.length}\n`,
  );
  expect(took).toHaveLength(50);
  router.reports.close();
}, 120_000);

test('the word of a router that dies expires with its lease, long before its breaker would have closed', async () => {
  const identity = await world.join('service', 'router', 'dying');
  const client = new ControlPlaneServiceClient(
    `127.0.0.1:${world.controlPlane.port}`,
    channelCredentials(identity, { expect: [meshId(world.config, 'service', 'control-plane')] }),
    meshClientOptions(),
  );
  const modules = [{ moduleId: 'alpha', breakerOpenFor: { seconds: 3_600, nanos: 0 }, breakerCopied: false }];
  const { lease } = await unaryCall(client.reportModules.bind(client), { reporter: 'dying', modules });
  client.close();
  expect(lease?.seconds).toBe(LEASE_SECONDS);
  await eventually(() => only('alpha', 'BREAKER_OPEN'), { what: 'refusals', everyMs: 5 });
  await eventually(() => only('alpha', 'alpha'), { what: 'the lease to be over' });
});

test('a weight that one router has learned moves the share of a version at every Envoy', async () => {
  const router = await startRouter('router-3');
  outcomes(router, 'old', 40, true);
  for (let each = 0; each < 40; each += 1) {
    router.board.begin('next');
    router.board.end('next', 'GENERAL', { kind: 'answered', accepted: each % 10 === 0, confidence: 0.2, latencyMs: 1 });
  }
  const weights = async (envoy: RunningEnvoy): Promise<readonly number[]> => {
    const page = await envoy.admin('/config_dump?resource=dynamic_route_configs');
    return [...page.matchAll(/"weight": (\d+)/g)].map(([, weight]) => Number(weight));
  };
  await eventually(
    async () => (await Promise.all(envoys.map(weights))).every(([old, next]) => old === 5_000 && (next ?? 0) < 1_500),
    { what: 'the weights at both Envoys' },
  );
  router.reports.close();
});

test('a module may not report, and a report without sense is refused with the field at fault', async () => {
  const reportAs = async (kind: 'module' | 'service', name: string, weight: number): Promise<unknown> => {
    const credentials = channelCredentials(await world.join(kind, name, 'reporting'), {
      expect: [meshId(world.config, 'service', 'control-plane')],
    });
    const client = new ControlPlaneServiceClient(
      `127.0.0.1:${world.controlPlane.port}`,
      credentials,
      meshClientOptions(),
    );
    try {
      const modules = [{ moduleId: 'alpha', breakerOpenFor: undefined, weight, breakerCopied: false }];
      return await unaryCall(client.reportModules.bind(client), { reporter: 'r', modules });
    } finally {
      client.close();
    }
  };
  await expect(reportAs('module', 'alpha', 1)).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  await expect(reportAs('service', 'router', NaN)).rejects.toMatchObject({
    reason: 'INVALID_FIELD',
    metadata: { field: 'modules[0].weight' },
  });
});
