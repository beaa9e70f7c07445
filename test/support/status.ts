import { get } from './http-api.ts';

/** What `/status` tells of one module, as far as tests look at it. */
export interface ModuleStatus {
  readonly state: string;
  readonly reason: string;
  readonly readyReplicas: number;
  readonly restarts: number;
  readonly inFlight: number;
}

interface StatusBody {
  readonly modules: readonly {
    readonly module_id: string;
    readonly state: string;
    readonly reason?: string;
    readonly in_flight: number;
    readonly replicas: readonly { readonly state: string; readonly restarts?: number }[];
  }[];
}

/** Gives the state of a module as the router shows it; throws when it does not know the module. */
export async function moduleStatus(url: string, moduleId: string): Promise<ModuleStatus> {
  const { status, body } = await get<StatusBody>(`${url}/status`);
  if (status !== 200) throw new Error(`/status gave ${status}: ${JSON.stringify(body)}`);
  const found = body.modules.find((module) => module.module_id === moduleId);
  if (found === undefined) throw new Error(`/status has no module ${moduleId}`);
  return {
    state: found.state,
    reason: found.reason ?? '',
    readyReplicas: found.replicas.filter((replica) => replica.state === 'READY').length,
    restarts: found.replicas.reduce((sum, replica) => sum + (replica.restarts ?? 0), 0),
    inFlight: found.in_flight,
  };
}

/** Gives how many queries a module has in its hands. */
export async function inFlight(url: string, moduleId: string): Promise<number> {
  return (await moduleStatus(url, moduleId)).inFlight;
}
