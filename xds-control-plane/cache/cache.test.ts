import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../core/clock.ts';
import { orchestrationFileSchema } from '../../core/config/schema.ts';
import { silentLogger } from '../../core/logging.ts';
import { loadCodec } from '../protobuf/codec.ts';
import { extension } from '../protobuf/messages.ts';
import { resourcesFor } from '../resources/resources-for.ts';
import { configured, replica, statesOf, view } from '../resources/states-fixture.ts';
import type { ModuleStates, SnapshotContent } from '../resources/content.ts';
import { consistencyFaults } from './consistency.ts';
import { createDebounce } from './debounce.ts';
import { encodeSnapshot, snapshotHash } from './snapshot.ts';
import { createSnapshotCache } from './snapshot-cache.ts';
import type { SnapshotCache } from './snapshot-cache.ts';
import { TYPE_URLS } from '../protobuf/type-urls.ts';
import { changedNames, editTypeSnapshot, typeSnapshot } from './type-snapshot.ts';
import type { Snapshot, TypeSnapshot } from './type-snapshot.ts';

const codec = loadCodec();
function of(snapshot: Snapshot | undefined, type: keyof typeof TYPE_URLS): TypeSnapshot {
  return snapshot!.get(TYPE_URLS[type])!;
}
const NOTHING: SnapshotContent = { clusters: [], endpoints: [], listeners: [], routes: [], secrets: [] };

function edsCluster(name: string): SnapshotContent['clusters'][number] {
  return { name, type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };
}

function routeTo(name: string, cluster: string): SnapshotContent['routes'][number] {
  return { name, virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }] };
}

function listenerOf(name: string): SnapshotContent['listeners'][number] {
  return {
    name,
    api_listener: {
      api_listener: extension('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
        rds: { route_config_name: name, config_source: { ads: {} } },
      }),
    },
  };
}

function withSecret(name: string, secret: string): SnapshotContent['clusters'][number] {
  const common_tls_context = { tls_certificate_sds_secret_configs: [{ name: secret, sds_config: { ads: {} } }] };
  return {
    ...edsCluster(name),
    transport_socket: {
      name: 'tls',
      typed_config: extension('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', { common_tls_context }),
    },
  };
}

const WHOLE: SnapshotContent = {
  ...NOTHING,
  clusters: [edsCluster('c')],
  endpoints: [{ cluster_name: 'c' }],
  listeners: [listenerOf('l')],
  routes: [routeTo('l', 'c')],
};

describe('the consistency gate', () => {
  test.each<[string, SnapshotContent, RegExp]>([
    ['a cluster without endpoints', { ...WHOLE, endpoints: [] }, /clusters c names c of endpoints/],
    [
      'endpoints that no cluster names',
      { ...WHOLE, endpoints: [{ cluster_name: 'c' }, { cluster_name: 'd' }] },
      /nothing names d/,
    ],
    ['a route to no cluster', { ...WHOLE, routes: [routeTo('l', 'gone')] }, /routes l names gone of clusters/],
    ['a listener without its routes', { ...WHOLE, routes: [] }, /listeners l names l of routes/],
    ['routes that no listener names', { ...WHOLE, listeners: [] }, /nothing names l of routes/],
    ['two of one name', { ...WHOLE, clusters: [edsCluster('c'), edsCluster('c')] }, /clusters has "c" twice/],
    ['a secret that is not there', { ...WHOLE, clusters: [withSecret('c', 's')] }, /clusters c names s of secrets/],
  ])('refuses %s', (_, content, fault) => {
    expect(consistencyFaults(content, []).join('\n')).toMatch(fault);
  });

  test('passes what is whole', () => {
    expect(consistencyFaults(WHOLE, [])).toEqual([]);
  });
});

