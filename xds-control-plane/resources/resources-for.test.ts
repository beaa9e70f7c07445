import { describe, expect, test } from '@jest/globals';
import type { ModuleSpecInput, Orchestration } from '../../core/config/schema.ts';
import type { ReplicaState, ReplicaView } from '../../core/modules/module-view.ts';
import { loadCodec } from '../protobuf/codec.ts';
import { PUSH_ORDER, TYPE_URLS } from '../protobuf/type-urls.ts';
import type { SnapshotContent } from './content.ts';
import { gatewayEndpoints, proxylessEndpoints } from './endpoints.ts';
import { resourcesFor } from './resources-for.ts';
import { gatewaySecrets } from './secrets.ts';
import { configured, replica, statesOf, view } from './states-fixture.ts';

const codec = loadCodec();

/** Fields that are enums at their zero value, the only ones that may vanish. */
const ZERO_ENUMS = /\.(codec_type|priority|lb_policy|dns_lookup_family|san_type)$/;

function lostFields(content: SnapshotContent): readonly string[] {
  return PUSH_ORDER.flatMap((type) =>
    content[type].flatMap((message) => {
      const decoded = codec.decode(codec.encode(TYPE_URLS[type], message));
      return lost(decoded, message, type);
    }),
  );
}

/** Paths of what went in and did not come out; protobuf leaves out only what has its default. */
function lost(whole: unknown, part: unknown, path: string): readonly string[] {
  if (part === undefined || part === '' || part === 0 || part === false || ZERO_ENUMS.test(path)) return [];
  if (Array.isArray(part) && part.length === 0) return [];
  if (part instanceof Uint8Array) return whole instanceof Uint8Array && Buffer.from(whole).equals(part) ? [] : [path];
  if (whole === undefined || whole === null) return [path];
  if (Array.isArray(part))
    return part.flatMap((item, index) => lost((whole as unknown[])[index], item, `${path}[${index}]`));
  if (typeof part !== 'object' || part === null) return Object.is(whole, part) ? [] : [path];
  return Object.entries(part).flatMap(([key, value]) =>
    lost((whole as Record<string, unknown>)[key], value, `${path}.${key}`),
  );
}

const traced = configured({ telemetry: { otlp_endpoint: 'https://collector.example:4317', sample_ratio: 0.5 } });

/** All that can be asked for. */
const full = configured({
  telemetry: { otlp_endpoint: 'https://collector.example:4317' },
  mesh: {
    fault_injection: true,
    edge: {
      compression: { algorithms: ['gzip', 'brotli', 'zstd'] },
      access_log: { requests: 'failures', file: '/var/log/edge.log' },
      rate_limit: { requests_per_second: 7.5, burst: 10 },
      jwt: { issuer: 'i', audiences: ['a'], jwks_file: '/keys.json', forward: true },
      rbac: [
        { name: 'r', paths: ['/api/'], cidrs: ['10.0.0.0/8', '::1/128'], claims: { role: ['x'] } },
        { name: 'all' },
      ],
      max_connection_duration: 60,
    },
  },
});
const specs: readonly Partial<ModuleSpecInput>[] = [
  {
    load_balancing: { policy: 'weighted_by_load' },
    outlier_detection: { consecutive_gateway_failures: 3, success_rate: {} },
    health_check: {},
    retry: { budget: {}, per_try_timeout: 1.5 },
    timeouts: { max_connection_duration: 60 },
    traffic: { split: [{ module: 'beta', percent: 10 }], mirror: [{ module: 'beta' }] },
  },
  { load_balancing: { policy: 'ring_hash' } },
  { load_balancing: { policy: 'round_robin', slow_start: 3, panic_threshold: 20 } },
];

test.each([
  ['gateway', traced],
  ['proxyless', traced],
  ['gateway', full],
  ['proxyless', full],
] as const)('every field of the %s view is one that Envoy knows: encoding drops none', (kind, config) => {
  const modules = specs.map((spec, index) => view(`m${index}`, [replica(index + 10, 'READY')], spec));
  const beta = view('beta', [replica(3, 'READY'), replica(4, 'READY', { zone: 'b' })], {
    load_balancing: { primary_zones: ['b'] },
  });
  const open = { ...view('open', [replica(5, 'READY')]), mesh: { breakerOpen: true } };
  const alpha = view('alpha', [replica(1, 'READY'), replica(2, 'DRAINING', { zone: 'b' })]);
  expect(lostFields(resourcesFor(statesOf(alpha, beta, open, ...modules), config, kind))).toEqual([]);
});

