import { describe, expect, test } from '@jest/globals';
import type { Resource, Snapshot, TypeSnapshot } from '../cache/snapshot.ts';
import { versionOf } from '../cache/snapshot.ts';
import type { Reference } from '../cache/references.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { ViewKind } from '../resources/content.ts';
import { REMOVAL_GRACE_MS } from './make-before-break.ts';
import { nextResponse } from './next-response.ts';
import type { DiscoveryResponse } from './next-response.ts';
import { onRequest } from './on-request.ts';
import type { RequestOutcome } from './on-request.ts';
import { newStream } from './stream-state.ts';
import type { StreamState } from './stream-state.ts';

const any = { type_url: '', value: Buffer.alloc(0) };

function resource(name: string, version: string, references: readonly Reference[] = []): Resource {
  return { name, version, any, references };
}

function typeOf(...resources: readonly Resource[]): TypeSnapshot {
  return { version: versionOf(resources), resources: new Map(resources.map((each) => [each.name, each])) };
}

/** Clusters with endpoints of the same name, and one route table that names them all. */
function world(clusters: readonly string[], versions: Partial<Record<ResourceType, string>> = {}): Snapshot {
  const of = (type: ResourceType): string => versions[type] ?? '1';
  return {
    clusters: typeOf(...clusters.map((name) => resource(name, of('clusters'), [{ type: 'endpoints', name }]))),
    endpoints: typeOf(...clusters.map((name) => resource(name, of('endpoints')))),
    listeners: typeOf(resource('mesh', of('listeners'), [{ type: 'routes', name: 'mesh' }])),
    routes: typeOf(
      resource(
        'mesh',
        `${of('routes')} ${clusters.join()}`,
        clusters.map((name) => ({ type: 'clusters', name })),
      ),
    ),
    secrets: typeOf(resource('roots', of('secrets'))),
  };
}

/** A stream with a clock and a snapshot, driven by hand. */
class Stream {
  state: StreamState;
  snapshot: Snapshot;
  nowMs = 0;
  wakeAtMs: number | undefined;

  constructor(snapshot: Snapshot, kind: ViewKind = 'gateway') {
    this.snapshot = snapshot;
    this.state = newStream(kind);
  }

  ask(type: ResourceType, names: readonly string[] = [], nonce = '', refusal?: string): RequestOutcome {
    const step = onRequest(this.state, type, { names, nonce, refusal });
    this.state = step.state;
    return step.outcome;
  }

  /** Everything that goes out now. */
  sent(): readonly DiscoveryResponse[] {
    const all: DiscoveryResponse[] = [];
    for (;;) {
      const { state, response, wakeAtMs } = nextResponse(this.state, this.snapshot, this.nowMs);
      this.state = state;
      this.wakeAtMs = wakeAtMs;
      if (response === undefined) return all;
      all.push(response);
    }
  }

  /** Acknowledges whatever comes, as a client that keeps its names would, until it is quiet. Gives what came. */
  settle(): readonly DiscoveryResponse[] {
    const all: DiscoveryResponse[] = [];
    for (let batch = this.sent(); batch.length > 0; batch = this.sent()) {
      all.push(...batch);
      for (const { type, nonce } of batch) this.ask(type, this.names(type), nonce);
    }
    return all;
  }

  names(type: ResourceType): readonly string[] {
    return [...(this.state.types[type].subscription?.names ?? [])];
  }
}

function summary(responses: readonly DiscoveryResponse[]): readonly string[] {
  return responses.map(({ type, resources }) => `${type}: ${resources.map(({ name }) => name).join()}`);
}

/** A stream on which everything has been asked for and acknowledged. */
function settled(clusters: readonly string[]): Stream {
  const stream = new Stream(world(clusters));
  stream.ask('clusters');
  stream.ask('endpoints', clusters);
  stream.ask('listeners');
  stream.ask('routes', ['mesh']);
  stream.ask('secrets', ['roots']);
  stream.settle();
  return stream;
}

