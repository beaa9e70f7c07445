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
import { openClassifier, type ClassifierStatus } from './classification/open-cascade.ts';
import { createPlanBook } from './decide/plan-book.ts';
import { selectionPolicyOf } from './decide/selection-policy.ts';
import { createActivator } from './execute/activation.ts';
import { createModuleChannels, type Dial } from './execute/module-channel.ts';
import { createModuleLanes } from './execute/module-lanes.ts';
import { createSidecarCaller } from './execute/sidecar-client.ts';
import { openOutcomeLog } from './learning/outcome-log.ts';
import { createLoaderClient, type LoaderClient } from './loader-client.ts';
import { startMeshReports, type MeshReports } from './mesh-report-client.ts';
import { composeOverload } from './compose-overload.ts';
import { createCalibrationBook, type CalibrationBook } from './calibration/calibration-book.ts';
import type { Admission } from './pipeline/admit.ts';
import { createAuthenticate, type Authenticate } from './pipeline/authenticate.ts';
import type { BulkDependencies } from './pipeline/dependencies.ts';
import type { Pressure } from './pipeline/pressure.ts';
import { createRateBuckets } from './pipeline/rate-buckets.ts';
import { createRecentRequests } from './pipeline/recent-requests.ts';
import { createRouter, type Router } from './pipeline/router.ts';
import { holdPolicyOf } from './resilience/hold-rule.ts';
import { patienceOf } from './resilience/patience.ts';
import { createStrategyLearner, type StrategyLearner } from './resilience/strategy-learner.ts';
import { createRoundRobin } from './resilience/weighted-round-robin.ts';
import { createFallbackLedger, type FallbackLedger } from './resilience/fallback-ledger.ts';
import { createDriftWatch } from './resilience/drift/drift-watch.ts';
import { createExhaustionWatch } from './resilience/exhaustion/exhaustion-watch.ts';
import { createHealer } from './resilience/healer.ts';
import { createHealingEvents, type HealingEvents } from './resilience/healing-events.ts';
import { createFailureShares } from './resilience/tuning/failure-shares.ts';
import { createScoreBook } from './resilience/tuning/score-book.ts';
import { createTuner, type Tuner } from './resilience/tuning/tuner.ts';
import { createRetryBudget, type RetryBudget } from './resilience/retry-budget.ts';
import { createModuleBoard, type ModuleBoard } from './resilience/module-board.ts';
import { moduleReports } from './resilience/module-reports.ts';
import { shareRouter } from './state/share-router.ts';
import type { SharedRouter } from './state/share-router.ts';
import { createRouterMetrics, type RouterMetrics } from './telemetry/router-metrics.ts';
import { startUsageReports } from './usage-reporter.ts';

export interface ComposeOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly registry: Registry;
  readonly store: Store;
  /** Which of the routers beside one another this is, from 1 on; the first when left out. */
  readonly replica?: number;
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
  readonly classifierStatus: () => ClassifierStatus;
  readonly events: HealingEvents;
  readonly tuner: Tuner;
  readonly learner: StrategyLearner;
  /** Routers of the store that are there, this one among them. */
  readonly routers: () => number;
  readonly calibration: CalibrationBook;
  readonly shared: SharedRouter;
  close(): Promise<void>;
}

