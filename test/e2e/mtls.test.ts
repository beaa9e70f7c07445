import { credentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { ListModulesRequest, LoaderServiceClient } from '../../gen/frontier/loader/v1/loader.ts';
import { ExecuteRequest, SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import type { ExecuteResponse } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { faultyConfig } from '../support/faulty-system.ts';
import { freePort } from '../support/free-port.ts';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { ask } from '../support/http-api.ts';
import { certificateFor, meshId } from '../support/mesh-identity.ts';

describe("a sidecar's port", () => {
  let system: RunningFrontier;
  let controlPlaneAddress: string;
  let sidecarAddress: string;

  beforeAll(async () => {
    const ports = { loader: await freePort(), control_plane: await freePort() };
    controlPlaneAddress = `127.0.0.1:${ports.control_plane}`;
    system = await startFrontier({ configDir: faultyConfig(), overrides: { network: { ports } } });
    await ask(system.url, { query: 'hello' });
    sidecarAddress = await findSidecar(`127.0.0.1:${ports.loader}`);
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  /** Asks the loader, as the command line does, where the module's replica is. */
  async function findSidecar(loaderAddress: string): Promise<string> {
    const operator = await certificateFor({ ...system, controlPlaneAddress }, 'service', 'operator');
    const expected = channelCredentials(operator, { expect: [meshId('service', 'loader')] });
    const loader = new LoaderServiceClient(loaderAddress, expected, clientOptions());
    const { modules } = await unaryCall(loader.listModules.bind(loader), ListModulesRequest.fromPartial({}));
    loader.close();
    const endpoint = modules.find(({ moduleId }) => moduleId === 'steady')?.replicas[0]?.endpoint;
    return `${endpoint?.address ?? ''}:${endpoint?.port ?? 0}`;
  }

  async function executeWith(channel: ChannelCredentials): Promise<ExecuteResponse> {
    const client = new SidecarServiceClient(sidecarAddress, channel, clientOptions());
    const request = ExecuteRequest.fromPartial({
      message: {
        header: { messageId: 'm-1', destination: 'steady' },
        payload: { $case: 'query', value: { query: 'hello' } },
      },
    });
    try {
      return await unaryCall(client.execute.bind(client), request, { deadlineMs: Date.now() + 5_000 });
    } finally {
      client.close();
    }
  }

  const as = async (kind: 'module' | 'service' | 'gateway', name: string): Promise<ChannelCredentials> =>
    channelCredentials(await certificateFor({ ...system, controlPlaneAddress }, kind, name), {
      expect: [meshId('module', 'steady')],
    });

  it('answers the router, so that the refusals below are not for another reason', async () => {
    const { message } = await executeWith(await as('service', 'router'));
    expect(message?.payload?.$case).toBe('answer');
  });

  it('refuses a client without TLS', async () => {
    await expect(executeWith(credentials.createInsecure())).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' });
  });

  it('refuses a client without a certificate', async () => {
    const router = await certificateFor({ ...system, controlPlaneAddress }, 'service', 'router');
    const nameless = channelCredentials(router, { expect: [meshId('module', 'steady')], present: false });
    await expect(executeWith(nameless)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' });
  });

  it.each([
    ['module', 'faulty'],
    ['service', 'operator'],
    ['service', 'control-plane'],
  ] as const)('refuses the certificate of %s/%s', async (kind, name) => {
    await expect(executeWith(await as(kind, name))).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  it('is refused by a client that expects another module behind it', async () => {
    const router = await certificateFor({ ...system, controlPlaneAddress }, 'service', 'router');
    const other = channelCredentials(router, { expect: [meshId('module', 'faulty')] });
    await expect(executeWith(other)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' });
  });
});
