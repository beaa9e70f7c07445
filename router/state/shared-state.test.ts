import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createManualClock, type ManualClock } from '../../core/clock.ts';
import { orchestrationFileSchema, moduleSpecSchema } from '../../core/config/schema.ts';
import { calibrate } from '../../core/confidence/calibration.ts';
import { FrontierError, type Reason } from '../../core/errors.ts';
import { createSeededRng } from '../../core/rng.ts';
import { silentLogger } from '../../core/logging.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { createMemoryStore } from '../../core/store/memory-store.ts';
import type { Store } from '../../core/store/store.ts';
import { createMetricsRegistry } from '../../core/telemetry/metrics.ts';
import { createCalibrationBook, type CalibrationBook } from '../calibration/calibration-book.ts';
import { createRateBuckets } from '../pipeline/rate-buckets.ts';
import type { AttemptRecord } from '../domain/answer.ts';
import { createFallbackLedger, type FallbackLedger } from '../resilience/fallback-ledger.ts';
import { quantileOf } from '../resilience/latency-sketch.ts';
import { createModuleBoard, type CallEnd, type ModuleBoard } from '../resilience/module-board.ts';
import { createStrategyLearner, type StrategyLearner } from '../resilience/strategy-learner.ts';
import type { SharedState } from './shared-state.ts';
import { shareRouter } from './share-router.ts';
import type { SharedRouter } from './share-router.ts';

const { fallback } = orchestrationFileSchema.parse({}).orchestration;
const VIEW: ModuleView = {
  moduleId: 'm',
  spec: moduleSpecSchema.parse({ module_id: 'm' }),
  specVersion: '1',
  state: 'READY',
  reason: '',
  replicas: [],
  desiredReplicas: 1,
  inFlight: 0,
  waiting: 0,
  requestsPerSecond: 0,
  expectedActivationMs: undefined,
  lastUseAtMs: undefined,
  stateChangedAtMs: undefined,
};
const FAILED: CallEnd = {
  kind: 'failed',
  modulesFault: true,
  latencyMs: 10,
  error: new FrontierError('MODULE_FAILED', 'broken'),
};
const ANSWERED: CallEnd = { kind: 'answered', accepted: true, confidence: 0.9, latencyMs: 10 };

interface RunningRouter {
  readonly board: ModuleBoard;
  readonly learner: StrategyLearner;
  readonly calibration: CalibrationBook;
  readonly ledger: FallbackLedger;
  readonly state: SharedRouter;
}

let clock: ManualClock;
let store: Store;
let running: SharedState[];
beforeEach(async () => {
  clock = createManualClock();
  store = await createMemoryStore({ clock, log: silentLogger });
  running = [];
});
afterEach(async () => {
  for (const state of running) await state.close();
  await store.close();
});

async function start(routerId: string, knowsModules = true): Promise<RunningRouter> {
  const board = createModuleBoard({ clock, fallback, rng: createSeededRng(1), onBreakerChange: () => undefined });
  if (knowsModules) board.applyViews(new Map([['m', VIEW]]));
  const learner = createStrategyLearner(createSeededRng(2));
  const calibration = createCalibrationBook(clock, true);
  const ledger = createFallbackLedger(clock);
  const buckets = createRateBuckets({ perSecond: 1, size: 1 }, clock);
  const registry = createMetricsRegistry();
  const state = await shareRouter({
    routerId,
    isShared: true,
    board,
    learner,
    calibration,
    ledger,
    buckets,
    store,
    clock,
    log: silentLogger,
    registry,
  });
  running.push(state);
  return { board, learner, calibration, ledger, state };
}

const call = ({ board }: RunningRouter, end: CallEnd, count = 1): void => {
  for (let turn = 0; turn < count; turn += 1) if (board.begin('m')) board.end('m', 'GENERAL', end);
};
const phaseOf = ({ board }: RunningRouter): string | undefined => board.record('m')?.breaker.phase;
const outcomesOf = ({ board }: RunningRouter): number | undefined => board.record('m')?.history.get('GENERAL')?.count;

const attemptOf = (moduleId: string, reason: Reason | undefined, latencyMs: number): AttemptRecord => ({
  moduleId,
  accepted: reason === undefined,
  reason,
  latencyMs,
  cost: 0,
  confidenceScore: undefined,
});

