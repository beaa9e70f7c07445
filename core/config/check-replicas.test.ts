import { expect, test } from '@jest/globals';
import { checkReplicas } from './check-replicas.ts';
import { formatPath } from './config-fault.ts';
import { orchestrationFileSchema } from './schema.ts';

const REDIS = { type: 'redis', redis: { url: 'redis://h' } };
const PAIR = { grpc: 0, http: 0 };

test.each<[string, object, string[]]>([
  ['one router', {}, []],
  ['two over a store', { router: { replicas: 2 }, storage: REDIS }, []],
  ['two with their ports', { router: { replicas: 2 }, storage: REDIS, network: { router_replicas: [PAIR] } }, []],
  ['two over memory', { router: { replicas: 2 } }, ['router.replicas: is 2, but storage.type "memory" is for one']],
  [
    'two without Envoy',
    { router: { replicas: 2 }, storage: REDIS, mesh: { mode: 'proxyless' } },
    ['router.replicas: is 2, but with mesh.mode "proxyless" no Envoy'],
  ],
  [
    'ports for too many',
    { router: { replicas: 2 }, storage: REDIS, network: { router_replicas: [PAIR, PAIR] } },
    ['network.router_replicas: has 2 entries, but router.replicas is 2: give 1'],
  ],
  [
    'ports for nobody',
    { network: { router_replicas: [PAIR] } },
    ['network.router_replicas: has 1 entries, but router.replicas is 1: give 0'],
  ],
])('%s', (_case, orchestration, expected) => {
  const found = checkReplicas(orchestrationFileSchema.parse({ orchestration }).orchestration).map(
    ({ path, message }) => `${formatPath(path).replace('orchestration.', '')}: ${message}`,
  );
  expect(found).toEqual(expected.map((start) => expect.stringContaining(start)));
});