test('secrets hold certificate and key as one resource, and the roots as another', () => {
  const secrets = gatewaySecrets({ certPem: 'CERT', keyPem: 'KEY', bundlePem: 'ROOTS' });
  expect(secrets.map(({ name }) => name)).toEqual(['gateway', 'roots']);
  expect(
    secrets.flatMap((secret) => lost(codec.decode(codec.encode(TYPE_URLS.secrets, secret)), secret, 'secrets')),
  ).toEqual([]);
});

test('an encoder that meets a misspelt field would be caught by the check above', () => {
  const misspelt = { name: 'x', connect_timeuot: { seconds: 1, nanos: 0 } };
  expect(lost(codec.decode(codec.encode(TYPE_URLS.clusters, misspelt)), misspelt, 'clusters')).toEqual([
    'clusters.connect_timeuot',
  ]);
  const name = 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC';
  const inside = { name: 'l', filter_chains: [{ filters: [{ typed_config: { '@type': name, rulez: {} } }] }] };
  expect(lost(codec.decode(codec.encode(TYPE_URLS.listeners, inside)), inside, 'listeners')).toEqual([
    'listeners.filter_chains[0].filters[0].typed_config.rulez',
  ]);
});

test('wrappers that are not set stay unset, so that Envoy keeps its own defaults', () => {
  const { clusters } = resourcesFor(statesOf(view('alpha')), configured(), 'gateway');
  const alpha = clusters.find(({ name }) => name === 'module/alpha');
  const decoded = codec.decode(codec.encode(TYPE_URLS.clusters, alpha ?? {})) as Record<
    string,
    Record<string, unknown>
  >;
  expect(decoded['circuit_breakers']).toEqual({
    thresholds: [
      {
        priority: 'DEFAULT',
        max_connections: { value: 1024 },
        max_pending_requests: { value: 1024 },
        max_requests: { value: 4096 },
        max_retries: { value: 16 },
      },
    ],
  });
  expect(decoded['outlier_detection']).not.toHaveProperty('success_rate_minimum_hosts');
  expect(decoded['common_lb_config']).toEqual({
    healthy_panic_threshold: { value: 0 },
    // Set to nothing, which is not the same as unset: changes of health are not gathered.
    update_merge_window: { seconds: 0, nanos: 0 },
  });
});

test('the source of secrets has the same bytes as ever: Envoy loses a secret whose source changes', () => {
  const { clusters } = resourcesFor(statesOf(view('alpha')), configured(), 'gateway');
  const alpha = clusters.find(({ name }) => name === 'module/alpha');
  expect(alpha?.transport_socket?.typed_config).toMatchObject({
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'gateway', sds_config: { ads: {}, resource_api_version: 'V3' } }],
      combined_validation_context: {
        validation_context_sds_secret_config: { name: 'roots', sds_config: { ads: {}, resource_api_version: 'V3' } },
      },
    },
  });
});

test('the same states give the same bytes, in whatever order they came', () => {
  const encode = (content: SnapshotContent): string[] =>
    PUSH_ORDER.flatMap((type) =>
      content[type].map((message) => codec.encode(TYPE_URLS[type], message).value.toString('hex')),
    );
  const [a, b] = [view('alpha', [replica(1, 'READY'), replica(2, 'READY')]), view('beta')];
  const reversed = { ...a, replicas: [...a.replicas].reverse() };
  expect(encode(resourcesFor(statesOf(b, reversed), configured(), 'gateway'))).toEqual(
    encode(resourcesFor(statesOf(a, b), configured(), 'gateway')),
  );
});