describe('answers', () => {
  test('an acknowledged response is followed by silence while nothing changes', () => {
    const stream = settled(['a']);
    expect(stream.sent()).toEqual([]);
  });

  test('every response has a nonce of its own', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a'], { endpoints: '2', secrets: '2' });
    const nonces = [...stream.settle()].map(({ nonce }) => nonce);
    stream.snapshot = world(['a'], { endpoints: '3', secrets: '3' });
    expect(new Set([...nonces, ...stream.settle().map(({ nonce }) => nonce)]).size).toBe(4);
  });

  test.each<[string, (nonce: string) => [string, string | undefined], RequestOutcome]>([
    ['the nonce in flight', (nonce) => [nonce, undefined], 'ack'],
    ['the nonce in flight with an error', (nonce) => [nonce, 'bad'], 'nack'],
    ['another nonce', () => ['old', undefined], 'stale'],
    ['another nonce with an error', () => ['old', 'bad'], 'stale'],
    ['no nonce', () => ['', undefined], 'subscribe'],
  ])('%s', (_, answer, outcome) => {
    const stream = new Stream(world(['a']));
    stream.ask('clusters');
    const [response] = stream.sent();
    const [nonce, refusal] = answer(response?.nonce ?? '');
    expect(stream.ask('clusters', [], nonce, refusal)).toBe(outcome);
  });

  test('a refusal is told by its error even where the version is the same, and cleared by the next acknowledgement', () => {
    const stream = settled(['a', 'b']);
    stream.ask('endpoints', ['a']);
    stream.ask('endpoints', ['a', 'b']);
    const [response] = stream.sent();
    expect(stream.ask('endpoints', ['a', 'b'], response?.nonce, 'no such thing')).toBe('nack');
    expect(stream.state.types.endpoints.nackMessage).toBe('no such thing');
    stream.snapshot = world(['a', 'b'], { endpoints: '2' });
    stream.settle();
    expect(stream.state.types.endpoints.nackMessage).toBe('');
  });

  test('what was refused is not sent again until it changes, and other types go on', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a'], { listeners: '2' });
    const [refused] = stream.sent();
    stream.ask('listeners', [], refused?.nonce, 'bad listener');
    expect(stream.sent()).toEqual([]);
    stream.snapshot = world(['a'], { listeners: '2', endpoints: '2' });
    expect(summary(stream.settle())).toEqual(['endpoints: a']);
    stream.snapshot = world(['a'], { listeners: '3', endpoints: '2' });
    expect(summary(stream.sent())).toContain('listeners: mesh');
  });

  test('a reconnecting client, whose nonce is from another stream, gets a full answer', () => {
    const stream = new Stream(world(['a']));
    expect(stream.ask('clusters', [], 'clusters-7')).toBe('subscribe');
    expect(summary(stream.sent())).toEqual(['clusters: a']);
  });

  test('a client that does not answer has one response of a type in flight, and then gets the newest state', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a'], { endpoints: '2' });
    const [first] = stream.sent();
    for (const version of ['3', '4', '5']) {
      stream.snapshot = world(['a'], { endpoints: version });
      expect(stream.sent()).toEqual([]);
    }
    stream.ask('endpoints', ['a'], first?.nonce);
    expect(stream.sent().flatMap(({ resources }) => resources.map(({ version }) => version))).toEqual(['5']);
  });
});

describe('subscriptions', () => {
  test('an empty first list asks for everything, in one response', () => {
    const stream = new Stream(world(['a', 'b']));
    stream.ask('clusters');
    expect(summary(stream.sent())).toEqual(['clusters: a,b']);
  });

  test('the four steps: nothing is all, "*" and a name is all, a name is it, nothing is nothing', () => {
    const stream = new Stream(world(['a', 'b']));
    const step = (names: readonly string[]): readonly string[] => {
      stream.ask('clusters', names);
      const all = stream.sent();
      for (const { nonce } of all) stream.ask('clusters', names, nonce);
      return summary(all);
    };
    expect(step([])).toEqual(['clusters: a,b']);
    expect(step(['*', 'a'])).toEqual(['clusters: a,b']);
    expect(step(['a'])).toEqual([]);
    stream.snapshot = world(['a', 'b'], { clusters: '2' });
    expect(step(['a'])).toEqual(['clusters: a']);
    expect(step([])).toEqual([]);
    stream.snapshot = world(['a', 'b'], { clusters: '3' });
    expect(step([])).toEqual([]);
  });

  test('to a gRPC client an empty list is nothing', () => {
    const stream = new Stream(world(['a']), 'proxyless');
    stream.ask('clusters');
    expect(stream.sent()).toEqual([]);
  });

  test.each(['endpoints', 'routes', 'secrets'] as const)('an empty list of %s is nothing', (type) => {
    const stream = new Stream(world(['a']));
    stream.ask(type);
    expect(stream.sent()).toEqual([]);
  });

  test('a name that is added is sent though nothing changed; the others are not sent again', () => {
    const stream = settled(['a', 'b']);
    stream.ask('endpoints', ['a']);
    expect(stream.sent()).toEqual([]);
    stream.ask('endpoints', ['a', 'b']);
    expect(summary(stream.sent())).toEqual(['endpoints: b']);
  });

  test('a name that is taken away is silent from then on', () => {
    const stream = settled(['a', 'b']);
    stream.ask('endpoints', ['a']);
    const { b } = { b: resource('b', '2') };
    stream.snapshot = { ...stream.snapshot, endpoints: typeOf(resource('a', '1'), b) };
    expect(stream.sent()).toEqual([]);
  });

  test('names in a request that answers an old response are not lost', () => {
    const stream = settled(['a', 'b']);
    stream.ask('endpoints', ['a']);
    stream.snapshot = world(['a', 'b'], { endpoints: '2' });
    const [response] = stream.sent();
    expect(stream.ask('endpoints', ['a', 'b'], 'endpoints-0')).toBe('stale');
    stream.ask('endpoints', ['a', 'b'], response?.nonce);
    expect(summary(stream.sent())).toEqual(['endpoints: b']);
  });

  test('a name that does not exist holds nothing up, and is sent once it does', () => {
    const stream = new Stream(world(['a']));
    stream.ask('endpoints', ['a', 'later']);
    expect(summary(stream.settle())).toEqual(['endpoints: a']);
    stream.snapshot = world(['a', 'later']);
    expect(summary(stream.settle())).toEqual(['endpoints: later']);
  });

  test('the last listener gone is an empty response, not silence', () => {
    const stream = settled(['a']);
    stream.snapshot = { ...stream.snapshot, listeners: typeOf() };
    expect(summary(stream.sent())).toEqual(['listeners: ']);
  });

  test('an endpoint change sends that one resource and no other type', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = { ...stream.snapshot, endpoints: typeOf(resource('a', '1'), resource('b', '2')) };
    expect(summary(stream.settle())).toEqual(['endpoints: b']);
  });
});

