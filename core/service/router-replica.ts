import type { Orchestration } from '../config/schema.ts';
import { FrontierError } from '../errors.ts';

/** Where one router listens. */
export interface RouterPorts {
  readonly grpc: number;
  readonly http: number;
}

/** Gives the ports of every router whose ports are known, the first one's first. */
export function routerPorts({ network }: Pick<Orchestration, 'network'>): readonly RouterPorts[] {
  const { router_grpc: grpc, router_http: http } = network.ports;
  return [{ grpc, http }, ...network.router_replicas];
}

/** Gives which router a process is, from 1 on, by its flag; the first one without. Throws CONFIG_INVALID for one that there is not. */
export function parseReplica(flag: string | undefined, orchestration: Orchestration): number {
  const replica = Number(flag ?? 1);
  const known = routerPorts(orchestration).length;
  if (Number.isInteger(replica) && replica >= 1 && replica <= known) return replica;
  throw new FrontierError(
    'CONFIG_INVALID',
    `--replica ${String(flag)}: must be a whole number from 1 to ${known}, for which network.ports and network.router_replicas have ports`,
  );
}
