import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/logging.ts';
import { openLogFile, type LogFile } from '../../../core/process/log-file.ts';
import { createOrphanGuard } from '../../../core/process/orphan-guard.ts';
import { startProcess, type ProcessOptions } from '../../../core/process/supervised-process.ts';
import type { ReplicaDriver, ReplicaOrder } from '../driver.ts';
import { freePort } from './free-port.ts';
import { pruneLogs } from './prune-logs.ts';
import { ReplicaRun, type ReplicaParts } from './replica-run.ts';
import type { SidecarClient } from './sidecar-client.ts';
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

/** Runs replicas as child processes on this machine: a workload, unless it runs elsewhere, and a sidecar. */
export function createProcessDriver(options: ProcessDriverOptions): ReplicaDriver {
  const { clock, log, dataDir } = options;
  const guard = createOrphanGuard({ log });
  return {
    start({ spec, replicaId }, onEvent) {
      const moduleId = spec.module_id;
      let logFile: LogFile | undefined;
      return new ReplicaRun({
        clock,
        readinessMs: spec.timeouts.readiness * 1000,
        startParts: async () => {
          const logDir = join(dataDir, 'logs', moduleId);
          pruneLogs(logDir, KEPT_LOG_FILES);
          logFile = openLogFile(join(logDir, `${replicaId}.log`));
          return startParts({ spec, replicaId }, { clock, log, logFile, guard }, options);
        },
        connect: (port) => options.connect(moduleId, `127.0.0.1:${port}`),
        onEvent,
        onEnd: () => {
          logFile?.close();
          rmSync(options.identityDir(moduleId, replicaId), { recursive: true, force: true });
        },
      });
    },
    close() {
      guard.close();
      return Promise.resolve();
    },
  };
}

type Surroundings = Required<Pick<ProcessOptions, 'clock' | 'log' | 'logFile' | 'guard'>>;

async function startParts(
  { spec, replicaId }: ReplicaOrder,
  { guard, ...surroundings }: Surroundings,
  options: ProcessDriverOptions,
): Promise<ReplicaParts> {
  const moduleId = spec.module_id;
  const [port, token] = await Promise.all([freePort(), options.mintToken(moduleId)]);
  const command = workloadCommand(spec, port, options.rootDir, options.environment, options.otlpEndpoint);
  const workload =
    command === undefined
      ? undefined
      : startProcess({ ...surroundings, ...command, name: `${moduleId} workload`, ipc: false, guard });
  const args = sidecarArguments(moduleId, replicaId, workload === undefined ? undefined : port, options);
  try {
    const sidecar = startProcess({
      ...surroundings,
      name: `${moduleId} sidecar`,
      command: process.execPath,
      args,
      env: { ...options.environment, FRONTIER_JOIN_TOKEN: token },
      secrets: [token],
      cwd: process.cwd(),
      ipc: true,
    });
    return { workload, sidecar };
  } catch (error) {
    await workload?.stop(0);
    throw error;
  }
}

function sidecarArguments(
  moduleId: string,
  replicaId: string,
  port: number | undefined,
  { configPath, sidecarEntry = projectSidecar() }: ProcessDriverOptions,
): readonly string[] {
  return [
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
