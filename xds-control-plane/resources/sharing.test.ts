import { expect, test } from '@jest/globals';
import { encodeSnapshot } from '../cache/snapshot.ts';
import { loadCodec } from '../protobuf/codec.ts';
import { resourcesFor } from './resources-for.ts';
import { configured, replica, statesOf, view } from './states-fixture.ts';

const orchestration = configured();

test.each(['gateway', 'proxyless'] as const)(
  'a change of one module makes its own resources anew and no others (%s)',
  (kind) => {
    const modules = Array.from({ length: 50 }, (_, index) => view(`m${index}`, [replica(index + 1, 'READY')]));
    const [first, ...others] = modules;
    const changed = { ...first!, replicas: [replica(99, 'READY')] };
    const before = resourcesFor(statesOf(...modules), orchestration, kind);
    const after = resourcesFor(statesOf(changed, ...others), orchestration, kind);
    const fresh = <Item>(now: readonly Item[], earlier: readonly Item[]): readonly Item[] =>
      now.filter((item) => !earlier.includes(item));
    expect(fresh(after.endpoints, before.endpoints).map(({ cluster_name }) => cluster_name)).toEqual(['module/m0']);
    expect(fresh(after.clusters, before.clusters)).toEqual([]);
    expect(fresh(after.listeners, before.listeners)).toEqual([]);
    expect(fresh(after.routes, before.routes)).toEqual([]);
  },
);

test('a change of one split makes one virtual host anew', () => {
  const spec = (percent: number): object => ({ traffic: { split: [{ module: 'canary', percent }] } });
  const canary = view('canary', [replica(1, 'READY')]);
  const [other, main] = [view('other', [replica(2, 'READY')]), view('main', [replica(3, 'READY')], spec(10))];
  const hosts = (states: ReturnType<typeof statesOf>): readonly unknown[] =>
    resourcesFor(states, orchestration, 'gateway').routes.find(({ name }) => name === 'mesh')?.virtual_hosts ?? [];
  const before = hosts(statesOf(main, other, canary));
  const after = hosts(statesOf(view('main', main.replicas, spec(20)), other, canary));
  expect(after.filter((host) => !before.includes(host))).toMatchObject([{ name: 'main' }]);
});

test('what has not changed is not encoded again', () => {
  const codec = loadCodec();
  const encodedNames: unknown[] = [];
  const counting = {
    ...codec,
    encode: (typeUrl: string, message: object) => {
      encodedNames.push((message as { cluster_name?: string; name?: string }).cluster_name ?? message);
      return codec.encode(typeUrl, message);
    },
  };
  const [first, second] = [view('a', [replica(1, 'READY')]), view('b', [replica(2, 'READY')])];
  const before = encodeSnapshot(resourcesFor(statesOf(first, second), orchestration, 'gateway'), counting);
  encodedNames.length = 0;
  const changed = { ...first, replicas: [replica(3, 'READY')] };
  encodeSnapshot(resourcesFor(statesOf(changed, second), orchestration, 'gateway'), counting, before);
  expect(encodedNames).toEqual(['module/a']);
});
