import { watchModules } from '../core/modules/module-watch-client.ts';
import { channelCredentials } from '../core/identity/credentials.ts';
import { runService } from '../core/service/run-service.ts';
import { openSharedStore } from '../core/store/open-store.ts';
import { meshId } from '../core/service/service-identity.ts';
import { startControlPlane } from './server.ts';

await runService({
  name: 'control-plane',
  description: 'programs Envoy and proxyless clients over xDS, and is the mesh certificate authority',
  start: async ({ config, clock, rng, log, registry }) => {
    // With storage of its own there is nobody to meet in it.
    const isShared = config.orchestration.storage.type === 'redis';
    const store = isShared ? await openSharedStore({ config, clock, rng, log, env: process.env }) : undefined;
    const controlPlane = await startControlPlane({ config, clock, log, registry, store });
    const watch = watchModules({
      address: `127.0.0.1:${config.orchestration.network.ports.loader}`,
      credentials: channelCredentials(controlPlane.identity, { expect: [meshId(config, 'service', 'loader')] }),
      clock,
      rng,
      log,
      onChange: (views) => {
        controlPlane.cache.update(views);
      },
    });
    return {
      ports: { control_plane: controlPlane.port },
      isReady: () => controlPlane.cache.current('gateway') !== undefined,
      // Streams live as long as their clients; there is nothing to wait for.
      drain: () => Promise.resolve(),
      close: async () => {
        watch.close();
        await controlPlane.close();
        await store?.close();
      },
    };
  },
});
