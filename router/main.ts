import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ChannelCredentials } from '@grpc/grpc-js';
import { proxylessBootstrap } from '../core/mesh/proxyless-bootstrap.ts';
import { channelCredentials } from '../core/identity/credentials.ts';
import { runService } from '../core/service/run-service.ts';
import { controlPlaneAddress, identityDir, meshId, obtainServiceIdentity } from '../core/service/service-identity.ts';
import { parseReplica } from '../core/service/router-replica.ts';
import { openSharedStore } from '../core/store/open-store.ts';
import type { FrontierConfig } from '../core/config/schema.ts';
import { dialFor } from './execute/module-channel.ts';
import { startRouter } from './service.ts';
import { readRouterId } from './state/router-id.ts';

/** Folder that holds package.json: this file's parent's, in the sources and in the build alike. */
const projectRoot = findRoot(import.meta.dirname);

await runService({
  name: 'router',
  description: 'finds the module for a query, has it answered, and falls back when the answer is not good enough',
  adminServer: false,
  flags: { replica: { type: 'string', description: 'which of the routers it is, from 1 on' } },
  instance: ({ replica }): Record<string, string> => (typeof replica === 'string' ? { replica } : {}),
  async start({ config, args, joinToken, clock, rng, log, registry, signal }) {
    const flag = args['replica'];
    const replica = parseReplica(typeof flag === 'string' ? flag : undefined, config.orchestration);
    const identity = await obtainServiceIdentity({
      config,
      kind: 'service',
      name: 'router',
      ...(replica === 1 ? {} : { replica: String(replica) }),
      joinToken,
      clock,
      log,
      signal,
    });
    const store = await openSharedStore({ config, clock, rng, log, env: process.env });
    const proxyless = config.orchestration.mesh.mode === 'proxyless';
    const meshCredentials = proxyless ? await prepareProxyless(config) : ChannelCredentials.createInsecure();
    const service = await startRouter({
      config,
      clock,
      rng,
      log,
      registry,
      store,
      replica,
      routerId: readRouterId(config.dataDir, replica),
      dial: dialFor(config.orchestration, meshCredentials),
      loaderAddress: `127.0.0.1:${config.orchestration.network.ports.loader}`,
      loaderCredentials: channelCredentials(identity, { expect: [meshId(config, 'service', 'loader')] }),
      controlPlane: {
        address: controlPlaneAddress(config),
        credentials: channelCredentials(identity, { expect: [meshId(config, 'service', 'control-plane')] }),
      },
      version: versionOf(projectRoot),
    });
    return {
      ...service,
      async close() {
        await service.close();
        await store.close();
        identity.close();
      },
    };
  },
});

/** Makes grpc-js resolve xds: targets with the control plane; loaded only here, since it brings a large package with it. */
async function prepareProxyless(config: FrontierConfig): Promise<ChannelCredentials> {
  const bootstrap = proxylessBootstrap({
    socketPath: path.join(config.dataDir, 'run', 'xds.sock'),
    nodeId: 'router',
    identityDir: identityDir(config, 'service', 'router'),
  });
  process.env['GRPC_XDS_BOOTSTRAP_CONFIG'] = JSON.stringify(bootstrap);
  const xds = await import('@grpc/grpc-js-xds');
  xds.register();
  return new xds.XdsChannelCredentials(ChannelCredentials.createInsecure());
}

function findRoot(from: string): string {
  try {
    readFileSync(path.join(from, 'package.json'));
    return from;
  } catch (error) {
    const parent = path.dirname(from);
    if (parent === from) throw error;
    return findRoot(parent);
  }
}

function versionOf(root: string): string {
  return (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
