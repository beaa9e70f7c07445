import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { framed } from '../../bench/xds/resources.ts';
import { moduleSpecSchema } from '../../core/config/schema.ts';
import type { ModuleSpecInput, Orchestration } from '../../core/config/schema.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createIssuedIdentity } from '../../xds-control-plane/authority/issued-identity.ts';
import { encodeSnapshot, encodeType } from '../../xds-control-plane/cache/snapshot.ts';
import type { TypeSnapshot } from '../../xds-control-plane/cache/type-snapshot.ts';
import { loadCodec } from '../../xds-control-plane/protobuf/codec.ts';
import type { EncodedAny } from '../../xds-control-plane/protobuf/codec.ts';
import type { ModuleState, ModuleStates } from '../../xds-control-plane/resources/content.ts';
import { SERVER_LISTENER_PREFIX } from '../../xds-control-plane/resources/names.ts';
import { resourcesFor } from '../../xds-control-plane/resources/resources-for.ts';
import { gatewaySecrets } from '../../xds-control-plane/resources/secrets.ts';
import { sidecarContent } from '../../xds-control-plane/resources/sidecar.ts';
import { configured, replica, statesOf, view } from '../../xds-control-plane/resources/states-fixture.ts';
import { newAuthority } from '../support/new-authority.ts';
import { describeWith } from '../support/parts.ts';
import { requirePart } from '../support/require-part.ts';

/**
 * Checklist 64: whatever Frontier serves is read by Go's generated types, with no field that they do not know, passes their
 * ValidateAll() at every depth, and is the same after Go has written it and read it again.
 */

const codec = loadCodec();

interface Verdict {
  readonly typeUrl: string;
  readonly faults: readonly string[];
  readonly types: readonly string[];
}

