import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type { Orchestration } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import type { RouterPorts } from '../../core/service/router-replica.ts';

export type Ports = Orchestration['network']['ports'];
export type PortName = keyof Ports;

/** Ports that are settled: of the services, and of the routers after the first. */
export interface SettledPorts {
  readonly ports: Ports;
  readonly routers: readonly RouterPorts[];
}

/** The ports that are set when the file says nothing; see core/config/schema.ts. */
export const DEFAULT_PORTS: Ports = {
  edge: 8000,
  router_grpc: 50_051,
  router_http: 8001,
  mesh: 15_001,
  loader: 50_052,
  control_plane: 18_000,
  envoy_admin: 9901,
};

/**
 * What to do about a configured port:
 *
 * | configured       | free | edge     | others                                             |
 * | 0                |  -   | any      | any                                                |
 * | number           | yes  | it       | it                                                 |
 * | default          | no   | conflict | any: nobody asked for just this one                |
 * | another number   | no   | conflict | conflict: somebody did, and may have told others   |
 */
export function choosePort(name: string, configured: number, isFree: boolean): 'any' | 'conflict' | number {
  if (configured === 0) return 'any';
  if (isFree) return configured;
  return name !== 'edge' && configured === DEFAULT_PORTS[name as PortName] ? 'any' : 'conflict';
}

/**
 * Settles every port that this mesh mode uses. Ports that are looked up stay held until all are settled, so that two services
 * never get the same one. Throws PORT_IN_USE; `describeHolder` may add who holds it.
 */
export async function resolvePorts(
  configured: Ports,
  routers: readonly RouterPorts[],
  address: string,
  describeHolder: (port: number) => string | undefined,
): Promise<SettledPorts> {
  const held: Server[] = [];
  try {
    const entries: [PortName, number][] = [];
    for (const [name, wanted] of Object.entries(configured) as [PortName, number][]) {
      const host = name === 'edge' ? address : '127.0.0.1';
      entries.push([name, await settle(name, wanted, host, held, describeHolder)]);
    }
    const settled: RouterPorts[] = [];
    for (const [index, { grpc, http }] of routers.entries()) {
      const own = (port: number): Promise<number> =>
        settle(`router_replicas[${index}]`, port, '127.0.0.1', held, describeHolder);
      settled.push({ grpc: await own(grpc), http: await own(http) });
    }
    return { ports: Object.fromEntries(entries) as Ports, routers: settled };
  } finally {
    await Promise.all(held.map(release));
  }
}

async function settle(
  name: string,
  wanted: number,
  host: string,
  held: Server[],
  describeHolder: (port: number) => string | undefined,
): Promise<number> {
  const own = wanted === 0 ? undefined : await hold(wanted, host);
  const choice = choosePort(name, wanted, own !== undefined);
  if (choice === 'conflict') throw portInUse(name, wanted, describeHolder(wanted));
  const server = own ?? (await hold(0, host));
  if (server === undefined) throw new FrontierError('PORT_IN_USE', `no free port on ${host} for ${name}`);
  held.push(server);
  return (server.address() as AddressInfo).port;
}

function portInUse(name: string, port: number, holder: string | undefined): FrontierError {
  const who = holder === undefined ? '' : ` by ${holder}`;
  const setting = name.startsWith('router_replicas') ? `network.${name}` : `network.ports.${name}`;
  const how = name === 'edge' ? '--edge-port' : setting;
  return new FrontierError(
    'PORT_IN_USE',
    `port ${port} (${setting}) is in use${who}; set ${how} to another one, or 0 for any`,
    {
      metadata: { port: String(port), setting },
    },
  );
}

/** Listens on a port; undefined when it is taken. Throws for an address that is not this machine's. */
function hold(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(new FrontierError('CONFIG_INVALID', `cannot listen on ${host}: ${error.message}`, { cause: error }));
    });
    server.listen({ port, host, exclusive: true }, () => {
      resolve(server);
    });
  });
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
