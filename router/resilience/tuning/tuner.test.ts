import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../../../core/clock.ts';
import { moduleSpecSchema, orchestrationFileSchema, type ModuleSpecInput } from '../../../core/config/schema.ts';
import type { ModuleView } from '../../../core/modules/module-view.ts';
import { createSeededRng } from '../../../core/rng.ts';
import { createCalibrationBook } from '../../calibration/calibration-book.ts';
import { thresholdOf } from '../../decide/module-status.ts';
import { attemptBounds, patienceOf } from '../patience.ts';
import { createModuleBoard } from '../module-board.ts';
import { createFailureShares } from './failure-shares.ts';
import { createScoreBook } from './score-book.ts';
import { createTuner } from './tuner.ts';

const viewOf = (spec: Partial<ModuleSpecInput>, specVersion = '1'): ModuleView => ({
  moduleId: 'a',
  spec: moduleSpecSchema.parse({ module_id: 'a', query_classes: ['GENERAL'], ...spec }),
  specVersion,
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
});

/** A module whose answers over the threshold are bad, whose calls seldom fail, and whose first tokens take 0.2 s. */
function rigOf(healing: object, spec: Partial<ModuleSpecInput> = {}, isCalibrated = false) {
  const clock = createManualClock();
  const { fallback } = orchestrationFileSchema.parse({ orchestration: { fallback: { healing } } }).orchestration;
  const scores = createScoreBook();
  const calibration = createCalibrationBook(clock, isCalibrated);
  const failures = createFailureShares();
  const done: string[] = [];
  const board = createModuleBoard({
    clock,
    fallback,
    rng: createSeededRng(1),
    onBreakerChange: () => undefined,
    onView: (view, before) => {
      tuner.onView(view, before);
    },
  });
  const tuner = createTuner({
    fallback,
    clock,
    records: () => board.records(),
    scores,
    calibration,
    failures,
    note: (action, id, reason) => done.push(`${action} ${id}: ${reason}`),
  });
  const configure = (next: Partial<ModuleSpecInput>, specVersion: string): void => {
    board.applyViews(new Map([['a', viewOf(next, specVersion)]]));
  };
  configure(spec, '1');
  const record = board.record('a')!;
  for (let count = 0; count < 1_000; count += 1) failures.note('a', false);
  for (let count = 0; count < 60; count += 1) {
    scores.noteAnswer('a', 'GENERAL', 0.5);
    calibration.note('a', 'GENERAL', { raw: 0.5, told: 0.5, rating: 0 });
    record.firstTokens.add(200);
  }
  const settings = () => ({
    threshold: thresholdOf(record, 'GENERAL'),
    failures: record.breakerPolicy.failureThreshold,
    firstTokenMs: attemptBounds({
      patience: patienceOf(fallback),
      tunedFirstTokenMs: record.tunedFirstTokenMs,
      othersRemain: true,
      streaming: true,
      history: undefined,
      requestMs: 30_000,
      nowMs: 0,
      deadlineMs: 60_000,
    }).patience?.firstTokenMs,
  });
  return { clock, tuner, done, settings, configure };
}

const CONFIGURED = { threshold: 0.3, failures: 5, firstTokenMs: 3_000 };

it('recommends with the figures, and changes nothing', async () => {
  const { clock, tuner, done, settings } = rigOf({ tuning: 'recommend' });
  expect(tuner.recommendations()).toMatchObject([
    { moduleId: 'a', setting: 'confidence_threshold', queryClass: 'GENERAL', present: 0.3, value: 0.35 },
    { moduleId: 'a', setting: 'circuit_breaker.failure_threshold', present: 5, value: 4 },
    { moduleId: 'a', setting: 'timeouts.first_token', present: 3, value: 1.5 },
  ]);
  await clock.advance(3_600_000);
  expect(settings()).toEqual(CONFIGURED);
  expect(done).toEqual([]);
  expect(tuner.tuned()).toEqual([]);
});

