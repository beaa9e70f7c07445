import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logging.ts';
import type { Store } from '../../core/store/store.ts';
import type { Registry } from '../../core/telemetry/metrics.ts';
import type { CalibrationBook } from '../calibration/calibration-book.ts';
import type { RateBuckets } from '../pipeline/rate-buckets.ts';
import type { FallbackLedger } from '../resilience/fallback-ledger.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';
import type { StrategyLearner } from '../resilience/strategy-learner.ts';
import { createStateMetrics } from '../telemetry/state-metrics.ts';
import { createBreakersPart } from './breakers-part.ts';
import { ownHistoriesSchema, poolHistories } from './learned-history.ts';
import { ownJudgementsSchema, poolJudgements, resumeJudgements } from './learned-judgements.ts';
import {
  ownAttemptsSchema,
  ownPathsSchema,
  poolAttempts,
  poolPaths,
  resumeAttempts,
  resumePaths,
} from './learned-ledger.ts';
import { ownStrategiesSchema, poolStrategies } from './learned-strategies.ts';
import { createPooledPart } from './pooled-part.ts';
import { createRatesPart } from './rates-part.ts';
import { shareState, type SharedState } from './shared-state.ts';

export interface ShareRouterOptions {
  readonly routerId: string;
  /** Whether other routers have the same store. */
  readonly isShared: boolean;
  readonly board: ModuleBoard;
  readonly learner: StrategyLearner;
  readonly calibration: CalibrationBook;
  readonly ledger: FallbackLedger;
  readonly buckets: RateBuckets;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
}

/** What a router shares, while it runs. */
export interface SharedRouter extends SharedState {
  /** Whether other routers have the same store. */
  readonly isShared: boolean;
  /** Whether a module's open breaker was opened by what this router has seen itself. */
  isOwnBreaker(moduleId: string): boolean;
}

/** Time between two rounds, in milliseconds: with two rounds from one router to another, all agree well within a second. */
const SHARED_INTERVAL_MS = 250;
/** In a store of one's own a round only keeps what a restart needs. */
const OWN_INTERVAL_MS = 5_000;

/** Keeps what the router learns in the store, over a restart and for other routers, and has it use what they have learned. */
export async function shareRouter(options: ShareRouterOptions): Promise<SharedRouter> {
  const { routerId, isShared, board, learner, calibration, ledger, buckets, store, clock, log, registry } = options;
  const breakers = createBreakersPart({
    routerId,
    clock,
    adopt: (moduleId, breaker) => {
      board.adoptBreaker(moduleId, breaker);
    },
  });
  const histories = createPooledPart({
    name: 'histories',
    routerId,
    clock,
    schema: ownHistoriesSchema,
    pool: poolHistories,
    adopt: (learned) => {
      board.adoptHistory(learned);
    },
  });
  const strategies = createPooledPart({
    name: 'strategies',
    routerId,
    clock,
    schema: ownStrategiesSchema,
    pool: poolStrategies,
    adopt: (learned) => {
      learner.adopt(learned);
    },
  });
  const judgements = createPooledPart({
    name: 'judgements',
    routerId,
    clock,
    schema: ownJudgementsSchema,
    pool: poolJudgements,
    resume: resumeJudgements,
    adopt: (learned) => {
      calibration.adopt(learned);
    },
  });
  const attempts = createPooledPart({
    name: 'attempts',
    routerId,
    clock,
    schema: ownAttemptsSchema,
    pool: poolAttempts,
    resume: resumeAttempts,
    adopt: ({ book, routers }) => {
      ledger.adoptAttempts(book, routers);
    },
  });
  const paths = createPooledPart({
    name: 'paths',
    routerId,
    clock,
    schema: ownPathsSchema,
    pool: poolPaths,
    resume: resumePaths,
    adopt: (book) => {
      ledger.adoptPaths(book);
    },
  });
  learner.watch(strategies.learned);
  calibration.watch(judgements.learned);
  ledger.watch(attempts.learned, paths.learned);
  board.observe({ onBreaker: breakers.changed, onLearned: histories.learned });
  const parts = [
    breakers,
    histories,
    strategies,
    judgements,
    attempts,
    paths,
    ...(isShared ? [createRatesPart(buckets, clock)] : []),
  ];
  const running: { state?: SharedState } = {};
  const failures = createStateMetrics(registry, () => running.state);
  running.state = await shareState({
    routerId,
    store,
    clock,
    log,
    parts,
    intervalMs: isShared ? SHARED_INTERVAL_MS : OWN_INTERVAL_MS,
    onFailure: () => {
      failures.inc();
    },
  });
  return Object.assign(running.state, { isShared, isOwnBreaker: breakers.isOwn });
}
