import { HealthImplementation } from 'grpc-health-check';
import { z } from 'zod';
import { ModuleServiceService } from '../../gen/frontier/module/v1/module.ts';
import { systemClock } from '../../core/clock.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { bindServer, closeServer, createGrpcServer } from '../../core/grpc/server.ts';
import { createLogger } from '../../core/logging.ts';
import type { Logger } from '../../core/logging.ts';
import { startTracing } from '../../core/telemetry/tracing.ts';
import type { Answerer } from './answerer.ts';
import { readEnvironment, wholeNumber } from './environment.ts';
import type { Environment } from './environment.ts';
import { createModuleService } from './module-service.ts';

const SERVICE = 'frontier.module.v1.ModuleService';

const environmentSchema = z.object({
  PORT: wholeNumber(0, 65_535).default(0),
  FRONTIER_MODULE_ID: z.string().optional(),
  FRONTIER_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** OpenTelemetry's own variables: where spans go, and under which name. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
  /** Longest wait for queries in flight at the end, in seconds. */
  FRONTIER_DRAIN_SECONDS: wholeNumber(0, 3600).default(20),
});

export interface WorkloadContext {
  readonly moduleId: string;
  readonly env: Environment;
  readonly log: Logger;
}

/** Reasons that mean "set it up differently", whose exit code tells a supervisor that starting again is of no use. */
const SETUP_REASONS = new Set(['CONFIG_INVALID', 'MODEL_UNREADABLE', 'DEPENDENCY_MISSING']);
const EXIT_SETUP = 78;

/**
 * Runs a workload: serves ModuleService and grpc.health.v1 on 127.0.0.1:$PORT (a free port when 0 or unset), SERVING once `start` has given
 * the answerer. SIGTERM, SIGINT or the end of the parent's IPC channel drains and exits 0. What hinders the start goes to
 * stderr; exit code 78 when the set-up is at fault, else 1.
 */
export async function runWorkload(name: string, start: (context: WorkloadContext) => Promise<Answerer>): Promise<void> {
  try {
    await serve(name, start);
  } catch (error) {
    process.stderr.write(`${name}: ${messageOf(error)}\n`);
    // Not exitCode: a native runtime's threads may keep the process alive.
    process.exit(error instanceof FrontierError && SETUP_REASONS.has(error.reason) ? EXIT_SETUP : 1);
  }
}

async function serve(name: string, start: (context: WorkloadContext) => Promise<Answerer>): Promise<void> {
  const env = readEnvironment(environmentSchema, process.env);
  const moduleId = env.FRONTIER_MODULE_ID ?? name;
  const log = createLogger({ service: moduleId, level: env.FRONTIER_LOG_LEVEL });
  const tracing = await startTracing({
    serviceName: env.OTEL_SERVICE_NAME ?? `frontier-module-${moduleId}`,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    // The caller has decided; a query that comes without a trace is not worth one of its own.
    sampleRatio: 0,
  });
  const running: { answerer?: Answerer } = {};
  const health = new HealthImplementation({ '': 'NOT_SERVING', [SERVICE]: 'NOT_SERVING' });
  const server = createGrpcServer();
  health.addToServer(server);
  server.addService(
    ModuleServiceService,
    createModuleService({ moduleId, answerer: () => running.answerer, clock: systemClock }),
  );
  const port = await bindServer(server, { host: '127.0.0.1', port: env.PORT });
  const setServing = (status: 'SERVING' | 'NOT_SERVING'): void => {
    health.setStatus('', status);
    health.setStatus(SERVICE, status);
  };

  onEnd(async () => {
    log.info('draining');
    setServing('NOT_SERVING');
    await closeServer(server, env.FRONTIER_DRAIN_SECONDS * 1000);
    await running.answerer?.close();
    await tracing.shutdown().catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, 'spans lost');
    });
  });
  const startedMs = systemClock.monotonicMs();
  running.answerer = await start({ moduleId, env: process.env, log });
  setServing('SERVING');
  log.info({ port, startMs: Math.round(systemClock.monotonicMs() - startedMs) }, 'serving');
  process.send?.({ type: 'ready', ports: { grpc: port } });
}

/** Runs `end` once, at the first signal or when the parent goes away; a second signal exits at once. */
function onEnd(end: () => Promise<void>): void {
  let ending = false;
  const begin = (): void => {
    if (ending) process.exit(1);
    ending = true;
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${messageOf(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', begin);
  process.on('SIGINT', begin);
  process.once('disconnect', () => {
    if (!ending) begin();
  });
}
