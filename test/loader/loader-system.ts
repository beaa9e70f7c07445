import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { LoaderServiceClient, type ActivateResponse, type Module } from '../../gen/frontier/loader/v1/loader.ts';
import { SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { systemClock } from '../../core/clock.ts';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import { clientOptions, streamCall, unaryCall } from '../../core/grpc/channel.ts';
import { channelCredentials, type IdentitySource } from '../../core/identity/credentials.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../../core/identity/join-token.ts';
import { silentLogger } from '../../core/logging.ts';
import { startProcess, type SupervisedProcess } from '../../core/process/supervised-process.ts';
import { onCleanup } from '../support/cleanup.ts';
import { writeConfig, type OrchestrationInput } from '../support/frontier-config.ts';
import { freePort } from '../support/free-port.ts';
import { certificateFor, meshId } from '../support/mesh-identity.ts';
import { processesWith, type ProcessInfo } from '../support/proc.ts';
import { tempFolder } from '../support/temp-folder.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const STOP_MS = 15_000;
const ECHO = join(REPOSITORY, 'test', 'fixtures', 'echo-module.ts');

/** Gives the specification of a module that runs the echo fixture. */
export function echoModule(
  module_id: string,
  env: Record<string, string> = {},
  more: Partial<ModuleSpecInput> = {},
): ModuleSpecInput {
  return { module_id, query_classes: ['GENERAL'], workload: { command: ['node', ECHO], env }, ...more };
}

/** A control plane and a loader as processes of their own, and a client of the loader. */
export interface LoaderSystem {
  readonly loader: SupervisedProcess;
  readonly dataDir: string;
  readonly client: LoaderServiceClient;
  identity(kind: 'module' | 'service', name: string): Promise<IdentitySource>;
  /** A client of the loader under another name. */
  clientAs(kind: 'module' | 'service', name: string): Promise<LoaderServiceClient>;
  module(moduleId: string): Promise<Module>;
  /** Activates and gives every update. Throws a FrontierError. */
  activate(moduleId: string): Promise<ActivateResponse[]>;
  /** A client of a module's first ready sidecar, under the router's name. */
  sidecarOf(moduleId: string): Promise<SidecarServiceClient>;
  writeModule(spec: ModuleSpecInput): void;
  /** Live processes of the system whose command line holds `text`. */
  processes(text: string): ProcessInfo[];
}

/** Starts the system; it is stopped when the file's tests have ended. */
export async function startLoaderSystem(
  modules: readonly ModuleSpecInput[],
  fallback: OrchestrationInput['fallback'] = {},
): Promise<LoaderSystem> {
  const dataDir = tempFolder('data');
  const ports = { control_plane: await freePort(), loader: await freePort() };
  const configDir = writeConfig(
    {
      network: { ports },
      mesh: { debounce_max: 0.1 },
      fallback: { health_monitoring: { interval: 0.2 }, ...(fallback as object) },
    },
    modules,
  );
  await startService('xds-control-plane', 'control-plane', configDir, dataDir);
  const loader = await startService('loader', 'loader', configDir, dataDir);

  const controlPlaneAddress = `127.0.0.1:${ports.control_plane}`;
  const identity: LoaderSystem['identity'] = (kind, name) =>
    certificateFor({ dataDir, controlPlaneAddress }, kind, name);
  const clientAs: LoaderSystem['clientAs'] = async (kind, name) => {
    const credentials = channelCredentials(await identity(kind, name), { expect: [meshId('service', 'loader')] });
    const client = new LoaderServiceClient(`127.0.0.1:${ports.loader}`, credentials, clientOptions());
    onCleanup(() => {
      client.close();
      return Promise.resolve();
    });
    return client;
  };
  const client = await clientAs('service', 'operator');
  const module = async (moduleId: string): Promise<Module> => {
    const response = await unaryCall(client.getModule.bind(client), { moduleId });
    return response.module!;
  };
  return {
    loader,
    dataDir,
    client,
    identity,
    clientAs,
    module,
    async activate(moduleId) {
      const updates: ActivateResponse[] = [];
      const request = { moduleId, timeout: undefined, reason: 'test' };
      for await (const update of streamCall(client.activate.bind(client), request)) updates.push(update);
      return updates;
    },
    async sidecarOf(moduleId) {
      const { endpoint } = (await module(moduleId)).replicas[0]!;
      const credentials = channelCredentials(await identity('service', 'router'), {
        expect: [meshId('module', moduleId)],
      });
      const sidecar = new SidecarServiceClient(`${endpoint!.address}:${endpoint!.port}`, credentials, clientOptions());
      onCleanup(() => {
        sidecar.close();
        return Promise.resolve();
      });
      return sidecar;
    },
    writeModule: (spec) => {
      writeFileSync(join(configDir, 'modules', `${spec.module_id}.yaml`), JSON.stringify(spec));
    },
    processes: (text) => processesWith(dataDir).filter(({ command }) => command.includes(text)),
  };
}

/** Every process of the system carries the data directory in its environment, by which the test finds it. */
async function startService(
  folder: string,
  name: string,
  configDir: string,
  dataDir: string,
): Promise<SupervisedProcess> {
  const token = await mintJoinToken(loadOrCreateJoinKey(dataDir), meshId('service', name), systemClock.nowMs());
  const service = startProcess({
    name,
    command: process.execPath,
    args: [join(REPOSITORY, folder, 'main.ts'), '--config', join(configDir, 'orchestration-config.yaml')],
    env: { ...process.env, FRONTIER_STORAGE__DATA_DIR: dataDir, FRONTIER_JOIN_TOKEN: token },
    cwd: REPOSITORY,
    ipc: true,
    log: silentLogger,
    clock: systemClock,
  });
  onCleanup(() => service.stop(STOP_MS));
  await service.ready;
  return service;
}
