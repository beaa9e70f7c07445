import { describe, expect, test } from '@jest/globals';
import type { DiscoveryResponse } from './next-response.ts';
import { DeltaStream, ORDER, resource, summary, withType, world } from './stream.fixture.ts';

/** A stream on which everything has been asked for and acknowledged. */
function settled(clusters: readonly string[]): DeltaStream {
  const stream = new DeltaStream(world(clusters));
  stream.ask('clusters');
  stream.ask('endpoints', { subscribe: clusters });
  stream.ask('listeners');
  stream.ask('routes', { subscribe: ['mesh'] });
  stream.ask('secrets', { subscribe: ['roots'] });
  stream.settle();
  return stream;
}

/** A stream that has asked for these endpoints and no more. */
function endpointsOf(names: readonly string[], exist: readonly string[] = names): DeltaStream {
  const stream = new DeltaStream(world(exist));
  stream.ask('endpoints', { subscribe: names });
  stream.settle();
  return stream;
}

describe('changes', () => {
  test('only what has changed is sent, with its own version', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = withType(stream.snapshot, 'endpoints', resource('a', '1'), resource('b', '2'));
    const all = stream.settle();
    expect(summary(all)).toEqual(['endpoints: b']);
    expect(all[0]?.resources.map(({ version }) => version)).toEqual(['2']);
  });

  test('what is gone is told exactly once', () => {
    const stream = endpointsOf(['a', 'b']);
    stream.snapshot = world(['a']);
    expect(summary(stream.settle())).toEqual(['endpoints: -b']);
    stream.snapshot = world(['a'], { endpoints: '2' });
    expect(summary(stream.settle())).toEqual(['endpoints: a']);
  });

  test('what changes and what goes of one type is one response', () => {
    const stream = endpointsOf(['a', 'b']);
    stream.snapshot = world(['a'], { endpoints: '2' });
    expect(summary(stream.settle())).toEqual(['endpoints: a,-b']);
  });

  test('what changes and changes back while a response is under way is not sent', () => {
    const stream = endpointsOf(['a', 'b']);
    stream.snapshot = withType(stream.snapshot, 'endpoints', resource('a', '2'), resource('b', '1'));
    const [response] = stream.sent();
    stream.snapshot = withType(stream.snapshot, 'endpoints', resource('a', '2'), resource('b', '2'));
    expect(stream.sent()).toEqual([]);
    stream.snapshot = withType(stream.snapshot, 'endpoints', resource('a', '2'), resource('b', '1'));
    stream.answer(response!);
    expect(stream.sent()).toEqual([]);
  });
});

