import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { credentials, status } from '@grpc/grpc-js';
import { beforeAll, expect, test } from '@jest/globals';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { identityPaths } from '../../core/identity/identity-files.ts';
import type { SpiffeName } from '../../core/identity/spiffe.ts';
import { identityDir, meshId } from '../../core/service/service-identity.ts';
import { TYPE_URLS } from '../../xds-control-plane/index.ts';
import { SERVER_LISTENER_PREFIX } from '../../xds-control-plane/resources/names.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/parts.ts';
import { requirePart } from '../support/require-part.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { AdsClient } from './ads-client.ts';
import { EchoClient } from './echo.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';

/** The bootstrap of a sidecar that is an xDS-enabled gRPC server, as docs/xds.md gives it. */
function bootstrap(world: MeshWorld, moduleId: string, replica: string): Record<string, unknown> {
  const { certPath, keyPath, bundlePath } = identityPaths(identityDir(world.config, 'module', moduleId, replica));
  const files = { certificate_file: certPath, private_key_file: keyPath, ca_certificate_file: bundlePath };
  return {
    xds_servers: [
      {
        server_uri: `127.0.0.1:${world.controlPlane.port}`,
        channel_creds: [{ type: 'tls', config: { ...files, refresh_interval: '10s' } }],
        server_features: ['xds_v3'],
      },
    ],
    node: { id: `module/${moduleId}/${replica}` },
    certificate_providers: {
      workload: { plugin_name: 'file_watcher', config: { ...files, refresh_interval: '10s' } },
    },
    server_listener_resource_name_template: `${SERVER_LISTENER_PREFIX}%s`,
  };
}

/** gRPC's C core (the Python package) as a sidecar: an xDS-enabled server. */
describeWith('grpcio', 'a sidecar that is an xDS-enabled gRPC server', () => {
  let world: MeshWorld;
  let port: number;

  beforeAll(async () => {
    world = await startMeshWorld();
  }, 60_000);

  async function startPython(moduleId: string): Promise<void> {
    await world.join('module', moduleId, 'r1');
    const file = join(tempFolder('xds-server'), 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap(world, moduleId, 'r1')));
    const script = fileURLToPath(new URL('../fixtures/xds-server.py', import.meta.url));
    const child = spawn(requirePart('grpcio'), [script, String(port)], {
      // Its log tells of each refused handshake, which is what is asked for here.
      env: { ...process.env, GRPC_XDS_BOOTSTRAP: file, GRPC_VERBOSITY: 'NONE' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    onCleanup(async () => {
      child.stdin.end();
      child.kill('SIGKILL');
      await exited;
    });
    await once(child.stdout, 'data');
  }

  async function callerAs(kind: SpiffeName['kind'], name: string): Promise<EchoClient> {
    const identity = await world.join(kind, name, 'caller');
    const channel = channelCredentials(identity, { expect: [meshId(world.config, 'module', 'alpha')] });
    return caller(new EchoClient(`127.0.0.1:${port}`, channel, {}));
  }

  function caller(client: EchoClient): EchoClient {
    onCleanup(() => {
      client.close();
      return Promise.resolve();
    });
    return client;
  }

  test('it serves only once it has its listener, and then goes on without the control plane', async () => {
    port = await freePort();
    const router = await callerAs('service', 'router');
    await world.join('module', 'alpha', 'r1');
    await world.controlPlane.close();
    await startPython('alpha');
    await expect(router.say('x')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await world.restartControlPlane();
    await eventually(async () => (await router.say('x')) === 'python: x', { what: 'the listener', timeoutMs: 60_000 });
    await world.controlPlane.close();
    expect(await router.say('y')).toBe('python: y');
    await world.restartControlPlane();
    expect(world.logged().filter(({ event }) => event === 'configuration_refused')).toEqual([]);
  }, 120_000);

  test('those that may call are let through, others are told so, and without a certificate of the mesh nobody gets in', async () => {
    for (const [kind, name] of [
      ['gateway', 'edge-7'],
      ['service', 'router'],
      ['service', 'loader'],
    ] as const) {
      expect(await (await callerAs(kind, name)).say('x')).toBe('python: x');
    }
    for (const [kind, name] of [
      ['module', 'beta'],
      ['service', 'operator'],
      ['service', 'control-plane'],
    ] as const) {
      await expect((await callerAs(kind, name)).say('x')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    }
    const { bundlePem } = (await world.join('service', 'router', 'caller')).current();
    const nameless = credentials.createSsl(Buffer.from(bundlePem), null, null, {
      checkServerIdentity: () => undefined,
    });
    for (const channel of [credentials.createInsecure(), nameless]) {
      const client = caller(new EchoClient(`127.0.0.1:${port}`, channel, {}));
      await expect(client.say('x')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    }
  }, 60_000);

  test('a real Envoy calls it by mutual TLS like any other sidecar', async () => {
    world.show(moduleAt('alpha', [port]));
    await world.startEnvoy();
    const client = world.dial('alpha');
    await eventually(async () => (await client.say('x')) === 'python: x', { what: 'alpha', timeoutMs: 30_000 });
  }, 60_000);

  test('a module gets its own server listeners and nothing else, whatever it asks for and whoever it says it is', async () => {
    const identity = await world.join('module', 'beta', 'asker');
    const channel = channelCredentials(identity, { expect: [meshId(world.config, 'service', 'control-plane')] });
    const address = `127.0.0.1:${world.controlPlane.port}`;
    const ask = async (nodeId: string, typeUrl: string, names: readonly string[]): Promise<readonly string[]> => {
      const client = new AdsClient(address, channel);
      client.send({ node: { id: nodeId }, type_url: typeUrl, resource_names: names });
      try {
        const { resources = [] } = await client.next();
        return resources.map((resource) => String((resource as Record<string, unknown>)['name']));
      } finally {
        client.close();
      }
    };
    const mine = `${SERVER_LISTENER_PREFIX}0.0.0.0:50055`;
    const six = `${SERVER_LISTENER_PREFIX}[::]:50055`;
    expect(
      await ask('module/beta/asker', TYPE_URLS.listeners, [mine, six, 'mesh', 'alpha', `${SERVER_LISTENER_PREFIX}x:1`]),
    ).toEqual([mine, six]);
    for (const nodeId of ['module/alpha', 'module/beta-2', 'edge-1', 'beta']) {
      await expect(ask(nodeId, TYPE_URLS.listeners, [mine])).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    }
    const client = new AdsClient(address, channel);
    client.send({ node: { id: 'module/beta' }, type_url: TYPE_URLS.secrets, resource_names: ['gateway', 'roots'] });
    client.send({ type_url: TYPE_URLS.endpoints, resource_names: ['module/alpha'] });
    client.send({ type_url: TYPE_URLS.listeners, resource_names: [mine] });
    await client.next();
    expect(client.received.map(({ type_url }) => type_url)).toEqual([TYPE_URLS.listeners]);
    client.close();
  });
});
