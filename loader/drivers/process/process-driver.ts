import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '../../../core/clock.ts';
import type { ModuleSpec } from '../../../core/config/schema.ts';
import { FrontierError } from '../../../core/errors.ts';
import type { Logger } from '../../../core/logging.ts';
import { definedEntries } from '../../../core/process/supervised-process.ts';
import type { ReplicaDriver, ReplicaEvent, ReplicaHandle, ReplicaOrder } from '../driver.ts';
import { foundReplicas } from './found-replicas.ts';
import { freePort } from './free-port.ts';
import { createKeeperClient, type KeeperClient } from './keeper/keeper-client.ts';
import { pruneLogs } from './prune-logs.ts';
import { ReplicaRun, type ReplicaParts } from './replica-run.ts';
import type { SidecarClient } from './sidecar-client.ts';
import { createGpuMonitor } from './usage/gpu-monitor.ts';
import { workloadCommand } from './workload-command.ts';

export interface ProcessDriverOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Configuration file for the sidecars; undefined takes their default. */
  readonly configPath: string | undefined;
  /** Folder against which a workload's working directory is resolved. */
  readonly rootDir: string;
  readonly dataDir: string;
  /** Environment that sidecars and workloads inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How long replicas outlive a loader that has died, in milliseconds. */
  readonly orphanGraceMs: number;
  /** Collector to which workloads send their spans; undefined for none. */
  readonly otlpEndpoint?: string | undefined;
  /** Gives a join token for a module's sidecar. */
  readonly mintToken: (moduleId: string) => Promise<string>;
  /** Gives a client of a module's sidecar at host:port. */
  readonly connect: (moduleId: string, address: string) => SidecarClient;
  /** Where a replica's certificate is kept; removed with the replica. */
  readonly identityDir: (moduleId: string, replicaId: string) => string;
  /** The sidecar's program; the project's own when left out. */
  readonly sidecarEntry?: string;
}

/** Log files kept of one module: those of the newest replicas, each with its rotated one. */
const KEPT_LOG_FILES = 12;
const END_GRACE_MS = 3000;

/**
 * Runs replicas as processes on this machine: a workload, unless it runs elsewhere, and a sidecar. They are children of a keeper
 * (./keeper), which outlives this loader for a while, so that the next one finds them.
 */
export function createProcessDriver(options: ProcessDriverOptions): ReplicaDriver {
  const { clock, log, dataDir } = options;
  const keeper = createKeeperClient({
    socketPath: join(dataDir, 'run', 'keeper.sock'),
    graceMs: options.orphanGraceMs,
    clock,
    log,
    environment: options.environment,
  });
  const gpus = createGpuMonitor({ clock, environment: options.environment });
  const run = (
    { spec, replicaId }: Pick<ReplicaOrder, 'spec' | 'replicaId'>,
    start: () => Promise<ReplicaParts>,
    onEvent: (event: ReplicaEvent) => void,
  ): ReplicaHandle =>
    new ReplicaRun({
      clock,
      gpus,
      readinessMs: spec.timeouts.readiness * 1000,
      startParts: start,
      connect: (port) => options.connect(spec.module_id, `127.0.0.1:${port}`),
      onEvent,
      onEnd: () => {
        rmSync(options.identityDir(spec.module_id, replicaId), { recursive: true, force: true });
      },
    });
  return {
    start: (order, onEvent) => run(order, () => startParts(order, keeper, options), onEvent),
    async found() {
      return foundReplicas(await keeper.kept(), (order, parts, onEvent) =>
        run(order, () => assertWhole(order.spec, parts), onEvent),
      );
    },
    close: () => keeper.end(),
  };
}

/** A replica whose workload has ended while no loader was there is none. Throws MODULE_UNAVAILABLE then. */
async function assertWhole(spec: ModuleSpec, parts: ReplicaParts): Promise<ReplicaParts> {
  const hasWorkload = spec.workload !== undefined && spec.adapter.url === undefined;
  if (!hasWorkload || parts.workload !== undefined) return parts;
  await parts.sidecar.stop(END_GRACE_MS);
  throw new FrontierError('MODULE_UNAVAILABLE', 'its workload ended while no loader was there');
}

async function startParts(
  order: ReplicaOrder,
  keeper: KeeperClient,
  options: ProcessDriverOptions,
): Promise<ReplicaParts> {
  const { spec, replicaId, version, createdAtMs } = order;
  const moduleId = spec.module_id;
  const logDir = join(options.dataDir, 'logs', moduleId);
  pruneLogs(logDir, KEPT_LOG_FILES);
  const logPath = join(logDir, `${replicaId}.log`);
  const tag = { moduleId, replicaId, version, createdAtMs };
  const [port, token] = await Promise.all([freePort(), options.mintToken(moduleId)]);
  const command = workloadCommand(spec, port, options.rootDir, options.environment, options.otlpEndpoint);
  const workload =
    command === undefined
      ? undefined
      : await keeper.start({
          tag: { ...tag, part: 'workload' },
          name: `${moduleId} workload`,
          command: command.command,
          args: [...command.args],
          env: definedEntries(command.env),
          cwd: command.cwd,
          ipc: false,
          secrets: [],
          logPath,
        });
  try {
    const sidecar = await keeper.start({
      tag: { ...tag, part: 'sidecar' },
      name: `${moduleId} sidecar`,
      command: process.execPath,
      args: [...sidecarArguments(moduleId, replicaId, workload === undefined ? undefined : port, options)],
      env: definedEntries({ ...options.environment, FRONTIER_JOIN_TOKEN: token }),
      cwd: process.cwd(),
      ipc: true,
      secrets: [token],
      logPath,
    });
    return { workload, sidecar };
  } catch (error) {
    await workload?.stop(0);
    throw error;
  }
}

/** One for each replica: V8's young generation, 32 MiB by default, fills before it is collected, which costs 100 MiB and gains nothing here. */
const SIDECAR_RUNTIME_FLAGS = ['--max-semi-space-size=16'];

function sidecarArguments(
  moduleId: string,
  replicaId: string,
  port: number | undefined,
  { configPath, sidecarEntry = projectSidecar() }: ProcessDriverOptions,
): readonly string[] {
  return [
    ...SIDECAR_RUNTIME_FLAGS,
    sidecarEntry,
    ...(configPath === undefined ? [] : ['--config', configPath]),
    '--module-id',
    moduleId,
    '--replica-id',
    replicaId,
    ...(port === undefined ? [] : ['--workload-address', `127.0.0.1:${port}`]),
  ];
}

/** The sidecar stands beside the loader, as .ts in the sources and .js when built. */
function projectSidecar(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../../../sidecar/main.${extension}`, import.meta.url));
}
