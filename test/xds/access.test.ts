import { beforeAll, expect, test } from '@jest/globals';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { writeIdentity } from '../../core/identity/identity-files.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../../core/identity/join-token.ts';
import { createCertificateRequest } from '../../core/identity/key-pair.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { meshId } from '../../core/service/service-identity.ts';
import { IdentityServiceClient } from '../../gen/frontier/mesh/v1/identity.ts';
import { ControlPlaneServiceClient } from '../../gen/frontier/mesh/v1/status.ts';
import { createIssuedIdentity } from '../../xds-control-plane/authority/issued-identity.ts';
import { TYPE_URLS } from '../../xds-control-plane/protobuf/type-urls.ts';
import { silentLogger } from '../../core/logging.ts';
import { eventually } from '../support/eventually.ts';
import { newAuthority } from '../support/new-authority.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { AdsClient } from './ads-client.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';

let world: MeshWorld;
let address: string;

beforeAll(async () => {
  world = await startMeshWorld();
  address = `127.0.0.1:${world.controlPlane.port}`;
});

async function as(kind: 'gateway' | 'module' | 'service', name: string): Promise<ChannelCredentials> {
  return channelCredentials(await world.join(kind, name), {
    expect: [meshId(world.config, 'service', 'control-plane')],
  });
}

/** Asks for clusters as a node and gives how that ended, or the first response. */
async function ask(channel: ChannelCredentials, nodeId: string, target = address): Promise<unknown> {
  const client = new AdsClient(target, channel);
  try {
    client.send({ node: { id: nodeId }, type_url: TYPE_URLS.clusters });
    return await client.next();
  } finally {
    client.close();
  }
}

test('before the loader has been heard, streams are refused as unavailable', async () => {
  const fresh = await startMeshWorld();
  const identity = await fresh.join('gateway', 'edge-1');
  const channel = channelCredentials(identity, { expect: [meshId(fresh.config, 'service', 'control-plane')] });
  await expect(ask(channel, 'edge-1', `127.0.0.1:${fresh.controlPlane.port}`)).rejects.toMatchObject({
    code: status.UNAVAILABLE,
  });
});

