import { describe, expect, test } from '@jest/globals';
import type { RequestOutcome } from './on-request.ts';
import { ORDER, resource, SotwStream, summary, withType, world } from './stream.fixture.ts';

/** A stream on which everything has been asked for and acknowledged. */
function settled(clusters: readonly string[]): SotwStream {
  const stream = new SotwStream(world(clusters));
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
    const stream = new SotwStream(world(['a']));
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
    expect(stream.state('endpoints').nackMessage).toBe('no such thing');
    stream.snapshot = world(['a', 'b'], { endpoints: '2' });
    stream.settle();
    expect(stream.state('endpoints').nackMessage).toBe('');
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
    const stream = new SotwStream(world(['a']));
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
    const stream = new SotwStream(world(['a', 'b']));
    stream.ask('clusters');
    expect(summary(stream.sent())).toEqual(['clusters: a,b']);
  });

  test('the four steps: nothing is all, "*" and a name is all, a name is it, nothing is nothing', () => {
    const stream = new SotwStream(world(['a', 'b']));
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
    const stream = new SotwStream(world(['a']), false);
    stream.ask('clusters');
    expect(stream.sent()).toEqual([]);
  });

  test.each(['endpoints', 'routes', 'secrets'] as const)('an empty list of %s is nothing', (type) => {
    const stream = new SotwStream(world(['a']));
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
    stream.snapshot = withType(stream.snapshot, 'endpoints', resource('a', '1'), resource('b', '2'));
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
    const stream = new SotwStream(world(['a']));
    stream.ask('endpoints', ['a', 'later']);
    expect(summary(stream.settle())).toEqual(['endpoints: a']);
    stream.snapshot = world(['a', 'later']);
    expect(summary(stream.settle())).toEqual(['endpoints: later']);
  });

  test('the last listener gone is an empty response, not silence', () => {
    const stream = settled(['a']);
    stream.snapshot = withType(stream.snapshot, 'listeners');
    expect(summary(stream.sent())).toEqual(['listeners: ']);
  });

  test('an endpoint change sends that one resource and no other type', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = withType(stream.snapshot, 'endpoints', resource('a', '1'), resource('b', '2'));
    expect(summary(stream.settle())).toEqual(['endpoints: b']);
  });
});

describe('make before break', () => {
  test('a route waits until the client has acknowledged its cluster and that cluster’s endpoints', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a', 'b']);
    const [clusters, ...nothingElse] = stream.sent();
    expect([summary([clusters!]), nothingElse]).toEqual([['clusters: a,b'], []]);
    stream.ask('clusters', [], clusters?.nonce);
    expect(stream.sent()).toEqual([]);
    stream.ask('endpoints', ['a', 'b']);
    const [endpoints, ...stillNothing] = stream.sent();
    expect([summary([endpoints!]), stillNothing]).toEqual([['endpoints: b'], []]);
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
    expect([summary([routes!]), nothingElse]).toEqual([['routes: mesh'], []]);
    stream.nowMs = 10_000;
    expect(stream.sent()).toEqual([]);
    stream.ask('routes', ['mesh'], routes?.nonce);
    expect(stream.sent()).toEqual([]);
    expect(stream.wakeAtMs).toBe(10_000 + ORDER.graceMs);
    stream.nowMs = 10_000 + ORDER.graceMs;
    expect(summary(stream.sent())).toEqual(['clusters: a']);
  });

  test('a cluster that comes back during its grace stays', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = world(['a']);
    stream.settle();
    stream.snapshot = world(['a', 'b']);
    expect(summary(stream.settle())).toEqual(['routes: mesh']);
    stream.nowMs = 10 * ORDER.graceMs;
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
    const snapshot = withType(world(['a']), 'listeners', resource('a', '1', { clusters: ['a'] }));
    const stream = new SotwStream(snapshot, false);
    stream.ask('listeners', ['a']);
    expect(summary(stream.sent())).toEqual(['listeners: a']);
  });

  test('when everything changes at once it goes out in order', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a'], { clusters: '2', endpoints: '2', listeners: '2', routes: '2', secrets: '2' });
    expect(summary(stream.settle())).toEqual([
      'clusters: a',
      'endpoints: a',
      'listeners: mesh',
      'routes: mesh',
      'secrets: roots',
    ]);
  });

  test('what waits for a client that never answers goes out in the end', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a', 'b']);
    expect(summary(stream.sent())).toEqual(['clusters: a,b']);
    expect(stream.wakeAtMs).toBe(ORDER.holdMs);
    stream.nowMs = ORDER.holdMs;
    expect(summary(stream.sent())).toEqual(['routes: mesh']);
  });

  test('a route to a cluster that does not exist is not held back for it', () => {
    const stream = settled(['a']);
    stream.snapshot = withType(world(['a']), 'routes', resource('mesh', '2', { clusters: ['a', 'nowhere'] }));
    expect(summary(stream.sent())).toEqual(['routes: mesh']);
  });
});