describe('snapshots', () => {
  test('a version changes if and only if the content does, and what is the same is the same object', () => {
    const first = encodeSnapshot(WHOLE, codec);
    const same = encodeSnapshot(structuredClone(WHOLE), codec, first);
    const changed = encodeSnapshot(
      { ...WHOLE, endpoints: [{ cluster_name: 'c', endpoints: [{ priority: 1 }] }] },
      codec,
      first,
    );
    expect(of(same, 'clusters')).toBe(of(first, 'clusters'));
    expect(snapshotHash(same)).toBe(snapshotHash(first));
    expect(of(changed, 'endpoints').version).not.toBe(of(first, 'endpoints').version);
    expect(of(changed, 'routes')).toBe(of(first, 'routes'));
    expect(snapshotHash(changed)).not.toBe(snapshotHash(first));
  });

  test('another control plane gives the same versions for the same content', () => {
    expect(snapshotHash(encodeSnapshot(WHOLE, loadCodec()))).toBe(snapshotHash(encodeSnapshot(WHOLE, codec)));
  });

  test('the version of a set does not depend on its order', () => {
    const clusters = of(
      encodeSnapshot({ ...NOTHING, clusters: [edsCluster('a'), edsCluster('b')] }, codec),
      'clusters',
    );
    const resources = [...clusters.resources.values()];
    expect(typeSnapshot(resources.reverse()).version).toBe(clusters.version);
  });

  test('a set that is edited has the version of one made whole, and only what was edited counts as changed', () => {
    const clusters = (...names: readonly string[]): TypeSnapshot =>
      of(encodeSnapshot({ ...NOTHING, clusters: names.map(edsCluster) }, codec), 'clusters');
    const before = clusters('a', 'b', 'c');
    const edited = editTypeSnapshot(before, clusters('d', 'a').resources.values(), ['b', 'nobody']);
    expect(edited.version).toBe(clusters('a', 'c', 'd').version);
    expect([...changedNames(before, edited)].sort()).toEqual(['b', 'd']);
    expect(editTypeSnapshot(before, clusters('a').resources.values(), [])).toBe(before);
  });
});