describe('endpoints', () => {
  const healthOf = (replicas: readonly ReplicaView[], kind: 'gateway' | 'proxyless'): readonly unknown[] =>
    ((kind === 'gateway' ? gatewayEndpoints : proxylessEndpoints)(view('m', replicas), '').endpoints ?? []).flatMap(
      ({ lb_endpoints }) =>
        (lb_endpoints ?? []).map(({ health_status, endpoint }) => [
          endpoint?.address?.socket_address?.port_value,
          health_status,
        ]),
    );

  test.each<[ReplicaState, string | undefined, string | undefined]>([
    ['READY', 'HEALTHY', 'HEALTHY'],
    ['DRAINING', 'DRAINING', undefined],
    ['UNHEALTHY', 'UNHEALTHY', undefined],
    ['STARTING', undefined, undefined],
    ['BACKOFF', undefined, undefined],
  ])('a replica that is %s is %s to Envoy and %s to a proxyless client', (state, gateway, proxyless) => {
    expect(healthOf([replica(1, state)], 'gateway')).toEqual(gateway === undefined ? [] : [[1, gateway]]);
    expect(healthOf([replica(1, state)], 'proxyless')).toEqual(proxyless === undefined ? [] : [[1, proxyless]]);
  });

  test('a module without live replicas has an empty list, not none', () => {
    const { endpoints } = resourcesFor(statesOf(view('m')), configured(), 'gateway');
    expect(endpoints).toEqual([{ cluster_name: 'module/m', endpoints: [] }]);
  });

  test('an address counts once, for the replica that is ready', () => {
    expect(healthOf([replica(1, 'DRAINING'), replica(1, 'READY')], 'gateway')).toEqual([[1, 'HEALTHY']]);
    expect(healthOf([replica(1, 'READY'), replica(1, 'DRAINING')], 'gateway')).toEqual([[1, 'HEALTHY']]);
  });

  test('a host name, which would have the whole list refused, is left out', () => {
    expect(healthOf([replica(1, 'READY', { address: 'pod.local' }), replica(2, 'READY')], 'gateway')).toEqual([
      [2, 'HEALTHY'],
    ]);
  });

  test('zones are localities, weighing what their endpoints weigh', () => {
    const replicas = [
      replica(1, 'READY', { zone: 'b', weight: 2 }),
      replica(2, 'READY', { zone: 'a' }),
      replica(3, 'READY', { zone: 'b' }),
    ];
    expect(
      gatewayEndpoints(view('m', replicas), '').endpoints?.map(({ locality, load_balancing_weight }) => [
        locality?.zone,
        load_balancing_weight?.value,
      ]),
    ).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
  });
});

test('the mesh routes each module by its name, with or without a port, and lets the caller set the time', () => {
  const { routes } = resourcesFor(statesOf(view('alpha')), configured(), 'gateway');
  expect(routes.find(({ name }) => name === 'mesh')?.virtual_hosts).toMatchObject([
    {
      domains: ['alpha', 'alpha:*'],
      retry_policy: { retry_on: 'connect-failure,refused-stream,reset-before-request' },
      routes: [
        {
          route: {
            cluster: 'module/alpha',
            timeout: { seconds: 0 },
            max_stream_duration: { grpc_timeout_header_max: { seconds: 0 } },
          },
        },
      ],
    },
  ]);
});

test("a cluster takes its limits, time-outs and the only name that it trusts from the module's specification", () => {
  const spec: Partial<ModuleSpecInput> = {
    in_flight_limits: { max_requests: 7 },
    outlier_detection: { consecutive_failures: 3 },
    timeouts: { connect: 0.25 },
  };
  const states = statesOf(view('alpha', [], spec));
  const config = configured({ mesh: { trust_domain: 'corp.example', namespace: 'ai' } });
  const cluster = resourcesFor(states, config, 'gateway').clusters.find(({ name }) => name === 'module/alpha');
  expect(cluster).toMatchObject({
    circuit_breakers: { thresholds: [{ max_requests: { value: 7 } }] },
    outlier_detection: { consecutive_5xx: { value: 3 } },
    connect_timeout: { seconds: 0, nanos: 250_000_000 },
    ignore_health_on_host_removal: true,
  });
  expect(JSON.stringify(cluster)).toContain('spiffe://corp.example/ns/ai/module/alpha');
});

test('without a collector nothing is traced; with one, both listeners are, and its cluster is there', () => {
  const text = (config: Orchestration): string => JSON.stringify(resourcesFor(statesOf(), config, 'gateway'));
  expect(text(configured())).not.toContain('OpenTelemetryConfig');
  expect(text(traced).match(/OpenTelemetryConfig/g)).toHaveLength(2);
  const { clusters } = resourcesFor(statesOf(), traced, 'gateway');
  expect(clusters.find(({ name }) => name === 'otlp-collector')).toMatchObject({
    type: 'STRICT_DNS',
    transport_socket: { typed_config: { sni: 'collector.example' } },
  });
});
