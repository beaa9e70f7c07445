import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeStore } from '../../core/store/store-contract.ts';
import { describeWith } from '../support/parts.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { passTime, startRedis, startRedisCluster, type RunningCluster, type RunningRedis } from '../support/redis.ts';

describeWith('redis', 'one server', () => {
  let redis: RunningRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.cli('flushall'));

  describeStore('Redis', async () => ({
    store: await openRedisStore({ url: redis.url }),
    clock: { advance: (ms) => passTime([redis], ms) },
  }));

  it('keeps systems apart by their prefix', async () => {
    const one = await openRedisStore({ url: redis.url, key_prefix: 'one*' });
    const two = await openRedisStore({ url: redis.url, key_prefix: 'one*two' });
    await one.set('k', 1);
    await two.set('k', 2);
    expect(await two.list('')).toEqual([{ key: 'k', value: 2 }]);
    expect(await one.get('k')).toBe(1);
  });
});

describeWith('redis', 'a cluster of three masters', () => {
  let cluster: RunningCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterEach(async () => {
    for (const node of cluster.nodes) await node.cli('flushall');
  });

  describeStore('Redis Cluster', async () => ({
    store: await openRedisStore({ cluster: { nodes: cluster.addresses.slice(0, 1) } }),
    clock: { advance: (ms) => passTime(cluster.nodes, ms) },
  }));

  it('spreads entries over all masters, and lists them from all', async () => {
    const store = await openRedisStore({ cluster: { nodes: cluster.addresses } });
    const keys = Array.from({ length: 200 }, (_, index) => `k${String(index).padStart(3, '0')}`);
    await Promise.all(keys.map((key) => store.set(key, key)));
    const sizes = await Promise.all(cluster.nodes.map(async ({ cli }) => Number(await cli('dbsize'))));
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect((await store.list('k')).map(({ key }) => key)).toEqual(keys);
  });
});