describe('debounce', () => {
  test('a burst comes to one run after the quiet time', async () => {
    const clock = createManualClock();
    let runs = 0;
    const debounce = createDebounce({ clock, quietMs: 20, maxMs: 500, run: () => (runs += 1) });
    for (let change = 0; change < 100; change += 1) {
      debounce.trigger();
      await clock.advance(0.5);
    }
    expect(runs).toBe(0);
    await clock.advance(20);
    expect(runs).toBe(1);
  });

  test('whatever the churn, no change waits for longer than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 60 }), async (gaps) => {
        const clock = createManualClock();
        let oldestAtMs: number | undefined;
        let longestMs = 0;
        const debounce = createDebounce({
          clock,
          quietMs: 20,
          maxMs: 100,
          run: () => {
            longestMs = Math.max(longestMs, clock.monotonicMs() - (oldestAtMs ?? clock.monotonicMs()));
            oldestAtMs = undefined;
          },
        });
        for (const gap of gaps) {
          oldestAtMs ??= clock.monotonicMs();
          debounce.trigger();
          await clock.advance(gap);
        }
        await clock.advance(100);
        expect(oldestAtMs).toBeUndefined();
        expect(longestMs).toBeLessThanOrEqual(100);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the cache', () => {
  const states: ModuleStates = new Map();

  function cacheOf(next: () => SnapshotContent): {
    cache: SnapshotCache;
    outcomes: string[];
    clock: ReturnType<typeof createManualClock>;
  } {
    const clock = createManualClock();
    const outcomes: string[] = [];
    const cache = createSnapshotCache({
      orchestration: orchestrationFileSchema.parse({}).orchestration,
      codec,
      clock,
      log: silentLogger,
      resourcesFor: next,
      onRebuild: (outcome) => outcomes.push(outcome),
    });
    return { cache, outcomes, clock };
  }

  test('serves nothing before the first states, and those at once', () => {
    const { cache } = cacheOf(() => WHOLE);
    expect(cache.current('gateway')).toBeUndefined();
    cache.update(states);
    expect(of(cache.current('gateway'), 'clusters').resources.has('c')).toBe(true);
  });

  test('keeps what it serves when the next would be inconsistent, and says so', async () => {
    let content = WHOLE;
    const { cache, outcomes, clock } = cacheOf(() => content);
    cache.update(states);
    const before = cache.current('gateway');
    content = { ...WHOLE, endpoints: [] };
    cache.update(states);
    await clock.advance(1_000);
    expect(cache.current('gateway')).toBe(before);
    expect(outcomes).toEqual(['changed', 'refused']);
  });

  test('tells nobody of a rebuild that changed nothing', async () => {
    const { cache, outcomes, clock } = cacheOf(() => structuredClone(WHOLE));
    cache.update(states);
    let told = 0;
    cache.onChange(() => (told += 1));
    cache.update(states);
    await clock.advance(1_000);
    expect(outcomes).toEqual(['changed', 'unchanged']);
    expect(told).toBe(0);
  });
});

describe('clients that have named a zone', () => {
  const TWO_ZONES = [replica(1, 'READY', { zone: 'a' }), replica(2, 'READY', { zone: 'b' })];
  const cacheOf = (): SnapshotCache =>
    createSnapshotCache({
      orchestration: configured(),
      codec,
      clock: createManualClock(),
      log: silentLogger,
      resourcesFor,
    });
  const prioritiesIn = (snapshot: Snapshot | undefined, name: string): unknown => {
    const { any } = of(snapshot, 'endpoints').resources.get(name)!;
    const { endpoints } = codec.decode(any) as { endpoints?: { locality: { zone: string }; priority?: number }[] };
    return endpoints?.map(({ locality, priority }) => [locality.zone, priority ?? 0]);
  };

  test('are served their own zone first, and all else as it is served to everybody', () => {
    const cache = cacheOf();
    cache.update(statesOf(view('m', TWO_ZONES), view('n', [replica(3, 'READY')])));
    const everybody = cache.current('gateway');
    const [inA, inB] = [cache.current('gateway', 'a'), cache.current('gateway', 'b')];
    expect(prioritiesIn(everybody, 'module/m')).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    expect(prioritiesIn(inA, 'module/m')).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
    expect(prioritiesIn(inB, 'module/m')).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    expect(cache.current('gateway', 'a')).toBe(inA);
    expect(of(inA, 'endpoints').resources.get('module/n')).toBe(of(everybody, 'endpoints').resources.get('module/n'));
    for (const type of ['clusters', 'listeners', 'routes'] as const) expect(of(inA, type)).toBe(of(everybody, type));
    expect(prioritiesIn(cache.current('proxyless', 'b'), 'module/m')).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    cache.close();
  });

  test('get what everybody gets where their zone has no replica, or makes no difference', () => {
    const cache = cacheOf();
    expect(cache.current('gateway', 'a')).toBeUndefined();
    cache.update(statesOf(view('m', TWO_ZONES, { load_balancing: { primary_zones: ['b'] } })));
    for (const zone of ['', 'a', 'b', 'elsewhere']) {
      expect(cache.current('gateway', zone)).toBe(cache.current('gateway'));
    }
    cache.close();
  });

  test('follow changes, of which they keep what has stayed the same', async () => {
    const clock = createManualClock();
    const cache = createSnapshotCache({ orchestration: configured(), codec, clock, log: silentLogger, resourcesFor });
    const [m, n] = [view('m', TWO_ZONES), view('n', TWO_ZONES)];
    cache.update(statesOf(m, n));
    const before = cache.current('gateway', 'a');
    cache.update(statesOf(m, view('n', TWO_ZONES.slice(1))));
    await clock.advance(1_000);
    const after = cache.current('gateway', 'a');
    expect(changedNames(of(before, 'endpoints'), of(after, 'endpoints'))).toEqual(['module/n']);
    expect(of(after, 'endpoints').resources.get('module/m')).toBe(of(before, 'endpoints').resources.get('module/m'));
    expect(prioritiesIn(after, 'module/n')).toEqual([['b', 0]]);
    cache.close();
  });
});