it('says nothing where it is off', () => {
  expect(rigOf({ tuning: 'off' }).tuner.recommendations()).toEqual([]);
});

describe('where recommendations are applied', () => {
  it('each setting moves a step in five minutes, and each step is an event', async () => {
    const { clock, tuner, done, settings } = rigOf({ tuning: 'apply' });
    await clock.advance(300_000);
    expect(settings()).toEqual({ threshold: 0.35, failures: 4, firstTokenMs: 1_500 });
    expect(done).toEqual([
      expect.stringContaining('tune a: confidence_threshold of GENERAL from 0.3 to 0.35: of 60 answers'),
      expect.stringContaining('tune a: circuit_breaker.failure_threshold from 5 to 4: 0.0 % of 1000 calls failed'),
      expect.stringContaining('tune a: timeouts.first_token from 3 to 1.5: 99 of 100 first tokens'),
    ]);
    await clock.advance(300_000);
    expect(settings()).toMatchObject({ threshold: 0.4, firstTokenMs: 750 });
    expect(tuner.tuned()).toEqual([
      { moduleId: 'a', setting: 'confidence_threshold', queryClass: 'GENERAL', value: 0.4 },
      { moduleId: 'a', setting: 'circuit_breaker.failure_threshold', queryClass: undefined, value: 3 },
      { moduleId: 'a', setting: 'timeouts.first_token', queryClass: undefined, value: 0.75 },
    ]);
  });

  it('they stop at the configured bounds', async () => {
    const bounds = {
      confidence_threshold: { max: 0.38 },
      failure_threshold: { min: 4 },
      first_token: { min: 1 },
    };
    const { clock, tuner, settings } = rigOf({ tuning: 'apply', tuning_bounds: bounds });
    await clock.advance(7_200_000);
    expect(settings()).toEqual({ threshold: 0.38, failures: 4, firstTokenMs: 1_000 });
    expect(tuner.recommendations()).toEqual([]);
  });

  it('what is configured beyond the bounds moves no further away', async () => {
    const { clock, settings } = rigOf({ tuning: 'apply', tuning_bounds: { failure_threshold: { min: 6 } } });
    await clock.advance(3_600_000);
    expect(settings().failures).toBe(5);
  });

  it("a module's own limit on the first token, and a breaker that is off, are left alone", async () => {
    const { clock, tuner, done } = rigOf(
      { tuning: 'apply' },
      { timeouts: { first_token: 0.42 }, circuit_breaker: { enabled: false } },
    );
    await clock.advance(3_600_000);
    expect(tuner.tuned().map(({ setting }) => setting)).toEqual(['confidence_threshold']);
    expect(done.every((each) => each.includes('confidence_threshold'))).toBe(true);
  });

  it('a module that is configured anew begins with what is configured, and that is told', async () => {
    const { clock, tuner, done, settings, configure } = rigOf({ tuning: 'apply' });
    await clock.advance(300_000);
    configure({}, '1');
    expect(settings()).toMatchObject({ threshold: 0.35, failures: 4 });
    configure({ circuit_breaker: { failure_threshold: 8 } }, '2');
    expect(settings()).toEqual({ ...CONFIGURED, failures: 8 });
    expect(tuner.tuned()).toEqual([]);
    expect(done.at(-1)).toContain('back to what is configured');
  });

  it('another start without it goes by the configuration', async () => {
    const before = rigOf({ tuning: 'apply' });
    await before.clock.advance(300_000);
    before.tuner.close();
    await before.clock.advance(3_600_000);
    expect(before.settings()).toMatchObject({ threshold: 0.35 });
    expect(rigOf({ tuning: 'recommend' }).settings()).toEqual(CONFIGURED);
  });
});

it('compares scores with the threshold on the scale that decides', () => {
  // Calibration has found out already what these answers are worth: they are rejected as it is.
  const { tuner } = rigOf({ tuning: 'recommend' }, {}, true);
  expect(tuner.recommendations().some(({ setting }) => setting === 'confidence_threshold')).toBe(false);
});
