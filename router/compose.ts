import path from 'node:path';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import type { FrontierConfig } from '../core/config/schema.ts';
import type { Logger } from '../core/logging.ts';
import { watchModules, type ModuleWatch } from '../core/modules/module-watch-client.ts';
import type { Rng } from '../core/rng.ts';
import type { Store } from '../core/store/store.ts';
import type { Registry } from '../core/telemetry/metrics.ts';
import { createAnswers } from './cache/create-answers.ts';
import { createLexicalClassifier } from './classification/lexical-classifier.ts';
import { loadModel } from './classification/load-model.ts';
import { selectionPolicyOf } from './decide/selection-policy.ts';
import { createActivator } from './execute/activation.ts';
import { createModuleChannels, type Dial } from './execute/module-channel.ts';
import { createModuleLanes } from './execute/module-lanes.ts';
import { createSidecarCaller } from './execute/sidecar-client.ts';
import { openOutcomeLog } from './learning/outcome-log.ts';
import { createLoaderClient, type LoaderClient } from './loader-client.ts';
import { startMeshReports, type MeshReports } from './mesh-report-client.ts';
import { composeOverload } from './compose-overload.ts';
import type { Admission } from './pipeline/admit.ts';
import { createAuthenticate, type Authenticate } from './pipeline/authenticate.ts';
import type { BulkDependencies } from './pipeline/dependencies.ts';
import type { Pressure } from './pipeline/pressure.ts';
import { createRateBuckets } from './pipeline/rate-buckets.ts';
import { createRecentRequests } from './pipeline/recent-requests.ts';
import { createRouter, type Router } from './pipeline/router.ts';
import { holdPolicyOf } from './resilience/hold-rule.ts';
import { patienceOf } from './resilience/patience.ts';
import { createStrategyLearner } from './resilience/strategy-learner.ts';
import { createRoundRobin } from './resilience/weighted-round-robin.ts';
import { createFallbackLedger, type FallbackLedger } from './resilience/fallback-ledger.ts';
import { createRetryBudget, type RetryBudget } from './resilience/retry-budget.ts';
import { createModuleBoard, type ModuleBoard } from './resilience/module-board.ts';
import { moduleReports } from './resilience/module-reports.ts';
import { shareRouter } from './state/share-router.ts';
import { createRouterMetrics, type RouterMetrics } from './telemetry/router-metrics.ts';
import { startUsageReports } from './usage-reporter.ts';

export interface ComposeOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly registry: Registry;
  readonly store: Store;
  /** Unique among the routers of the store, and the same after a restart. */
  readonly routerId: string;
  /** How modules are reached. */
  readonly dial: Dial;
  /** Loader, as host:port. */
  readonly loaderAddress: string;
  readonly loaderCredentials: ChannelCredentials;
  /** Control plane, which is told of open breakers; nobody is when left out. */
  readonly controlPlane?: { readonly address: string; readonly credentials: ChannelCredentials };
}

/** The router's parts, put together; the bindings (gRPC, HTTP) stand on them. */
export interface RouterParts {
  readonly router: Router;
  readonly bulk: BulkDependencies;
  readonly board: ModuleBoard;
  readonly watch: ModuleWatch;
  readonly loader: LoaderClient;
  readonly admission: Admission;
  readonly pressure: Pressure;
  readonly authenticate: Authenticate;
  readonly metrics: RouterMetrics;
  readonly ledger: FallbackLedger;
  readonly retryBudget: RetryBudget;
  close(): Promise<void>;
}

