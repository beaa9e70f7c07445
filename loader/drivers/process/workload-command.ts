import { resolve } from 'node:path';

import type { ModuleSpec } from '../../../core/config/schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How a module's workload is started. */
export interface WorkloadCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
}

/**
 * Gives the command for a module's workload, which is to serve on `port`; undefined when the workload runs elsewhere
 * (adapter.url) or there is none. `node` means the Node that runs this service, so that a module needs none on PATH.
 */
export function workloadCommand(
  spec: ModuleSpec,
  port: number,
  rootDir: string,
  environment: Environment,
  otlpEndpoint?: string,
): WorkloadCommand | undefined {
  if (spec.adapter.url !== undefined || spec.workload === undefined) return undefined;
  const [program = '', ...args] = spec.workload.command;
  return {
    command: program === 'node' ? process.execPath : program,
    args,
    env: { ...environment, ...telemetryOf(spec.module_id, otlpEndpoint), ...spec.workload.env, PORT: String(port) },
    cwd: resolve(rootDir, spec.workload.working_directory ?? '.'),
  };
}

/** Where a workload sends its spans, in OpenTelemetry's own variables, which workloads of every kind understand. */
function telemetryOf(moduleId: string, otlpEndpoint: string | undefined): Environment {
  if (otlpEndpoint === undefined) return {};
  return { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint, OTEL_SERVICE_NAME: `frontier-module-${moduleId}` };
}
