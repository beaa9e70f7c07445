import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orchestrationFileSchema } from '../../core/config/schema.ts';
import { portHolder } from './port-holder.ts';
import { choosePort, DEFAULT_PORTS, resolvePorts } from './ports.ts';

const ANY = { edge: 0, router_grpc: 0, router_http: 0, mesh: 0, loader: 0, control_plane: 0, envoy_admin: 0 };

it('knows the defaults of the configuration', () => {
  expect(orchestrationFileSchema.parse({ orchestration: {} }).orchestration.network.ports).toEqual(DEFAULT_PORTS);
});

it.each([
  ['edge', 0, false, 'any'],
  ['edge', 8000, true, 8000],
  ['edge', 8000, false, 'conflict'],
  ['loader', 50_052, true, 50_052],
  ['loader', 50_052, false, 'any'],
  ['loader', 7000, false, 'conflict'],
  ['mesh', 0, true, 'any'],
] as const)('%s configured as %i, free: %s → %s', (name, configured, isFree, expected) => {
  expect(choosePort(name, configured, isFree)).toBe(expected);
});

it('gives every service a port of its own', async () => {
  const more = [1, 2].map(() => ({ grpc: 0, http: 0 }));
  const { ports, routers } = await resolvePorts(ANY, more, '127.0.0.1', () => undefined);
  const all = [...Object.values(ports), ...routers.flatMap(({ grpc, http }) => [grpc, http])];
  expect(new Set(all).size).toBe(11);
  expect(all.every((port) => port > 0)).toBe(true);
});

describe('a port that is taken', () => {
  let server: Server;
  let port: number;
  beforeEach(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    server.close();
  });

  it('is refused with its number, its setting and its holder', async () => {
    const attempt = resolvePorts({ ...ANY, edge: port }, [], '127.0.0.1', () => 'process 1 (init)');
    await expect(attempt).rejects.toMatchObject({
      reason: 'PORT_IN_USE',
      metadata: { port: String(port), setting: 'network.ports.edge' },
    });
    await expect(attempt).rejects.toThrow(/in use by process 1 \(init\); set --edge-port/);
  });

  it('is refused for a further router, too', async () => {
    await expect(resolvePorts(ANY, [{ grpc: 0, http: port }], '127.0.0.1', () => undefined)).rejects.toThrow(
      /set network\.router_replicas\[0\] to another one/,
    );
  });

  it('is known by its process, where /proc tells', () => {
    const expected =
      process.platform === 'linux' ? expect.stringMatching(new RegExp(`^process ${process.pid} \\(`)) : undefined;
    expect(portHolder(port)).toEqual(expected);
  });

  it('of nobody has no holder', () => {
    expect(portHolder(1)).toBeUndefined();
  });
});