/** Puts the router together. Nothing is served yet. */
export async function composeRouter(options: ComposeOptions): Promise<RouterParts> {
  const { config, clock, rng, log, registry } = options;
  const { router: settings, dynamic_loading: loading, fallback, security } = config.orchestration;
  // First, since it may find the configuration to be wrong, and nothing is to be left running then.
  const opened = openClassifier({
    config,
    clock,
    log,
    env: process.env,
    onDecided: (by) => {
      metrics.decidedBy.note(by);
    },
  });
  const ledger = createFallbackLedger(clock);
  const scores = createScoreBook();
  const failures = createFailureShares();
  const calibration = createCalibrationBook(clock, settings.calibration.enabled);
  const retryBudget = createRetryBudget(fallback.retry.budget);
  // Declared before the board, whose breakers may change while others are still being put together.
  let meshReports: MeshReports | undefined = undefined;
  const events = createHealingEvents(({ action, moduleId, reason }) => {
    metrics.healing.inc({ module: moduleId, action });
    log.warn({ event: 'healing', action, module: moduleId, reason });
  });
  const healer = createHealer({
    policy: fallback.healing,
    clock,
    events,
    recordOf: (moduleId) => board.record(moduleId),
    restart: (moduleId, reason) => loader.restart(moduleId, reason, false),
  });
  const board = createModuleBoard({
    clock,
    fallback,
    rng,
    onBack: healer.onBack,
    onView: (view, before) => {
      healer.onView(view, before);
      tuner.onView(view, before);
    },
    onEnd: (moduleId, queryClass, end) => {
      drift.onEnd(moduleId, queryClass, end);
      exhaustion.onEnd(moduleId, queryClass, end);
      if (end.kind === 'answered') scores.noteAnswer(moduleId, queryClass, end.rawScore ?? end.confidence);
      if (end.kind === 'answered' || (end.kind === 'failed' && end.modulesFault))
        failures.note(moduleId, end.kind === 'failed');
    },
    onBreakerChange: (moduleId, from, to) => {
      metrics.breakerChanges.inc({ module: moduleId, state: to });
      ledger.noteBreaker(moduleId, { from, to, atMs: clock.nowMs() });
      log.warn({ event: 'breaker_changed', module: moduleId, from, to });
      healer.onBreaker(moduleId, to);
      meshReports?.changed();
    },
    onLimitChange: (module, before, after, max) => {
      metrics.limitChanges.inc({ module, reason: after.reason });
      const [was, is] = [before.limit < max, after.limit < max];
      if (was !== is) log.info({ event: is ? 'module_limit_lowered' : 'module_limit_restored', module, ...after });
    },
  });
  const tuner = createTuner({
    fallback,
    clock,
    records: () => board.records(),
    scores,
    calibration,
    failures,
    note: healer.note,
  });
  const drift = createDriftWatch({
    policy: fallback.healing.drift,
    clock,
    recordOf: (moduleId) => board.record(moduleId),
    records: () => board.records(),
    note: healer.note,
    setShare: (moduleId, share) => {
      board.setReducedShare(moduleId, 'drifting', share);
    },
    warm: (moduleId) => activator.wake(moduleId),
    restart: healer.restart,
  });
  const exhaustion = createExhaustionWatch({
    policy: fallback.healing.exhaustion,
    clock,
    recordOf: (moduleId) => board.record(moduleId),
    records: () => board.records(),
    note: healer.note,
    setShare: (moduleId, share) => {
      board.setReducedShare(moduleId, 'exhausted', share);
    },
    warm: (moduleId) => activator.wake(moduleId),
    restart: healer.restart,
  });
  const { requests_per_second: perSecond, burst: size } = settings.rate_limit;
  const buckets = createRateBuckets({ perSecond, size }, clock);
  const overload = composeOverload(options, board, buckets, (priority, reason) => {
    metrics.shed.inc({ priority, reason });
  });
  const { admission, pressure } = overload;
  const metrics = createRouterMetrics(registry, board, () => admission.inFlight);
  const learner = createStrategyLearner(rng);
  const isShared = config.orchestration.storage.type === 'redis';
  const shared = await shareRouter({ ...options, isShared, board, learner, calibration, ledger, buckets });
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
  const outcomes = outcomeLog === undefined ? undefined : openOutcomeLog(outcomeLogPath(options, outcomeLog));
  const answers = createAnswers(options, metrics, opened.embedder);
  const channels = createModuleChannels(options.dial);
  const lanes = createModuleLanes(channels, board);
  meshReports = startReports(options, board, shared);
  const usage = startUsageReports(board, loader, clock, log);
  const policy = {
    confidenceThreshold: settings.classification.confidence_threshold,
    maxAttempts: fallback.max_attempts,
    minSuccessRate: fallback.health_monitoring.min_success_rate,
    selection: selectionPolicyOf(settings.selection),
    strategy: settings.strategy,
  };
  const dependencies = {
    board,
    caller: createSidecarCaller(channels),
    activator,
    clock,
    rng,
    log,
    metrics,
    recent: createRecentRequests(),
    classifier: opened.classifier,
    admission,
    pressure,
    moduleWait: overload.moduleWait,
    policy,
    planner: createPlanBook(policy),
    answers,
    outcomes,
    requestTimeoutMs: settings.request_timeout * 1000,
    patience: patienceOf(fallback),
    holdPolicy: holdPolicyOf(fallback),
    ledger,
    calibration,
    retryBudget,
    learner,
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
    classifierStatus: opened.status,
    events,
    tuner,
    learner,
    routers: () => shared.peers + 1,
    calibration,
    shared,
    async close() {
      await opened.close();
      usage.close();
      drift.close();
      exhaustion.close();
      tuner.close();
      await healer.settled();
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
  shared: SharedRouter,
): MeshReports | undefined {
  if (controlPlane === undefined || !config.orchestration.mesh.shared_breakers.enabled) return undefined;
  return startMeshReports({
    ...controlPlane,
    reporter: `router-${routerId}`,
    clock,
    log,
    reports: () => moduleReports(board.records(), clock.monotonicMs(), (moduleId) => shared.isOwnBreaker(moduleId)),
  });
}

/** Each router has a file of its own: two that rotate one would lose lines. */
function outcomeLogPath({ config, replica = 1 }: ComposeOptions, name: string): string {
  return path.resolve(config.dataDir, replica === 1 ? name : `${name}.${replica}`);
}

/** Gives ids that are unique in this process: a count, which is short on the wire. */
function createMessageIds(): () => string {
  let last = 0;
  return () => {
    last += 1;
    return last.toString(36);
  };
}
