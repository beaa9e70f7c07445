import { describe, expect, test } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import fc from 'fast-check';
import { fromStatus } from '../../core/grpc/status.ts';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import type { MeshState, ModuleState } from './content.ts';
import { gatewayEndpoints, proxylessEndpoints } from './endpoints.ts';
import { resourcesFor } from './resources-for.ts';
import { sharesOf } from './shares.ts';
import { configured, replica, statesOf, view } from './states-fixture.ts';

type Traffic = NonNullable<ModuleSpecInput['traffic']>;

function ready(id: string, traffic: Traffic = {}, mesh: MeshState = {}): ModuleState {
  return { ...view(id, [replica(1, 'READY')], { traffic }), mesh };
}

function shares(...states: readonly ModuleState[]): Record<string, number> {
  const [main] = states;
  return Object.fromEntries(sharesOf(main!, statesOf(...states)).map(({ moduleId, weight }) => [moduleId, weight]));
}

const canary = (percent: number): Traffic => ({ split: [{ module: 'b', percent }] });

describe('shares of a split', () => {
  test.each<[string, readonly ModuleState[], Record<string, number>]>([
    ['as configured, in hundredths of a percent', [ready('a', canary(12.5)), ready('b')], { a: 8750, b: 1250 }],
    ['all of it', [ready('a', canary(100)), ready('b')], { b: 10_000 }],
    ['none of it', [ready('a', canary(0)), ready('b')], { a: 10_000 }],
    ['the smallest there is', [ready('a', canary(0.0001)), ready('b')], { a: 10_000, b: 1 }],
    ['a version without ready replica gets none', [ready('a', canary(50)), view('b')], { a: 5000 }],
    ['a version that nobody knows gets none', [ready('a', canary(50))], { a: 10_000 }],
    [
      'without replica itself, all goes to the version that has one',
      [{ ...ready('a', canary(50)), replicas: [] }, ready('b')],
      { b: 5000 },
    ],
    [
      'an open breaker takes a version out',
      [ready('a', canary(50)), ready('b', {}, { breakerOpen: true })],
      { a: 5000 },
    ],
    [
      'an open breaker of the module itself gives all to the other',
      [ready('a', canary(1), { breakerOpen: true }), ready('b')],
      { b: 100 },
    ],
    [
      'every breaker open: nobody',
      [ready('a', canary(1), { breakerOpen: true }), ready('b', {}, { breakerOpen: true })],
      {},
    ],
    [
      'a learned weight makes a share smaller',
      [ready('a', canary(50)), ready('b', {}, { shareFactor: 0.5 })],
      { a: 5000, b: 2500 },
    ],
    ['a ramp goes by its step', [ready('a', canary(50), { rampPercent: 5 }), ready('b')], { a: 9500, b: 500 }],
    ['a ramp never passes its end', [ready('a', canary(50), { rampPercent: 80 }), ready('b')], { a: 5000, b: 5000 }],
    ['nothing left but what was to get nothing', [ready('a', canary(0), { breakerOpen: true }), ready('b')], { b: 1 }],
  ])('%s', (_, states, expected) => {
    expect(shares(...states)).toEqual(expected);
  });

  test('weights are whole numbers of at least 1, and somebody gets calls unless every breaker is open', () => {
    const module = fc.record({
      percent: fc.double({ min: 0, max: 50, noNaN: true }),
      replicas: fc.boolean(),
      breakerOpen: fc.boolean(),
      shareFactor: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(module, module, module, (a, b, c) => {
        const split = [
          { module: 'b', percent: b.percent },
          { module: 'c', percent: c.percent },
        ];
        const state = (
          id: string,
          { replicas, percent: _, ...mesh }: typeof a,
          traffic: Traffic = {},
        ): ModuleState => ({
          ...view(id, replicas ? [replica(1, 'READY')] : [], { traffic }),
          mesh,
        });
        const all = [state('a', a, { split }), state('b', b), state('c', c)];
        const result = sharesOf(all[0]!, statesOf(...all));
        expect(result.every(({ weight }) => Number.isInteger(weight) && weight >= 1)).toBe(true);
        expect(result.length > 0).toBe(!(a.breakerOpen && b.breakerOpen && c.breakerOpen));
      }),
    );
  });
});

const meshHost = (id: string, ...states: readonly ModuleState[]): unknown =>
  resourcesFor(statesOf(...states), configured(), 'gateway')
    .routes.find(({ name }) => name === 'mesh')
    ?.virtual_hosts?.find(({ name }) => name === id);

test('a module with an open breaker is refused at once by Envoy, with the reason; proxyless clients see for themselves', () => {
  const open = ready('a', {}, { breakerOpen: true });
  const host = meshHost('a', open) as {
    routes: [{ response_headers_to_add: [{ header: { key: string; value: string } }] }];
  };
  expect(host).toMatchObject({ routes: [{ direct_response: { status: 503 } }] });
  const { key, value } = host.routes[0].response_headers_to_add[0].header;
  const metadata = Metadata.fromHttp2Headers({ [key]: value });
  const refusal = Object.assign(new Error('refused'), { code: 14, details: 'refused', metadata });
  expect(fromStatus(refusal)).toMatchObject({ reason: 'BREAKER_OPEN', metadata: { module_id: 'a' } });
  expect(proxylessEndpoints(open, '').endpoints).toHaveLength(1);
  expect(gatewayEndpoints(open, '').endpoints).toHaveLength(1);
});

test('calls are copied to a mirror that can take them, and to no other', () => {
  const mirror = { mirror: [{ module: 'b', percent: 25 }] };
  expect(meshHost('a', ready('a', mirror), ready('b'))).toMatchObject({
    routes: [
      {
        route: {
          cluster: 'module/a',
          request_mirror_policies: [
            {
              cluster: 'module/b',
              runtime_fraction: { default_value: { numerator: 250_000, denominator: 'MILLION' } },
            },
          ],
        },
      },
    ],
  });
  expect(JSON.stringify(meshHost('a', ready('a', mirror), view('b')))).not.toContain('module/b');
});

function prioritiesOf(primaryZones: 'local' | string[] | undefined, own: string, zones: readonly string[]): unknown {
  const spec = primaryZones === undefined ? {} : { load_balancing: { primary_zones: primaryZones } };
  const replicas = zones.map((zone, index) => replica(index + 1, 'READY', { zone }));
  const { endpoints } = gatewayEndpoints(view('m', replicas, spec), own);
  return endpoints?.map(({ locality, priority }) => [locality?.zone, priority ?? 0]);
}

test.each<[string, 'local' | string[] | undefined, string, number[]]>([
  ['its own zone is first', 'local', 'q', [1, 0]],
  ['so it is when nothing is configured', undefined, 'o', [0, 1]],
  ['one that has named no zone takes them all the same', 'local', '', [0, 0]],
  ['one in a zone without replicas too', 'local', 'x', [0, 0]],
  ['a list counts for everybody', ['o'], 'q', [0, 1]],
  ['an empty list makes no difference between zones', [], 'q', [0, 0]],
])('zones as an Envoy sees them: %s', (_, primaryZones, own, [o, q]) => {
  expect(prioritiesOf(primaryZones, own, ['o', 'q'])).toEqual([
    ['o', o],
    ['q', q],
  ]);
});

test('replicas outside of the primary zones are overflow, and priorities have no gap', () => {
  const priorities = (...zones: readonly string[]): unknown => prioritiesOf(['p'], '', zones);
  expect(priorities('o', 'p')).toEqual([
    ['o', 1],
    ['p', 0],
  ]);
  expect(priorities('o', 'q')).toEqual([
    ['o', 0],
    ['q', 0],
  ]);
});
