import { expect, it } from '@jest/globals';
import { cacheDirOf } from '../../core/service/cache-dir.ts';
import { chooseMesh, environmentOf } from './settings.ts';

it('puts flags over the environment', () => {
  const env = { FRONTIER_MESH__MODE: 'envoy', FRONTIER_NETWORK__PORTS__EDGE: '1', HOME: '/home/me', EMPTY: undefined };
  expect(environmentOf({ edgePort: '9000', mesh: 'proxyless', dataDir: '/data' }, env)).toEqual({
    HOME: '/home/me',
    FRONTIER_MESH__MODE: 'proxyless',
    FRONTIER_NETWORK__PORTS__EDGE: '9000',
    FRONTIER_STORAGE__DATA_DIR: '/data',
  });
});

it.each([
  ['envoy', undefined, '/envoy', 'envoy'],
  ['envoy', undefined, undefined, 'proxyless'],
  ['proxyless', undefined, '/envoy', 'proxyless'],
] as const)('mesh %s, flag %s, Envoy at %s → %s', (configured, flag, path, expected) => {
  expect(chooseMesh(configured, flag, path)).toBe(expected);
});

it('does not replace an Envoy that was asked for', () => {
  expect(() => chooseMesh('envoy', 'envoy', undefined)).toThrow(/there is no Envoy/);
});

it('does not do without Envoy before several routers', () => {
  expect(() => chooseMesh('envoy', undefined, undefined, 2)).toThrow(/router\.replicas is 2, but there is no Envoy/);
});

it('says where istio belongs', () => {
  expect(() => chooseMesh('istio', undefined, '/envoy')).toThrow(/Kubernetes/);
});

it.each([
  [{ FRONTIER_CACHE_DIR: '/c' }, '/c'],
  [{ XDG_CACHE_HOME: '/x' }, '/x/frontier'],
  [{ FRONTIER_CACHE_DIR: '' }, '/home/me/.cache/frontier'],
])('the cache of %j is %s', (env, expected) => {
  expect(cacheDirOf(env, '/home/me')).toBe(expected);
});
