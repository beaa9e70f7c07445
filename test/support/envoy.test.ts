import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEnvoy } from './envoy.ts';
import type { RunningEnvoy } from './envoy.ts';

const answering = {
  name: 'answering',
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.direct_response',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config',
            response: { inline_string: 'here' },
          },
        },
      ],
    },
  ],
};

describe('a real Envoy from the harness', () => {
  let envoy: RunningEnvoy;
  beforeAll(async () => {
    envoy = await startEnvoy({ bootstrap: { static_resources: { listeners: [answering] } } });
  });
  afterAll(() => envoy.stop());

  it('tells the port that a listener got, and its counters', async () => {
    expect(await envoy.listenerPort('answering')).toBeGreaterThan(0);
    expect(await envoy.stat('listener_manager.listener_create_success')).toBe(1);
    expect(await envoy.stat('no.such.counter')).toBe(0);
    await expect(envoy.listenerPort('other')).rejects.toThrow('no listener other');
  });
});

describe('a bootstrap that Envoy refuses', () => {
  it('fails with what Envoy says', async () => {
    await expect(startEnvoy({ bootstrap: { nonsense: true } })).rejects.toThrow(/nonsense/);
  });
});
