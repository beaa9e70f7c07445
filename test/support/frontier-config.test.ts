import { expect, it } from '@jest/globals';
import { loadConfig } from '../../core/config/load.ts';
import { asEnvironment, writeConfig } from './frontier-config.ts';

it('writes configuration that Frontier reads, and overrides that it follows', () => {
  const folder = writeConfig({ router: { max_query_bytes: 77 } }, [
    { module_id: 'echo', workload: { command: ['true'] }, query_classes: ['GENERAL'] },
  ]);
  const env = asEnvironment({ network: { ports: { edge: 0 } }, storage: { data_dir: 'elsewhere' } });
  expect(env).toEqual({ FRONTIER_NETWORK__PORTS__EDGE: '0', FRONTIER_STORAGE__DATA_DIR: '"elsewhere"' });
  const config = loadConfig({ path: `${folder}/orchestration-config.yaml`, env });
  expect(config.orchestration.router.max_query_bytes).toBe(77);
  expect(config.orchestration.network.ports.edge).toBe(0);
  expect(config.dataDir).toBe(`${folder}/elsewhere`);
  expect(config.modules.map((spec) => spec.module_id)).toEqual(['echo']);
});
