import { expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import { FrontierError, type Reason } from '../../core/errors.ts';
import type { AttemptRecord } from '../domain/answer.ts';
import { ExhaustedError } from '../domain/exhausted-error.ts';
import { createFallbackLedger } from './fallback-ledger.ts';
import { quantileOf } from './latency-sketch.ts';

const attempt = (moduleId: string, reason?: Reason, latencyMs = 100): AttemptRecord => ({
  moduleId,
  accepted: reason === undefined,
  reason,
  latencyMs,
  cost: 0,
  confidenceScore: undefined,
});

it('counts attempts, stand-ins and ways by class', () => {
  const ledger = createFallbackLedger(createManualClock());
  const attempts = [attempt('a', 'MODULE_TIMEOUT', 3_000), attempt('b')];
  ledger.noteResult({ queryClass: 'GENERAL', attempts, accepted: true, standIn: 'b' });
  ledger.noteResult({ queryClass: 'CODE', attempts: [attempt('a')], accepted: true, standIn: undefined });
  ledger.noteAccepted('a', 'CODE', 7);
  ledger.noteFailure(
    'CODE',
    new ExhaustedError('none', [attempt('a', 'MODULE_FAILED'), attempt('b', 'MODULE_FAILED')], {}),
  );
  ledger.noteFailure('CODE', new FrontierError('BREAKER_OPEN', 'open', { metadata: { module_id: 'a' } }));
  expect(Object.fromEntries(ledger.attemptsOf('a'))).toMatchObject({
    GENERAL: { count: 1, accepted: 0, failures: { MODULE_TIMEOUT: 1 }, standIns: 0 },
    CODE: { count: 10, accepted: 8, failures: { MODULE_FAILED: 1, BREAKER_OPEN: 1 } },
  });
  expect(ledger.attemptsOf('b').get('GENERAL')).toMatchObject({ accepted: 1, standIns: 1 });
  const [general, code] = ledger.paths();
  expect(general).toMatchObject({ queryClass: 'GENERAL', moduleIds: ['a', 'b'], count: 1, accepted: 1 });
  expect(code).toMatchObject({ queryClass: 'CODE', moduleIds: ['a', 'b'], count: 1, accepted: 0 });
  expect(quantileOf(general!.added, 0.5)! / 3_000).toBeCloseTo(1, 1);
  expect(quantileOf(code!.added, 0.5)).toBeUndefined();
});

it('tells ways apart up to a bound, and says since when it counts', async () => {
  const clock = createManualClock();
  const ledger = createFallbackLedger(clock);
  const openedMs = clock.nowMs();
  await clock.advance(1_000);
  for (let count = 0; count < 300; count += 1) {
    const attempts = [attempt(`m${count}`, 'MODULE_FAILED'), attempt('b')];
    ledger.noteResult({ queryClass: 'GENERAL', attempts, accepted: true, standIn: 'b' });
  }
  expect(ledger.paths().length).toBeLessThanOrEqual(101);
  expect(ledger.paths().find(({ moduleIds }) => moduleIds.length === 0)?.count).toBe(200);
  expect(ledger.scope).toEqual({ routers: 1, sinceMs: openedMs });
});