/** Gives Go's verdict on each resource. */
async function examine(resources: readonly EncodedAny[]): Promise<readonly Verdict[]> {
  const child = spawn(requirePart('xds-validate'), [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const verdicts: Verdict[] = [];
  createInterface(child.stdout).on('line', (line) => verdicts.push(JSON.parse(line) as Verdict));
  child.stdin.end(framed(resources));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code).toBe(0);
  expect(verdicts).toHaveLength(resources.length);
  return verdicts;
}

function resourcesOf(types: Iterable<TypeSnapshot>): readonly EncodedAny[] {
  return [...types].flatMap(({ resources }) => [...resources.values()].map(({ any }) => any));
}

function served(states: ModuleStates, orchestration: Orchestration): readonly EncodedAny[] {
  return VIEWS.flatMap((kind) =>
    resourcesOf(encodeSnapshot(resourcesFor(states, orchestration, kind), codec).values()),
  );
}

const VIEWS = ['gateway', 'proxyless'] as const;

const EVERYTHING = configured({
  mesh: {
    fault_injection: true,
    edge: {
      compression: { algorithms: ['gzip', 'brotli', 'zstd'] },
      access_log: { requests: 'all', file: '/var/log/edge.json' },
      rate_limit: { requests_per_second: 0.5, burst: 3 },
      jwt: { issuer: 'https://issuer.example', audiences: ['frontier'], jwks: '{"keys":[]}', forward: true },
      rbac: [
        { name: 'inside', paths: ['/api/'], cidrs: ['10.0.0.0/8', '2001:db8::/32'], claims: { team: ['a', 'b'] } },
      ],
      max_connection_duration: 3_600,
    },
  },
  network: { cors_origins: ['https://app.example'] },
  telemetry: { otlp_endpoint: 'http://127.0.0.1:4317' },
});

const SPECIAL: readonly Partial<ModuleSpecInput>[] = [
  { load_balancing: { policy: 'ring_hash', session_header: 'x-frontier-tenant', primary_zones: ['a'] } },
  {
    load_balancing: { policy: 'weighted_by_load', slow_start: 30, load_reports: { blackout: 0, update_interval: 0.1 } },
  },
  { health_check: {}, outlier_detection: { consecutive_gateway_failures: 2, success_rate: {} } },
  { retry: { attempts: 3, on: ['unavailable', 'reset'], per_try_timeout: 0.5, budget: { percent: 10 } } },
  { traffic: { split: [{ module: 'm0', percent: 12.5 }], mirror: [{ module: 'm1', percent: 1 }], ramp: {} } },
  { timeouts: { max_connection_duration: 60 } },
];

/** Specifications as an author may write them; those that the configuration refuses are left out. */
const spec: fc.Arbitrary<Partial<ModuleSpecInput>> = fc
  .record(
    {
      load_balancing: fc.record(
        {
          policy: fc.constantFrom('least_request', 'round_robin', 'ring_hash', 'weighted_by_load'),
          slow_start: fc.double({ min: 0.001, max: 600, noNaN: true }),
          panic_threshold: fc.double({ min: 0, max: 100, noNaN: true }),
          primary_zones: fc.oneof(fc.constant('local'), fc.uniqueArray(fc.constantFrom('a', 'b', 'c'))),
        },
        { requiredKeys: [] },
      ),
      outlier_detection: fc.record(
        {
          consecutive_failures: fc.integer({ min: 1, max: 1_000 }),
          interval: fc.double({ min: 0.001, max: 600, noNaN: true }),
          base_ejection_time: fc.double({ min: 0.001, max: 100, noNaN: true }),
          max_ejection_percent: fc.integer({ min: 0, max: 100 }),
          success_rate: fc.record({ deviations: fc.double({ min: 0, max: 10, noNaN: true }) }, { requiredKeys: [] }),
        },
        { requiredKeys: [] },
      ),
      health_check: fc.record({ interval: fc.double({ min: 0.001, max: 600, noNaN: true }) }, { requiredKeys: [] }),
      retry: fc.record(
        {
          attempts: fc.integer({ min: 0, max: 10 }),
          on: fc.uniqueArray(fc.constantFrom('connect-failure', 'reset', 'internal', 'deadline-exceeded'), {
            minLength: 1,
          }),
          per_try_timeout: fc.double({ min: 0.000_001, max: 600, noNaN: true }),
          back_off: fc.double({ min: 0.000_001, max: 60, noNaN: true }),
          budget: fc.record({ percent: fc.double({ min: 0, max: 100, noNaN: true }) }, { requiredKeys: [] }),
        },
        { requiredKeys: [] },
      ),
      in_flight_limits: fc.record(
        { max_requests: fc.integer({ min: 1, max: 10_000 }), max_retries: fc.integer({ min: 1, max: 100 }) },
        { requiredKeys: [] },
      ),
      timeouts: fc.record(
        {
          connect: fc.double({ min: 0.000_001, max: 600, noNaN: true }),
          max_connection_duration: fc.double({ min: 0.000_001, max: 600, noNaN: true }),
        },
        { requiredKeys: [] },
      ),
      traffic: fc.record(
        {
          split: fc.array(
            fc.record({
              module: fc.constantFrom('m0', 'm1', 'gone'),
              percent: fc.double({ min: 0, max: 100, noNaN: true }),
            }),
            { maxLength: 2 },
          ),
          mirror: fc.array(
            fc.record({ module: fc.constantFrom('m0', 'm1'), percent: fc.double({ min: 0, max: 100, noNaN: true }) }),
            { maxLength: 1 },
          ),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  )
  .filter((written) => moduleSpecSchema.safeParse({ module_id: 'm', ...written }).success);

const state = fc.record({
  spec,
  replicas: fc.array(
    fc.record({
      port: fc.integer({ min: 1, max: 65_535 }),
      state: fc.constantFrom('READY' as const, 'DRAINING' as const, 'STARTING' as const),
      zone: fc.constantFrom('', 'a', 'b'),
      weight: fc.integer({ min: 1, max: 1_000 }),
    }),
    { maxLength: 4 },
  ),
  breakerOpen: fc.boolean(),
  shareFactor: fc.double({ min: 0, max: 1, noNaN: true }),
});

const states = fc.array(state, { maxLength: 3 }).map((all): readonly ModuleState[] =>
  all.map(({ spec: written, replicas, ...mesh }, index) => {
    const made = replicas.map(({ port, state: replicaState, zone, weight }) =>
      replica(port, replicaState, { zone, weight }),
    );
    return { ...view(`m${index}`, made, written), mesh };
  }),
);

describeWith('xds-validate', 'what is served, as Go reads it', () => {
  let everything: readonly EncodedAny[];
  let secrets: readonly EncodedAny[];

  beforeAll(async () => {
    const authority = await newAuthority();
    const spiffeId = 'spiffe://frontier.local/ns/default/gateway/edge-1';
    const identity = await createIssuedIdentity({ authority, spiffeId, clock: systemClock, log: silentLogger });
    identity.close();
    secrets = resourcesOf([encodeType('secrets', gatewaySecrets(identity.current()), codec)]);
    const ready = [replica(1, 'READY', { zone: 'a' }), replica(2, 'READY', { zone: 'b' }), replica(3, 'DRAINING')];
    const views = SPECIAL.map((written, index) => view(`m${index}`, ready, written));
    const sidecar = sidecarContent([`${SERVER_LISTENER_PREFIX}0.0.0.0:50055`], EVERYTHING);
    everything = [...served(statesOf(...views), EVERYTHING), ...resourcesOf(encodeSnapshot(sidecar, codec).values())];
  });

  test('with every feature on, nothing is wrong in any view, secrets included', async () => {
    const verdicts = await examine([...everything, ...secrets]);
    expect(verdicts.filter(({ faults }) => faults.length > 0)).toEqual([]);
    const types = new Set(verdicts.flatMap((verdict) => verdict.types.map((name) => name.split('.').at(-1))));
    // What is looked at includes what stands inside the Any messages of others.
    for (const name of [
      'Cluster',
      'ClusterLoadAssignment',
      'Listener',
      'RouteConfiguration',
      'Secret',
      'RBAC',
      'DownstreamTlsContext',
    ]) {
      expect(types).toContain(name);
    }
    expect([...types].length).toBeGreaterThan(20);
  });

  test('whatever specifications and states there are', async () => {
    const seen = new Map<string, EncodedAny>();
    fc.assert(
      fc.property(states, (views) => {
        for (const any of served(statesOf(...views), EVERYTHING)) seen.set(any.value.toString('base64'), any);
      }),
      { numRuns: 150 },
    );
    const resources = [...seen.values()];
    expect(resources.length).toBeGreaterThan(300);
    const verdicts = await examine(resources);
    const wrong = verdicts.flatMap(({ faults }, index) =>
      faults.length === 0 ? [] : [{ faults, content: codec.decode(resources[index]!) }],
    );
    expect(wrong).toEqual([]);
  }, 120_000);

  test('what is wrong is seen: a broken rule, a type and a field that nobody knows, at any depth', async () => {
    const good = everything.find(({ type_url }) => type_url.endsWith('Cluster'))!;
    const route = everything.find(({ type_url }) => type_url.endsWith('RouteConfiguration'))!;
    const [rule, type, field] = await examine([
      codec.encode(good.type_url, { name: '', type: 'EDS' }),
      { type_url: 'type.googleapis.com/envoy.config.cluster.v3.Clutter', value: good.value },
      // Field 4000, a varint.
      { ...route, value: Buffer.concat([route.value, Buffer.from([0x80, 0xfa, 0x01, 0x01])]) },
    ]);
    expect(rule?.faults.join()).toContain('Name');
    expect(type?.faults.join()).toContain('not found');
    expect(field?.faults.join()).toContain('has fields that are not known');
  });
});
