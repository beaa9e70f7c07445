import type { Clock } from '../core/clock.ts';
import type { FrontierConfig } from '../core/config/schema.ts';
import { routerPorts } from '../core/service/router-replica.ts';
import type { RunningService } from '../core/service/run-service.ts';
import { composeRouter, type ComposeOptions } from './compose.ts';
import { startHttpServer } from './http/http-server.ts';
import { startServer } from './server.ts';

export interface RouterServiceOptions extends ComposeOptions {
  readonly version: string;
}

/** Behind an Envoy edge, that alone listens to the world. */
const BEHIND_EDGE = '127.0.0.1';
/** Longest wait for the loader before it is served without knowing any module, in milliseconds. */
const LONGEST_SYNC_MS = 3_000;
/** Longest wait for requests in flight when the router stops, beyond their own timeout, in milliseconds. */
const DRAIN_SLACK_MS = 1_000;

/** Starts the router: its parts and both of its ports. */
export async function startRouter(options: RouterServiceOptions): Promise<RunningService> {
  const { config, clock, log, registry } = options;
  const { router: settings, network, communication } = config.orchestration;
  const own = routerPorts(config.orchestration)[(options.replica ?? 1) - 1];
  const { http } = communication.protocols;
  const parts = await composeRouter(options);
  let draining = false;
  let synced = false;
  void parts.watch.synced.then(() => {
    synced = true;
  });
  // A router that knows no module yet could only refuse: until then callers are better off at another one, or waiting.
  await within(LONGEST_SYNC_MS, parts.watch.synced, clock);
  const isReady = (): boolean => synced && !draining;
  const host = config.orchestration.mesh.mode === 'envoy' ? BEHIND_EDGE : network.address;
  const limits = { maxQueryBytes: settings.max_query_bytes, maxAttachmentBytes: settings.max_attachment_bytes };
  const grpc = await startServer({
    ...parts,
    limits,
    host,
    port: own?.grpc ?? 0,
  });
  const web = await startHttpServer({
    ...parts,
    activator: parts.bulk.activator,
    limits,
    registry,
    clock,
    log,
    isReady,
    host,
    port: own?.http ?? 0,
    apiEnabled: http.enabled,
    timeoutMs: Math.min(http.timeout, settings.request_timeout) * 1000,
    version: options.version,
    configuredRouters: settings.replicas,
    streamFailure: config.orchestration.fallback.openai_stream_failure,
  });
  await grpc.offerReflection();
  return {
    ports: { grpc: grpc.port, http: web.port },
    isReady,
    async drain() {
      draining = true;
      grpc.refuse();
      await Promise.all([grpc.close(drainTimeMs(config)), web.close()]);
    },
    close: () => parts.close(),
  };
}

/** Waits for something, or until the time is up. */
function within(ms: number, awaited: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    void awaited.then(() => {
      cancel();
      resolve();
    });
  });
}

function drainTimeMs({ orchestration }: FrontierConfig): number {
  return orchestration.router.request_timeout * 1000 + DRAIN_SLACK_MS;
}
