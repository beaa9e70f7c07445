import { ServerCredentials } from '@grpc/grpc-js';
import type { FrontierConfig, ModuleSpec } from '../core/config/schema.ts';
import { FrontierError } from '../core/errors.ts';
import type { CallContext } from '../core/grpc/handlers.ts';
import { requirePeer, serverCredentials } from '../core/identity/credentials.ts';
import { runService } from '../core/service/run-service.ts';
import type { RunningService, ServiceContext } from '../core/service/run-service.ts';
import { meshId, obtainServiceIdentity } from '../core/service/service-identity.ts';
import { createAdapter } from './adapters/create-adapter.ts';
import { startSidecar } from './sidecar.ts';

async function start(context: ServiceContext): Promise<RunningService> {
  const { config, args, clock, log, registry, signal } = context;
  const spec = specOf(config, required(args, 'module-id'));
  const replicaId = required(args, 'replica-id');
  const adapter = createAdapter(spec, textOf(args, 'workload-address'), process.env);
  const security = args['insecure'] === true ? INSECURE : await secure(context, spec, replicaId);
  const sidecar = await startSidecar({
    spec,
    replicaId,
    adapter,
    clock,
    log,
    registry,
    healthIntervalMs: config.orchestration.fallback.health_monitoring.interval * 1000,
    host: '127.0.0.1',
    ...security,
  });
  const close = async (): Promise<void> => {
    await sidecar.close();
    security.close();
  };
  try {
    await orAborted(sidecar.ready, signal);
  } catch (error) {
    await close();
    throw error;
  }
  return { ports: { grpc: sidecar.port }, isReady: () => sidecar.isReady(), drain: () => sidecar.drain(), close };
}

/** A process that is told to stop while it starts must not sit out the wait for its workload. */
function orAborted(ready: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([ready, aborted]);
}

interface Security {
  readonly credentials: ServerCredentials;
  readonly authorize: (call: CallContext) => void;
  readonly close: () => void;
}

const INSECURE: Security = {
  credentials: ServerCredentials.createInsecure(),
  authorize: () => undefined,
  close: () => undefined,
};

/** Mutual TLS under the module's name; who may call is in docs/architecture.md, "Identity". */
async function secure(context: ServiceContext, spec: ModuleSpec, replicaId: string): Promise<Security> {
  const { config, joinToken, clock, log, signal } = context;
  const identity = await obtainServiceIdentity({
    config,
    kind: 'module',
    name: spec.module_id,
    replica: replicaId,
    joinToken,
    clock,
    log,
    signal,
  });
  const callers = [
    meshId(config, 'gateway', '*'),
    meshId(config, 'service', 'router'),
    meshId(config, 'service', 'loader'),
  ];
  return {
    credentials: serverCredentials(identity),
    authorize: (call) => {
      requirePeer(call, callers);
    },
    close: () => {
      identity.close();
    },
  };
}

function specOf(config: FrontierConfig, moduleId: string): ModuleSpec {
  const spec = config.modules.find((module) => module.module_id === moduleId);
  if (spec !== undefined) return spec;
  const known = config.modules.map((module) => module.module_id).join(', ');
  throw new FrontierError('CONFIG_INVALID', `there is no module ${moduleId}; there are: ${known || 'none'}`);
}

function required(args: ServiceContext['args'], name: string): string {
  const value = textOf(args, name);
  if (value === undefined || value === '') throw new FrontierError('CONFIG_INVALID', `--${name} is needed`);
  return value;
}

function textOf(args: ServiceContext['args'], name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

await runService({
  name: 'sidecar',
  description: 'fronts one replica of a module: adapts its protocol, judges its answers, drains it',
  flags: {
    'module-id': { type: 'string', description: 'module whose workload is fronted' },
    'replica-id': { type: 'string', description: 'name of the replica, e.g. "0"' },
    'workload-address': {
      type: 'string',
      description: 'HOST:PORT of the workload; not needed when the module names one by adapter.url',
    },
    insecure: {
      type: 'boolean',
      description: 'serve without TLS and without checking callers, on loopback only; for tests and benchmarks',
    },
  },
  instance: (args) => ({ module: textOf(args, 'module-id') ?? '', replica: textOf(args, 'replica-id') ?? '' }),
  start,
});