describe('make before break', () => {
  test('a route waits until the client has acknowledged its cluster and that cluster’s endpoints', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a', 'b']);
    const [clusters, ...nothingElse] = stream.sent();
    expect([clusters?.type, nothingElse]).toEqual(['clusters', []]);
    stream.ask('clusters', [], clusters?.nonce);
    expect(stream.sent()).toEqual([]);
    stream.ask('endpoints', ['a', 'b']);
    const [endpoints, ...stillNothing] = stream.sent();
    expect([endpoints?.type, stillNothing]).toEqual(['endpoints', []]);
    stream.ask('endpoints', ['a', 'b'], endpoints?.nonce);
    expect(summary(stream.sent())).toEqual(['routes: mesh']);
  });

  test('a cluster that the client refuses does not hold up the routes of others', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a', 'bad']);
    const [clusters] = stream.sent();
    stream.ask('clusters', [], clusters?.nonce, 'bad cluster');
    expect(summary(stream.sent())).toEqual(['routes: mesh']);
  });

  test('a cluster stays until the route without it is acknowledged, and a moment longer', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = world(['a']);
    const [routes, ...nothingElse] = stream.sent();
    expect([routes?.type, nothingElse]).toEqual(['routes', []]);
    stream.nowMs = 60_000;
    expect(stream.sent()).toEqual([]);
    stream.ask('routes', ['mesh'], routes?.nonce);
    expect(stream.sent()).toEqual([]);
    expect(stream.wakeAtMs).toBe(60_000 + REMOVAL_GRACE_MS);
    stream.nowMs = 60_000 + REMOVAL_GRACE_MS;
    expect(summary(stream.sent())).toEqual(['clusters: a']);
  });

  test('a cluster that comes back during its grace stays', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = world(['a']);
    stream.settle();
    stream.snapshot = world(['a', 'b']);
    expect(summary(stream.settle())).toEqual(['routes: mesh']);
    stream.nowMs = 10 * REMOVAL_GRACE_MS;
    expect(stream.settle()).toEqual([]);
  });

  test('a changed cluster is followed by its endpoints, unchanged as they are: Envoy warms it anew', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = world(['a', 'b'], { clusters: '2' });
    expect(summary(stream.settle())).toEqual(['clusters: a,b', 'endpoints: a,b']);
  });

  test('endpoints of a cluster that is gone are not sent', () => {
    const stream = settled(['a']);
    stream.ask('endpoints', ['a', 'gone']);
    expect(stream.sent()).toEqual([]);
  });

  test('a gRPC client gets the listener first, since it asks for clusters only once a route names them', () => {
    const snapshot = { ...world(['a']), listeners: typeOf(resource('a', '1', [{ type: 'clusters', name: 'a' }])) };
    const stream = new Stream(snapshot, 'proxyless');
    stream.ask('listeners', ['a']);
    expect(summary(stream.sent())).toEqual(['listeners: a']);
  });

  test('when everything changes at once it goes out in order, routes last since they wait for the new clusters', () => {
    const stream = settled(['a']);
    const next = { clusters: '2', endpoints: '2', listeners: '2', routes: '2', secrets: '2' };
    stream.snapshot = world(['a'], next);
    const order = stream.settle().map(({ type }) => type);
    expect(order).toEqual(['clusters', 'endpoints', 'listeners', 'secrets', 'routes']);
  });
});