describe('subscriptions', () => {
  test('a name that does not exist is told to be gone at once, is kept, and is sent when it comes', () => {
    const stream = new DeltaStream(world(['a']));
    stream.ask('endpoints', { subscribe: ['a', 'later'] });
    expect(summary(stream.settle())).toEqual(['endpoints: a,-later']);
    stream.snapshot = world(['a', 'later']);
    expect(summary(stream.settle())).toEqual(['endpoints: later']);
  });

  test('a name that is subscribed to again is sent again', () => {
    const stream = endpointsOf(['a', 'b']);
    stream.ask('endpoints', { subscribe: ['a'] });
    expect(summary(stream.settle())).toEqual(['endpoints: a']);
  });

  test('unsubscribing is not answered, and of unknown names not minded', () => {
    const stream = endpointsOf(['a', 'b']);
    stream.ask('endpoints', { unsubscribe: ['a', 'phantom'] });
    expect(stream.sent()).toEqual([]);
    stream.snapshot = world(['a', 'b'], { endpoints: '2' });
    expect(summary(stream.settle())).toEqual(['endpoints: b']);
  });

  test.each<[string, readonly string[], string]>([
    ['that exists', ['a', 'b'], 'clusters: a'],
    ['that does not', ['b'], 'clusters: -a'],
  ])('a name %s taken out beside a wildcard is answered', (_, exist, answer) => {
    const stream = new DeltaStream(world(exist));
    stream.ask('clusters', { subscribe: ['*', 'a'] });
    stream.settle();
    stream.ask('clusters', { unsubscribe: ['a'] });
    expect(summary(stream.settle())).toEqual([answer]);
  });

  test('an empty first request is everything; names then add to it, and it is given up by "*"', () => {
    const stream = new DeltaStream(world(['a', 'b']));
    const change = (version: string): readonly string[] => {
      stream.snapshot = world(['a', 'b'], { clusters: version });
      return summary(stream.settle());
    };
    stream.ask('clusters');
    expect(summary(stream.settle())).toEqual(['clusters: a,b']);
    stream.ask('clusters', { subscribe: ['a'] });
    expect(summary(stream.settle())).toEqual(['clusters: a']);
    expect(change('2')).toEqual(['clusters: a,b']);
    stream.ask('clusters', { unsubscribe: ['*'] });
    expect(stream.sent()).toEqual([]);
    expect(change('3')).toEqual(['clusters: a']);
    stream.ask('clusters', { unsubscribe: ['a'] });
    expect(change('4')).toEqual([]);
  });

  test('"*" asked for later brings what the client has not got', () => {
    const stream = new DeltaStream(world(['a', 'b']));
    stream.ask('clusters', { subscribe: ['a'] });
    stream.settle();
    stream.ask('clusters', { subscribe: ['*'] });
    expect(summary(stream.settle())).toEqual(['clusters: b']);
  });

  test('"*" asked for again brings everything again', () => {
    const stream = new DeltaStream(world(['a', 'b']));
    stream.ask('clusters', { subscribe: ['*'] });
    stream.settle();
    stream.ask('clusters', { subscribe: ['*'] });
    expect(summary(stream.settle())).toEqual(['clusters: a,b']);
  });

  test('an empty first request is answered even where there is nothing', () => {
    const stream = new DeltaStream(new Map());
    stream.ask('clusters');
    expect(summary(stream.settle())).toEqual(['clusters: ']);
    expect(stream.sent()).toEqual([]);
  });

  test('to a gRPC client, and for endpoints, an empty first request is nothing', () => {
    const stream = new DeltaStream(world(['a']), false);
    stream.ask('clusters');
    stream.ask('endpoints');
    expect(stream.sent()).toEqual([]);
  });

  test('a subscription to one cluster beside the others is answered at once, and disturbs none', () => {
    const stream = settled(['a', 'b']);
    stream.ask('clusters', { subscribe: ['nowhere'] });
    expect(summary(stream.settle())).toEqual(['clusters: -nowhere']);
  });
});

describe('answers', () => {
  test('a stale nonce acknowledges nothing, but its names count', () => {
    const stream = endpointsOf(['a'], ['a', 'b']);
    stream.snapshot = world(['a', 'b'], { endpoints: '2' });
    const [first] = stream.sent();
    expect(stream.ask('endpoints', { subscribe: ['b'], nonce: 'old' })).toBe('stale');
    expect(summary(stream.sent())).toEqual(['endpoints: b']);
    expect(stream.state('endpoints').inFlight.map(({ nonce }) => nonce)).toContain(first?.nonce);
  });

  test.each([[[0, 1]], [[1, 0]]])('two responses are acknowledged in the order %j', (order) => {
    const stream = new DeltaStream(world(['a', 'b']));
    const pending: DiscoveryResponse[] = [];
    for (const name of ['a', 'b']) {
      stream.ask('endpoints', { subscribe: [name] });
      pending.push(...stream.sent());
    }
    expect(summary(pending)).toEqual(['endpoints: a', 'endpoints: b']);
    expect(order.map((index) => stream.answer(pending[index]!))).toEqual(['ack', 'ack']);
    expect(stream.state('endpoints').inFlight).toEqual([]);
    expect(stream.sent()).toEqual([]);
  });

  test('what was refused is not sent again until it changes, and other types go on', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a'], { listeners: '2' });
    const [refused] = stream.sent();
    expect(stream.answer(refused!, 'bad listener')).toBe('nack');
    expect(stream.state('listeners').nackMessage).toBe('bad listener');
    expect(stream.sent()).toEqual([]);
    stream.snapshot = world(['a'], { listeners: '2', endpoints: '2' });
    expect(summary(stream.settle())).toEqual(['endpoints: a']);
    stream.snapshot = world(['a'], { listeners: '3', endpoints: '2' });
    expect(summary(stream.settle())).toContain('listeners: mesh');
    expect(stream.state('listeners').nackMessage).toBe('');
  });

  test('a client that never answers leaves a bounded number of responses open', () => {
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
    const stream = new DeltaStream(world(names));
    for (const name of names) {
      stream.ask('endpoints', { subscribe: [name] });
      expect(summary(stream.sent())).toEqual([`endpoints: ${name}`]);
    }
    expect(stream.state('endpoints').inFlight.length).toBe(64);
  });
});

