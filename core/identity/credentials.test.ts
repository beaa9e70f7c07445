import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  BasicConstraintsExtension,
  PemConverter,
  URL as URI_NAME,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { DescribeResponse, ModuleServiceClient, ModuleServiceService } from '../../gen/frontier/module/v1/module.ts';
import { FrontierError } from '../errors.ts';
import { clientOptions, unaryCall } from '../grpc/channel.ts';
import { serverStream, unary } from '../grpc/handlers.ts';
import { bindServer, closeServer, createGrpcServer } from '../grpc/server.ts';
import { channelCredentials, requirePeer, serverCredentials } from './credentials.ts';
import type { IdentitySource } from './credentials.ts';
import { assertIdentity } from './identity-files.ts';
import type { IdentityMaterial } from './identity-files.ts';
import { KEY_ALGORITHM } from './key-pair.ts';

const SIDECAR = 'spiffe://test/ns/default/module/foundation';
const GATEWAY = 'spiffe://test/ns/default/gateway/edge';

interface TestAuthority {
  readonly bundlePem: string;
  issue(spiffeId: string): Promise<IdentityMaterial>;
}

async function createTestAuthority(): Promise<TestAuthority> {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test root',
    keys,
    extensions: [new BasicConstraintsExtension(true)],
    signingAlgorithm: KEY_ALGORITHM,
    ...validity,
  });
  const bundlePem = root.toString('pem');
  return {
    bundlePem,
    issue: async (spiffeId) => {
      const own = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
      const leaf = await X509CertificateGenerator.create({
        issuer: root.subject,
        subject: 'CN=test leaf',
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: KEY_ALGORITHM,
        extensions: [new SubjectAlternativeNameExtension([{ type: URI_NAME, value: spiffeId }])],
        ...validity,
      });
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return { certPem: leaf.toString('pem'), keyPem: PemConverter.encode(pkcs8, 'PRIVATE KEY'), bundlePem };
    },
  };
}

/** An identity that can be exchanged under way. */
function createSource(material: IdentityMaterial): IdentitySource & { replace(next: IdentityMaterial): void } {
  const listeners = new Set<(material: IdentityMaterial) => void>();
  let present = material;
  return {
    current: () => present,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    replace: (next) => {
      present = next;
      for (const listener of listeners) listener(next);
    },
  };
}

describe('mutual TLS', () => {
  const owned: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of owned.splice(0).reverse()) await close();
  });

  async function serve(
    identity: IdentitySource,
    callers: string[],
  ): Promise<{ port: number; seen: (string | undefined)[] }> {
    const seen: (string | undefined)[] = [];
    const unused = unary(() => Promise.reject(new FrontierError('UNIMPLEMENTED', 'not part of this test')));
    const server = createGrpcServer();
    server.addService(ModuleServiceService, {
      describe: unary((_request, call) => {
        requirePeer(call, callers);
        seen.push(call.peerSpiffeId);
        return Promise.resolve(DescribeResponse.fromPartial({ name: 'ok' }));
      }),
      invokeStream: serverStream(async function* () {}),
      invoke: unused,
      invokeBatch: unused,
    });
    const port = await bindServer(server, { host: '127.0.0.1', port: 0 }, serverCredentials(identity));
    owned.push(() => closeServer(server, 100));
    return { port, seen };
  }

  function call(port: number, identity: IdentitySource, expectId: string): Promise<DescribeResponse> {
    const credentials = channelCredentials(identity, { expect: [expectId] });
    const client = new ModuleServiceClient(`127.0.0.1:${port}`, credentials, clientOptions());
    owned.push(() => {
      client.close();
    });
    return unaryCall(client.describe.bind(client), {}, { deadlineMs: Date.now() + 5000 });
  }

  test('both ends see the other’s SPIFFE id, and refuse any but the expected one', async () => {
    const authority = await createTestAuthority();
    const { port, seen } = await serve(createSource(await authority.issue(SIDECAR)), [GATEWAY]);
    const gateway = createSource(await authority.issue(GATEWAY));
    await expect(call(port, gateway, SIDECAR)).resolves.toMatchObject({ name: 'ok' });
    expect(seen).toEqual([GATEWAY]);
    await expect(call(port, gateway, 'spiffe://test/ns/default/module/other')).rejects.toMatchObject({
      reason: 'SERVICE_UNAVAILABLE',
    });
    const stranger = createSource(await authority.issue('spiffe://test/ns/default/module/other'));
    await expect(call(port, stranger, SIDECAR)).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  test('a certificate of another authority is refused by the handshake', async () => {
    const [ours, theirs] = [await createTestAuthority(), await createTestAuthority()];
    const { port, seen } = await serve(createSource(await ours.issue(SIDECAR)), [GATEWAY]);
    const forged = { ...(await theirs.issue(GATEWAY)), bundlePem: ours.bundlePem };
    await expect(call(port, createSource(forged), SIDECAR)).rejects.toMatchObject({ code: 14 });
    expect(seen).toEqual([]);
  });

  test('a renewed identity serves new connections without a restart', async () => {
    const [first, second] = [await createTestAuthority(), await createTestAuthority()];
    const server = createSource(await first.issue(SIDECAR));
    const { port } = await serve(server, [GATEWAY]);
    await call(port, createSource(await first.issue(GATEWAY)), SIDECAR);
    server.replace(await second.issue(SIDECAR));
    await expect(call(port, createSource(await second.issue(GATEWAY)), SIDECAR)).resolves.toMatchObject({ name: 'ok' });
  });

  test('a key that is not the certificate’s is refused', async () => {
    const authority = await createTestAuthority();
    const [a, b] = [await authority.issue(SIDECAR), await authority.issue(SIDECAR)];
    expect(() => {
      assertIdentity({ ...a, keyPem: b.keyPem });
    }).toThrow(/do not belong together/);
    expect(() => {
      assertIdentity({ ...a, certPem: 'garbage' });
    }).toThrow(/cannot be read/);
  });
});