describe('routers that share a store', () => {
  test('open and close a breaker together', async () => {
    const [a, b] = [await start('a'), await start('b')];
    call(a, FAILED, 5);
    expect([phaseOf(a), phaseOf(b)]).toEqual(['OPEN', 'CLOSED']);
    await clock.advance(500);
    expect(phaseOf(b)).toBe('OPEN');
    expect(b.board.record('m')?.breakerAdmits).toBe(false);
    await clock.advance(15_000);
    call(b, ANSWERED);
    await clock.advance(500);
    expect([phaseOf(a), phaseOf(b)]).toEqual(['CLOSED', 'CLOSED']);
  });

  test('know which of them have seen for themselves what opened it', async () => {
    const [a, b, c] = [await start('a'), await start('b'), await start('c')];
    const owners = (): readonly boolean[] => [a, b, c].map(({ state }) => state.isOwnBreaker('m'));
    call(a, FAILED, 5);
    // Before it can have heard of that.
    call(b, FAILED, 5);
    await clock.advance(500);
    expect([a, b, c].map(phaseOf)).toEqual(['OPEN', 'OPEN', 'OPEN']);
    expect(owners()).toEqual([true, true, false]);
    await clock.advance(15_500);
    call(c, ANSWERED);
    await clock.advance(500);
    expect(owners()).toEqual([false, false, false]);
  });

  test('a failed probe at one opens it anew at all', async () => {
    const [a, b] = [await start('a'), await start('b')];
    call(a, FAILED, 5);
    await clock.advance(15_500);
    call(b, FAILED);
    await clock.advance(500);
    expect(a.board.record('m')?.breakerAdmits).toBe(false);
  });

  test('a breaker opened by hand at one stays open at all until it is closed by hand, whatever happens meanwhile', async () => {
    const [a, b] = [await start('a'), await start('b')];
    call(a, FAILED, 5);
    await clock.advance(15_500);
    // By hand at a, and at the same time by a good probe at b.
    a.board.setBreaker('m', 'open');
    await clock.advance(100);
    call(b, ANSWERED);
    expect([phaseOf(a), phaseOf(b)]).toEqual(['OPEN', 'CLOSED']);
    await clock.advance(3_600_000);
    expect([a, b].map(({ board }) => board.record('m')?.breaker)).toMatchObject([{ byHand: true }, { byHand: true }]);
    expect([a, b].map(({ board }) => board.begin('m'))).toEqual([false, false]);
    b.board.setBreaker('m', 'closed');
    await clock.advance(500);
    expect([phaseOf(a), phaseOf(b)]).toEqual(['CLOSED', 'CLOSED']);
  });

  test('plan by what all have seen, and count each outcome once', async () => {
    const [a, b] = [await start('a'), await start('b')];
    call(a, ANSWERED, 3);
    call(b, ANSWERED, 4);
    await clock.advance(5_000);
    expect([outcomesOf(a), outcomesOf(b)]).toEqual([7, 7]);
    call(b, ANSWERED);
    await clock.advance(500);
    expect([outcomesOf(a), outcomesOf(b)]).toEqual([8, 8]);
  });

  test('one that comes later, or comes back, knows all of it before its modules are named', async () => {
    const a = await start('a');
    call(a, ANSWERED, 3);
    call(a, FAILED, 5);
    await clock.advance(250);
    await a.state.close();
    const [again, late] = [await start('a', false), await start('late', false)];
    for (const router of [again, late]) router.board.applyViews(new Map([['m', VIEW]]));
    await clock.advance(250);
    expect([outcomesOf(again), outcomesOf(late)]).toEqual([8, 8]);
    expect([phaseOf(again), phaseOf(late)]).toEqual(['OPEN', 'OPEN']);
    call(again, ANSWERED);
    await clock.advance(15_000);
    expect(late.state.peers).toBe(1);
  });

  test('learn together which strategy serves a class, over a restart too', async () => {
    const outcome = (accepted: boolean, delayMs: number) => ({ accepted, delayMs, cost: 1 });
    const [a, b] = [await start('a'), await start('b')];
    for (let turn = 0; turn < 20; turn += 1) a.learner.observe('GENERAL', 'sequential', outcome(true, 900));
    for (let turn = 0; turn < 10; turn += 1) b.learner.observe('GENERAL', 'hedged', outcome(true, 100));
    await clock.advance(500);
    for (const { learner } of [a, b])
      expect(learner.known()).toMatchObject({
        GENERAL: {
          sequential: { count: 20, delayMs: 900, acceptedRate: 1 },
          hedged: { count: 10, delayMs: 100, cost: 1 },
        },
      });
    await a.state.close();
    await b.state.close();
    const again = await start('a');
    expect(again.learner.known()).toEqual(a.learner.known());
    // Known well enough now that the better way is chosen, but for the few that try others.
    const chosen = Array.from({ length: 40 }, () => again.learner.choose('GENERAL'));
    expect(chosen.filter((arm) => arm === 'hedged').length).toBeGreaterThan(30);
    again.learner.observe('GENERAL', 'hedged', outcome(true, 100));
    expect(again.learner.known()['GENERAL']?.['hedged']?.count).toBe(11);
  });

  test('learn together what scores are worth, over a restart too', async () => {
    const [a, b] = [await start('a'), await start('b')];
    for (let turn = 0; turn < 100; turn += 1) {
      a.calibration.note('m', 'GENERAL', { raw: 0.9, told: 0.9, rating: turn % 2 });
      b.calibration.note('m', 'GENERAL', { raw: 0.3, told: 0.3, rating: 0 });
    }
    await clock.advance(500);
    const map = a.calibration.mapFor('m', 'GENERAL');
    expect(b.calibration.mapFor('m', 'GENERAL')).toEqual(map);
    expect(a.calibration.judgementsOf('m', 'GENERAL').count).toBe(200);
    expect(calibrate(0.9, map)).toBeLessThan(0.65);
    expect(calibrate(0.3, map)).toBeLessThan(0.15);
    await a.state.close();
    await b.state.close();
    const again = await start('a', false);
    expect(again.calibration.mapFor('m', 'GENERAL')).toEqual(map);
    again.calibration.note('m', 'GENERAL', { raw: 0.9, told: 0.5, rating: 1 });
    await clock.advance(500);
    expect(again.calibration.judgementsOf('m', 'GENERAL').count).toBe(201);
  });

  test('keep the books of fallback together, count each attempt once, and keep them over a restart', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const startedMs = clock.nowMs();
    const failed = attemptOf('m', 'MODULE_FAILED', 400);
    const done = attemptOf('n', undefined, 90);
    const result = { queryClass: 'GENERAL', attempts: [failed, done], accepted: true, standIn: 'n' };
    a.ledger.noteResult(result);
    for (let turn = 0; turn < 3; turn += 1) b.ledger.noteResult(result);
    await clock.advance(5_000);
    for (const { ledger } of [a, b]) {
      expect(ledger.attemptsOf('m').get('GENERAL')).toMatchObject({ count: 4, failures: { MODULE_FAILED: 4 } });
      expect(ledger.attemptsOf('n').get('GENERAL')).toMatchObject({ count: 4, accepted: 4, standIns: 4 });
      expect(ledger.paths()).toMatchObject([{ queryClass: 'GENERAL', moduleIds: ['m', 'n'], count: 4, accepted: 4 }]);
      expect(quantileOf(ledger.paths()[0]!.added, 0.99)! / 400).toBeCloseTo(1, 1);
      expect(ledger.scope).toEqual({ routers: 2, sinceMs: startedMs });
    }
    await a.state.close();
    await b.state.close();
    const again = await start('a', false);
    expect(again.ledger.paths()).toEqual(a.ledger.paths());
    expect(again.ledger.scope).toEqual({ routers: 2, sinceMs: startedMs });
  });

  test('what was counted while the store was away is added to what it kept', async () => {
    const a = await start('a');
    a.ledger.noteAccepted('m', 'GENERAL', 5);
    await clock.advance(500);
    await a.state.close();
    const kept = store;
    let isAway = true;
    store = {
      ...kept,
      get: (key) => (isAway ? Promise.reject(new FrontierError('STORE_UNAVAILABLE', 'it is away')) : kept.get(key)),
    };
    const again = await start('a');
    again.ledger.noteAccepted('m', 'GENERAL', 2);
    again.calibration.note('m', 'GENERAL', { raw: 0.9, told: 0.9, rating: 0 });
    await clock.advance(500);
    expect(again.ledger.attemptsOf('m').get('GENERAL')?.count).toBe(2);
    isAway = false;
    await clock.advance(500);
    expect(again.ledger.attemptsOf('m').get('GENERAL')?.count).toBe(7);
    expect(again.calibration.judgementsOf('m', 'GENERAL').count).toBe(1);
  });

  test('a store that has lost everything is told everything again', async () => {
    const [a, b] = [await start('a'), await start('b')];
    call(a, FAILED, 5);
    await clock.advance(500);
    for (const { key } of await store.list('')) await store.delete(key);
    await clock.advance(500);
    const late = await start('late');
    expect([phaseOf(a), phaseOf(b), phaseOf(late)]).toEqual(['OPEN', 'OPEN', 'OPEN']);
  });

  test('what another wrote in another form is passed over', async () => {
    const a = await start('a');
    await store.set('router/members', { a: clock.nowMs(), b: clock.nowMs() });
    for (const part of ['breakers', 'histories', 'strategies', 'judgements', 'attempts', 'paths', 'rates']) {
      await store.set(`router/state/b/${part}`, { boot: 'x', version: 1, told: { m: 'nonsense' } });
    }
    await clock.advance(500);
    await store.set('router/members', 'nonsense');
    await clock.advance(500);
    call(a, ANSWERED);
    expect([a.state.isUp, phaseOf(a), outcomesOf(a)]).toEqual([true, 'CLOSED', 1]);
  });

  test('a store that is away changes nothing for the router, and is told of later', async () => {
    const a = await start('a');
    await store.close();
    await clock.advance(250);
    call(a, FAILED, 5);
    expect([a.state.isUp, phaseOf(a)]).toEqual([false, 'OPEN']);
  });
});
