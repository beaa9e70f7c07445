import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import type { FrontierConfig } from '../config/schema.ts';
import { FrontierError, toFrontierError } from '../errors.ts';
import { createLogger } from '../logging.ts';
import type { Logger } from '../logging.ts';
import { systemRng } from '../rng.ts';
import type { Rng } from '../rng.ts';
import { startAdminServer } from '../telemetry/admin-server.ts';
import { createMetricsRegistry } from '../telemetry/metrics.ts';
import type { Registry } from '../telemetry/metrics.ts';
import { startTracing } from '../telemetry/tracing.ts';

/** sysexits.h EX_CONFIG: the supervisor need not try again before somebody mends the configuration. */
const EXIT_CONFIG = 78;

export interface ServiceContext {
  readonly config: FrontierConfig;
  /** Values of the service's own flags. */
  readonly args: Readonly<Record<string, string | boolean | undefined>>;
  readonly joinToken: string | undefined;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly registry: Registry;
  /** Aborts when the service is told to stop. */
  readonly signal: AbortSignal;
}

export interface RunningService {
  /** Ports served, by name; told to the parent. */
  readonly ports: Readonly<Record<string, number>>;
  isReady(): boolean;
  /** Refuses new work and resolves when what is in flight has finished, or its time is up. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface ServiceDefinition {
  /** E.g. "router". */
  readonly name: string;
  /** One line for --help. */
  readonly description: string;
  /** Own flags beside --config. */
  readonly flags?: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly description: string }>>;
  /** Whether /metrics, /healthz and /readyz are served on a port of their own. */
  readonly adminServer?: boolean;
  /** More words for the log's every line and the trace's service name, e.g. the module that a sidecar fronts. */
  readonly instance?: (args: ServiceContext['args']) => Record<string, string>;
  start(context: ServiceContext): Promise<RunningService>;
}

/** Runs a Frontier process from its flags to its end; see docs/architecture.md, "Processes". */
export async function runService(definition: ServiceDefinition): Promise<void> {
  try {
    await serve(definition);
  } catch (thrown) {
    const error = toFrontierError(thrown);
    const cause = error.cause instanceof Error ? `\n${error.cause.stack ?? error.cause.message}` : '';
    process.stderr.write(`${definition.name}: ${error.message}${error.reason === 'INTERNAL' ? cause : ''}\n`);
    process.exit(error.reason === 'CONFIG_INVALID' || error.reason === 'MODEL_UNREADABLE' ? EXIT_CONFIG : 1);
  }
}

async function serve(definition: ServiceDefinition): Promise<void> {
  const args = parseFlags(definition);
  if (args['help'] === true) {
    process.stdout.write(usage(definition));
    return;
  }
  const config = loadConfig({
    ...(typeof args['config'] === 'string' ? { path: args['config'] } : {}),
    env: process.env,
  });
  const { telemetry, network } = config.orchestration;
  const bindings = definition.instance?.(args) ?? {};
  const log = createLogger({ service: definition.name, level: telemetry.log_level, bindings });
  const tracing = await startTracing({
    serviceName: ['frontier', definition.name, ...(bindings['module'] === undefined ? [] : [bindings['module']])].join(
      '-',
    ),
    otlpEndpoint: telemetry.otlp_endpoint,
    sampleRatio: telemetry.sample_ratio,
  });
  const registry = createMetricsRegistry();
  const stop = new AbortController();
  const stopping = stopRequested(stop);
  const joinToken = takeJoinToken();
  const running = await definition.start({
    config,
    args,
    joinToken,
    clock: systemClock,
    rng: systemRng,
    log,
    registry,
    signal: stop.signal,
  });
  const admin =
    definition.adminServer === false
      ? undefined
      : await startAdminServer({
          host: loopbackOf(network.address),
          port: 0,
          registry,
          isReady: () => running.isReady(),
        });
  const ports = { ...running.ports, ...(admin === undefined ? {} : { admin: admin.port }) };
  log.info({ event: 'ready', ports });
  process.send?.({ type: 'ready', ports });
  // Node keeps compiled code only at an orderly end, unless told to; a service that is killed is to start fast, too.
  flushCompileCache();

  await stopping;
  log.info({ event: 'stopping' });
  await running.drain();
  await running.close();
  await admin?.close();
  await tracing.shutdown().catch((error: unknown) => {
    log.warn({ event: 'spans_lost', error: String(error) });
  });
  log.info({ event: 'stopped' });
  process.exit(0);
}

/** Metrics are for the machine itself; a service that listens to the world still keeps its own page on loopback. */
function loopbackOf(address: string): string {
  return address.includes(':') ? '::1' : '127.0.0.1';
}

/** Takes the token out of the environment, so that no child and no crash report gets it. */
function takeJoinToken(): string | undefined {
  const token = process.env['FRONTIER_JOIN_TOKEN'];
  delete process.env['FRONTIER_JOIN_TOKEN'];
  return token;
}

/** Resolves at the first SIGTERM, SIGINT or loss of the parent; a second signal ends the process at once. */
function stopRequested(stop: AbortController): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = (): void => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort(new FrontierError('DRAINING', 'the service is stopping'));
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.once('disconnect', () => {
      if (!stop.signal.aborted) onSignal();
    });
  });
}

function parseFlags(definition: ServiceDefinition): ServiceContext['args'] {
  const own = Object.fromEntries(Object.entries(definition.flags ?? {}).map(([name, { type }]) => [name, { type }]));
  try {
    return parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' }, ...own } }).values;
  } catch (error) {
    throw new FrontierError('CONFIG_INVALID', `${(error as Error).message}\n${usage(definition)}`, { cause: error });
  }
}

function usage({ name, description, flags = {} }: ServiceDefinition): string {
  const all = { config: { type: 'string', description: 'orchestration-config.yaml to use' }, ...flags };
  const lines = Object.entries(all).map(
    ([flag, { type, description: text }]) => `  --${flag}${type === 'string' ? ' VALUE' : ''}\n      ${text}`,
  );
  return `${name}: ${description}\n\n${lines.join('\n')}\n  -h, --help\n`;
}