test('a gateway is served under its own node id only', async () => {
  world.show(moduleAt('alpha', []));
  const channel = await as('gateway', 'edge-1');
  await expect(ask(channel, 'edge-1')).resolves.toMatchObject({ type_url: TYPE_URLS.clusters });
  await expect(ask(channel, 'edge-2')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
});

test('a first request without node id, or without type, is an invalid argument', async () => {
  const channel = await as('gateway', 'edge-1');
  await expect(ask(channel, '')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  const client = new AdsClient(address, channel);
  client.send({ node: { id: 'edge-1' } });
  await expect(client.next()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  client.close();
});

test('who shows no certificate, or another part of the mesh, is not served', async () => {
  const roots = await world.join('gateway', 'edge-1');
  const anonymous = channelCredentials(roots, {
    expect: [meshId(world.config, 'service', 'control-plane')],
    present: false,
  });
  await expect(ask(anonymous, 'edge-1')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  await expect(ask(await as('module', 'alpha'), 'edge-1')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  await expect(ask(await as('service', 'loader'), 'edge-1')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  await expect(ask(credentials.createInsecure(), 'edge-1')).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test('a certificate of the right name from a foreign authority counts for nothing', async () => {
  const spiffeId = meshId(world.config, 'gateway', 'edge-1');
  const authority = await newAuthority();
  const forged = await createIssuedIdentity({ authority, spiffeId, clock: systemClock, log: silentLogger });
  const { bundlePem } = (await world.join('gateway', 'edge-1')).current();
  const material = { ...forged.current(), bundlePem };
  writeIdentity(tempFolder('forged'), material);
  const channel = channelCredentials(
    { current: () => material, onChange: () => () => undefined },
    { expect: [meshId(world.config, 'service', 'control-plane')] },
  );
  await expect(ask(channel, 'edge-1')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  forged.close();
});

test('on the local socket the proxyless view is served, and no secrets', async () => {
  const client = new AdsClient(`unix:${world.controlPlane.socketPath}`, credentials.createInsecure());
  client.send({ node: { id: 'local' }, type_url: TYPE_URLS.secrets, resource_names: ['gateway', 'roots'] });
  client.send({ type_url: TYPE_URLS.listeners, resource_names: ['alpha'] });
  await expect(client.next()).resolves.toMatchObject({ type_url: TYPE_URLS.listeners });
  expect(client.received.map(({ type_url }) => type_url)).not.toContain(TYPE_URLS.secrets);
  client.close();
});

test('certificates are issued for the name that was proved, and for no other', async () => {
  const roots = await world.join('gateway', 'edge-1');
  const channel = channelCredentials(roots, {
    expect: [meshId(world.config, 'service', 'control-plane')],
    present: false,
  });
  const client = new IdentityServiceClient(address, channel);
  const wanted = meshId(world.config, 'module', 'alpha');
  const { csrPem } = await createCertificateRequest(wanted);
  const issue = async (token: string | undefined, csr = csrPem): Promise<unknown> => {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    return unaryCall(client.issueCertificate.bind(client), { csrPem: csr, spiffeId: wanted }, { metadata });
  };
  const key = loadOrCreateJoinKey(world.config.dataDir);
  const nowMs = systemClock.nowMs();
  const token = await mintJoinToken(key, wanted, nowMs);
  await expect(issue(token)).resolves.toMatchObject({
    certificateChainPem: expect.stringContaining('BEGIN CERTIFICATE'),
  });
  await expect(issue(undefined)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  await expect(issue('not-a-token')).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  await expect(issue(await mintJoinToken(key, wanted, nowMs - 700_000))).rejects.toMatchObject({
    reason: 'UNAUTHENTICATED',
  });
  await expect(issue(await mintJoinToken(key, meshId(world.config, 'module', 'beta'), nowMs))).rejects.toMatchObject({
    reason: 'PERMISSION_DENIED',
  });
  await expect(issue(token, 'not a request')).rejects.toMatchObject({ reason: 'CERTIFICATE_INVALID' });
  client.close();
});

test('status is told to the operator, with what each node has acknowledged, and to no module', async () => {
  const node = new AdsClient(address, await as('gateway', 'edge-1'));
  node.send({ node: { id: 'edge-1' }, type_url: TYPE_URLS.clusters });
  const response = await node.next();
  node.ack(response);
  const read = async (channel: ChannelCredentials): Promise<{ nodes: readonly unknown[] }> => {
    const client = new ControlPlaneServiceClient(address, channel);
    try {
      return await unaryCall(client.getStatus.bind(client), {});
    } finally {
      client.close();
    }
  };
  await expect(read(await as('module', 'alpha'))).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  const status = await read(await as('service', 'operator'));
  expect(status).toMatchObject({ synced: true, snapshotHash: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(status.nodes).toMatchObject([
    { nodeId: 'edge-1', types: [{ typeUrl: TYPE_URLS.clusters, sentVersion: response.version_info, nackMessage: '' }] },
  ]);
  node.close();
});

test('a type that is not served disturbs nothing', async () => {
  const client = new AdsClient(address, await as('gateway', 'edge-1'));
  client.send({ node: { id: 'edge-1' }, type_url: 'type.googleapis.com/envoy.service.runtime.v3.Runtime' });
  client.send({ type_url: TYPE_URLS.clusters });
  await expect(client.next()).resolves.toMatchObject({ type_url: TYPE_URLS.clusters });
  client.close();
});

test('a refused configuration shows in the status, the log and the metrics, and goes with the next acknowledgement', async () => {
  const client = new AdsClient(address, await as('gateway', 'edge-1'));
  client.send({ node: { id: 'edge-1' }, type_url: TYPE_URLS.clusters });
  const refused = await client.next();
  const operator = new ControlPlaneServiceClient(address, await as('service', 'operator'));
  const nack = async (): Promise<string | undefined> => {
    const { nodes } = await unaryCall(operator.getStatus.bind(operator), {});
    return nodes[0]?.types[0]?.nackMessage;
  };
  client.send({
    type_url: TYPE_URLS.clusters,
    response_nonce: refused.nonce,
    error_detail: { code: 3, message: 'no such lb policy' },
  });
  await eventually(async () => (await nack()) === 'no such lb policy', { what: 'the refusal in the status' });
  expect(world.logged().filter(({ event }) => event === 'configuration_refused')).toMatchObject([
    { node: 'edge-1', type: 'clusters', refusal: 'no such lb policy' },
  ]);
  expect(await world.metrics()).toContain(
    'frontier_control_plane_discovery_requests_total{type="clusters",outcome="nack"} 1',
  );
  world.show(moduleAt('alpha', []), moduleAt('another', []));
  client.ack(await client.next());
  await eventually(async () => (await nack()) === '', { what: 'the acknowledgement in the status' });
  operator.close();
  client.close();
});

test('1,000 connections leave nothing behind', async () => {
  world.show(moduleAt('alpha', []));
  const channel = await as('gateway', 'edge-1');
  for (let round = 0; round < 20; round += 1) {
    const clients = Array.from({ length: 50 }, () => new AdsClient(address, channel));
    await Promise.all(
      clients.map((client) => {
        client.send({ node: { id: 'edge-1' }, type_url: TYPE_URLS.clusters });
        return client.next(20_000);
      }),
    );
    for (const client of clients) client.close();
  }
  await eventually(async () => (await world.metrics()).includes('frontier_control_plane_streams{kind="gateway"} 0'), {
    what: 'all streams to be forgotten',
  });
}, 240_000);
