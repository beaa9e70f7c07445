import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { DetailedPeerCertificate } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { identityPaths } from '../../core/identity/identity-files.ts';
import { identityDir, rootPemPath } from '../../core/service/service-identity.ts';
import { createIntermediate } from '../../xds-control-plane/authority/intermediate.ts';
import { certificatesIn, createRoot } from '../../xds-control-plane/authority/root.ts';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';

/** Checks that a certificate file holds a leaf and its intermediate, and the bundle the root alone. */
function expectChain(world: MeshWorld, kind: 'module' | 'gateway', name: string, replica?: string): void {
  const { certPath, bundlePath } = identityPaths(identityDir(world.config, kind, name, replica));
  const chain = certificatesIn(readFileSync(certPath, 'utf8')).map((pem) => new X509Certificate(pem));
  const roots = certificatesIn(readFileSync(bundlePath, 'utf8')).map((pem) => new X509Certificate(pem));
  expect([chain.length, roots.length]).toEqual([2, 1]);
  expect([chain[0]?.issuer, chain[1]?.issuer]).toEqual([chain[1]?.subject, roots[0]?.subject]);
}

/** Gives the certificates that a server shows to somebody who trusts the root alone. */
async function shownBy(port: number, rootPem: string): Promise<readonly string[]> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: rootPem,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2'],
  });
  const shown = await new Promise<DetailedPeerCertificate>((resolve, reject) => {
    socket.once('error', reject).once('secureConnect', () => {
      expect(socket.authorized).toBe(true);
      resolve(socket.getPeerCertificate(true));
    });
  });
  socket.destroy();
  const subjects: string[] = [];
  for (let each = shown; ; each = each.issuerCertificate) {
    subjects.push(new X509Certificate(each.raw).subject);
    if (each.issuerCertificate === each || (each.issuerCertificate as unknown) === undefined) return subjects;
  }
}

describe('a mesh whose certificates an intermediate signs', () => {
  test('calls pass through a real Envoy by mutual TLS, each side showing its chain to a root that alone is trusted', async () => {
    const world = await startMeshWorld({ mesh: { authority: { intermediate: {} } } });
    const sidecar = await world.startSidecar('alpha', 'a1');
    world.show(moduleAt('alpha', [sidecar.port]));
    const envoy = await world.startEnvoy();
    const client = world.dial('alpha');
    await eventually(async () => (await client.say('x')) === 'a1: x', { what: 'alpha' });
    expect([...sidecar.callers]).toEqual(['spiffe://frontier.local/ns/default/gateway/edge-1']);
    expectChain(world, 'module', 'alpha', 'a1');
    expectChain(world, 'gateway', 'edge-1');
    const root = readFileSync(rootPemPath(world.config), 'utf8');
    expect(await shownBy(world.controlPlane.port, root)).toEqual([
      'O=Frontier',
      expect.stringContaining('intermediate'),
      new X509Certificate(root).subject,
    ]);
    expect(await envoy.stat('cluster.module/alpha.ssl.fail_verify_error')).toBe(0);
    // Another control plane over the same data goes on with the same intermediate.
    const before = world.controlPlane.identity.current().certPem;
    await world.restartControlPlane();
    expect(certificatesIn(world.controlPlane.identity.current().certPem)[1]).toBe(certificatesIn(before)[1]);
    await eventually(async () => (await client.say('y')) === 'a1: y', { what: 'alpha after the restart' });
  }, 60_000);

  test('with the root’s key elsewhere, a given intermediate is replaced while calls go on, and a bad one is refused', async () => {
    const folder = tempFolder('intermediate');
    const [cert, key] = [join(folder, 'ca.pem'), join(folder, 'ca.key')];
    const root = await createRoot('frontier.local', systemClock.nowMs());
    const make = (): ReturnType<typeof createIntermediate> =>
      createIntermediate({ root, trustDomain: 'frontier.local', lifetimeMs: 3_600_000, nowMs: systemClock.nowMs() });
    const put = (file: string, text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    const first = await make();
    put(cert, first.certPem);
    put(key, first.keyPem);
    const world = await startMeshWorld(
      { mesh: { certificate_lifetime: 4, authority: { intermediate: { cert_file: cert, key_file: key } } } },
      {},
      { rootPem: root.certPem },
    );
    const sidecar = await world.startSidecar('alpha', 'a1');
    world.show(moduleAt('alpha', [sidecar.port], { spec: { timeouts: { max_connection_duration: 0.2 } } }));
    await world.startEnvoy();
    const client = world.dial('alpha');
    await eventually(async () => (await client.say('x')) === 'a1: x', { what: 'alpha' });
    const signing = (): string => certificatesIn(world.controlPlane.identity.current().certPem)[1]?.trim() ?? '';
    const refusals = (): unknown[] => world.logged().filter(({ event }) => event === 'root_refused');

    const second = await make();
    put(key, second.keyPem);
    await eventually(
      async () => {
        expect(await client.say('x')).toBe('a1: x');
        return refusals().length > 0;
      },
      { what: 'the mismatched pair to be refused', timeoutMs: 20_000 },
    );
    expect(refusals()[0]).toMatchObject({
      error: expect.stringMatching(/ca\.pem and .*ca\.key do not belong together/),
    });
    expect(signing()).toBe(first.certPem.trim());

    put(cert, second.certPem);
    await eventually(
      async () => {
        expect(await client.say('x')).toBe('a1: x');
        return signing() === second.certPem.trim();
      },
      { what: 'the new intermediate to sign', timeoutMs: 20_000 },
    );
    for (let call = 0; call < 50; call += 1) expect(await client.say('x')).toBe('a1: x');
    expect(JSON.stringify(world.logged())).not.toContain('PRIVATE KEY');
  }, 90_000);
});