describe('a client that comes again', () => {
  test('is not sent what it has of a wildcard, and is told what is gone and what has changed', () => {
    const stream = new DeltaStream(withType(world([]), 'clusters', resource('same', '1'), resource('changed', '2')));
    stream.ask('clusters', { versions: { same: '1', changed: '1', gone: '1' } });
    expect(summary(stream.settle())).toEqual(['clusters: changed,-gone']);
  });

  test('is answered though nothing has changed, so that it can finish its start', () => {
    const stream = new DeltaStream(world(['a']));
    stream.ask('clusters', { versions: { a: '1' } });
    expect(summary(stream.settle())).toEqual(['clusters: ']);
  });

  test('is sent the names that it asks for, whatever it says it has', () => {
    const stream = new DeltaStream(world(['a', 'b']));
    stream.ask('endpoints', { subscribe: ['a', 'gone'], versions: { a: '1', gone: '1' } });
    expect(summary(stream.settle())).toEqual(['endpoints: a,-gone']);
  });

  test('says what it has in its first message only', () => {
    const stream = new DeltaStream(world(['a', 'b']));
    stream.ask('clusters', { subscribe: ['a'] });
    stream.settle();
    stream.ask('clusters', { subscribe: ['*'], versions: { b: '1' } });
    expect(summary(stream.settle())).toEqual(['clusters: b']);
  });
});

describe('make before break', () => {
  test('a route waits until its cluster and endpoints are acknowledged', () => {
    const stream = settled(['a']);
    stream.snapshot = world(['a', 'b']);
    const [clusters, ...nothingElse] = stream.sent();
    expect([summary([clusters!]), nothingElse]).toEqual([['clusters: b'], []]);
    stream.answer(clusters!);
    expect(stream.sent()).toEqual([]);
    stream.ask('endpoints', { subscribe: ['b'] });
    const [endpoints] = stream.sent();
    expect(summary([endpoints!])).toEqual(['endpoints: b']);
    stream.answer(endpoints!);
    expect(summary(stream.sent())).toEqual(['routes: mesh']);
  });

  test('a cluster and its endpoints go after the route that named them, and a moment later', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = world(['a']);
    const [routes, ...nothingElse] = stream.sent();
    expect([summary([routes!]), nothingElse]).toEqual([['routes: mesh'], []]);
    stream.answer(routes!);
    expect(stream.sent()).toEqual([]);
    expect(stream.wakeAtMs).toBe(ORDER.graceMs);
    stream.nowMs = ORDER.graceMs;
    expect(summary(stream.settle())).toEqual(['clusters: -b', 'endpoints: -b']);
  });

  test('a changed cluster is followed by its endpoints, unchanged as they are', () => {
    const stream = settled(['a', 'b']);
    stream.snapshot = withType(
      stream.snapshot,
      'clusters',
      resource('a', '2', { endpoints: ['a'] }),
      resource('b', '1', { endpoints: ['b'] }),
    );
    expect(summary(stream.settle())).toEqual(['clusters: a', 'endpoints: a']);
  });

  test('when everything changes at once it goes out in order, and removals last', () => {
    const stream = settled(['a', 'b']);
    stream.ask('secrets', { subscribe: ['old'] });
    stream.settle();
    stream.snapshot = world(['a'], { clusters: '2', endpoints: '2', listeners: '2', routes: '2', secrets: '2' });
    const first = summary(stream.settle());
    expect(first).toEqual(['clusters: a', 'endpoints: a', 'listeners: mesh', 'routes: mesh', 'secrets: roots']);
    stream.nowMs = ORDER.graceMs;
    expect(summary(stream.settle())).toEqual(['clusters: -b', 'endpoints: -b']);
  });
});
