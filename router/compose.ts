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
import { createAdmission, type Admission } from './pipeline/admit.ts';
import { createAuthenticate, type Authenticate } from './pipeline/authenticate.ts';
import type { BulkDependencies } from './pipeline/dependencies.ts';
import { createRecentRequests } from './pipeline/recent-requests.ts';
import { createRouter, type Router } from './pipeline/router.ts';
import { keepHistory } from './resilience/history-keeper.ts';
import { holdPolicyOf } from './resilience/hold-rule.ts';
import { patienceOf } from './resilience/patience.ts';
import { createRetryBudget } from './resilience/retry-budget.ts';
import { createModuleBoard, type ModuleBoard } from './resilience/module-board.ts';
import { createRouterMetrics, type RouterMetrics } from './telemetry/router-metrics.ts';
import { startUsageReports } from './usage-reporter.ts';

export interface ComposeOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly registry: Registry;
  readonly store: Store;
  /** How modules are reached. */
  readonly dial: Dial;
  /** Loader, as host:port. */
  readonly loaderAddress: string;
  readonly loaderCredentials: ChannelCredentials;
}

/** The router's parts, put together; the bindings (gRPC, HTTP) stand on them. */
export interface RouterParts {
  readonly router: Router;
  readonly bulk: BulkDependencies;
  readonly board: ModuleBoard;
  readonly watch: ModuleWatch;
  readonly loader: LoaderClient;
  readonly admission: Admission;
  readonly authenticate: Authenticate;
  readonly metrics: RouterMetrics;
  close(): Promise<void>;
}

/** Puts the router together. Nothing is served yet. */
export async function composeRouter(options: ComposeOptions): Promise<RouterParts> {
  const { config, clock, rng, log, registry, store } = options;
  const { router: settings, dynamic_loading: loading, fallback, security } = config.orchestration;
  const board = createModuleBoard({
    clock,
    fallback,
    rng,
    onBreakerChange: (moduleId, from, to) => {
      metrics.breakerChanges.inc({ module: moduleId, state: to });
      log.warn({ event: 'breaker_changed', module: moduleId, from, to });
    },
  });
  const admission = createAdmission({
    maxConcurrent: settings.max_concurrent_requests,
    rateLimit: { perSecond: settings.rate_limit.requests_per_second, size: settings.rate_limit.burst },
    clock,
  });
  const metrics = createRouterMetrics(registry, board, () => admission.inFlight);
  const history = await keepHistory(board, store, clock, log);
  const loader = createLoaderClient({
    address: options.loaderAddress,
    credentials: options.loaderCredentials,
    activationTimeoutMs: loading.activation_timeout * 1000,
    reporter: `router-${process.pid}`,
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
    policy: {
      confidenceThreshold: settings.classification.confidence_threshold,
      maxAttempts: fallback.max_attempts,
      minSuccessRate: fallback.health_monitoring.min_success_rate,
      selection: selectionPolicyOf(settings.selection),
    },
    answers,
    outcomes,
    requestTimeoutMs: settings.request_timeout * 1000,
    patience: patienceOf(fallback),
    holdPolicy: holdPolicyOf(fallback),
    retryBudget: createRetryBudget(fallback.retry.budget),
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
    authenticate: createAuthenticate(security),
    metrics,
    async close() {
      usage.close();
      watch.close();
      activator.close();
      lanes.close();
      channels.close();
      loader.close();
      outcomes?.close();
      await history.close();
    },
  };
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