/** Puts the router together. Nothing is served yet. */
export async function composeRouter(options: ComposeOptions): Promise<RouterParts> {
  const { config, clock, rng, log, registry } = options;
  const { router: settings, dynamic_loading: loading, fallback, security } = config.orchestration;
  const ledger = createFallbackLedger();
  const retryBudget = createRetryBudget(fallback.retry.budget);
  // Declared before the board, whose breakers may change while others are still being put together.
  let meshReports: MeshReports | undefined = undefined;
  const board = createModuleBoard({
    clock,
    fallback,
    rng,
    onBreakerChange: (moduleId, from, to) => {
      metrics.breakerChanges.inc({ module: moduleId, state: to });
      ledger.noteBreaker(moduleId, { from, to, atMs: clock.nowMs() });
      log.warn({ event: 'breaker_changed', module: moduleId, from, to });
      meshReports?.changed();
    },
    onLimitChange: (module, before, after, max) => {
      metrics.limitChanges.inc({ module, reason: after.reason });
      const [was, is] = [before.limit < max, after.limit < max];
      if (was !== is) log.info({ event: is ? 'module_limit_lowered' : 'module_limit_restored', module, ...after });
    },
  });
  const { requests_per_second: perSecond, burst: size } = settings.rate_limit;
  const buckets = createRateBuckets({ perSecond, size }, clock);
  const overload = composeOverload(options, board, buckets, (priority, reason) => {
    metrics.shed.inc({ priority, reason });
  });
  const { admission, pressure } = overload;
  const metrics = createRouterMetrics(registry, board, () => admission.inFlight);
  const isShared = config.orchestration.storage.type === 'redis';
  const shared = await shareRouter({ ...options, isShared, board, buckets });
  const loader = createLoaderClient({
    address: options.loaderAddress,
    credentials: options.loaderCredentials,
    activationTimeoutMs: loading.activation_timeout * 1000,
    reporter: `router-${options.routerId}`,
    clock,
  });
  const watch = watchModules({
    address: options.loaderAddress,
    credentials: options.loaderCredentials,
    clock,
    rng,
    log,
    onChange: (views) => {
      board.applyViews(views);
    },
  });
  const activator = createActivator({
    activate: (moduleId, signal) => loader.activate(moduleId, signal),
    maxWaiting: loading.max_waiting,
    timeoutMs: loading.activation_timeout * 1000,
    clock,
  });
  const { outcome_log: outcomeLog } = settings.selection;
  const outcomes = outcomeLog === undefined ? undefined : openOutcomeLog(path.resolve(config.dataDir, outcomeLog));
  const answers = createAnswers(options, metrics);
  const channels = createModuleChannels(options.dial);
  const lanes = createModuleLanes(channels, board);
  meshReports = startReports(options, board);
  const usage = startUsageReports(board, loader, clock, log);
  const dependencies = {
    board,
    caller: createSidecarCaller(channels),
    activator,
    clock,
    rng,
    log,
    metrics,
    recent: createRecentRequests(),
    classifier: createLexicalClassifier(loadModel(modelPathOf(config))),
    admission,
    pressure,
    moduleWait: overload.moduleWait,
    policy: {
      confidenceThreshold: settings.classification.confidence_threshold,
      maxAttempts: fallback.max_attempts,
      minSuccessRate: fallback.health_monitoring.min_success_rate,
      selection: selectionPolicyOf(settings.selection),
      strategy: settings.strategy,
    },
    answers,
    outcomes,
    requestTimeoutMs: settings.request_timeout * 1000,
    patience: patienceOf(fallback),
    holdPolicy: holdPolicyOf(fallback),
    ledger,
    retryBudget,
    learner: createStrategyLearner(rng),
    roundRobin: createRoundRobin(),
  };
  if (security.api_keys.length === 0) {
    log.info({
      event: 'open_to_loopback',
      detail: 'no API keys are configured: callers on this machine are administrators, others are refused',
    });
  }
  return {
    router: createRouter(dependencies),
    bulk: { ...dependencies, lanes, nextMessageId: createMessageIds() },
    board,
    watch,
    loader,
    admission,
    pressure,
    authenticate: createAuthenticate(security),
    metrics,
    ledger,
    retryBudget,
    async close() {
      usage.close();
      overload.close();
      meshReports?.close();
      watch.close();
      activator.close();
      lanes.close();
      channels.close();
      loader.close();
      outcomes?.close();
      await shared.close();
    },
  };
}

function startReports(
  { config, controlPlane, clock, log, routerId }: ComposeOptions,
  board: ModuleBoard,
): MeshReports | undefined {
  if (controlPlane === undefined || !config.orchestration.mesh.shared_breakers.enabled) return undefined;
  return startMeshReports({
    ...controlPlane,
    reporter: `router-${routerId}`,
    clock,
    log,
    reports: () => moduleReports(board.records(), clock.monotonicMs()),
  });
}

/** The configured classifier's file; undefined for the one that ships. */
function modelPathOf({ orchestration, rootDir }: FrontierConfig): string | undefined {
  const { model } = orchestration.router.classification;
  return model === undefined ? undefined : path.resolve(rootDir, model);
}

/** Gives ids that are unique in this process: a count, which is short on the wire. */
function createMessageIds(): () => string {
  let last = 0;
  return () => {
    last += 1;
    return last.toString(36);
  };
}
