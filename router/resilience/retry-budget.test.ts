import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AttemptRecord } from '../domain/answer.ts';
import type { PlanStep } from '../decide/plan.ts';
import { createRetryBudget } from './retry-budget.ts';
import { canAfford, secondChance } from './second-chance.ts';

describe('the retry budget', () => {
  it('never lets retries be more than a share of the requests, beside those of a quiet start', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 2_000 }), (share, requests) => {
        const budget = createRetryBudget(share);
        let retries = 0;
        for (let count = 0; count < requests; count += 1) {
          budget.deposit();
          if (budget.withdraw()) retries += 1;
        }
        expect(retries).toBeLessThanOrEqual(share * requests + 10);
      }),
    );
  });

  it('of nothing allows none', () => {
    const budget = createRetryBudget(0);
    budget.deposit();
    expect(budget.withdraw()).toBe(false);
  });
});

const step = (moduleId: string): PlanStep => ({
  moduleId,
  score: 0.5,
  factors: { quality: 0.5, latency: 1, cost: 1, load: 1, readiness: 1 },
  ready: true,
  confidenceThreshold: 0.3,
  expectedCost: 0,
  expectedWaitMs: 0,
});
const failed = (moduleId: string, reason: AttemptRecord['reason']): AttemptRecord => ({
  moduleId,
  accepted: false,
  reason,
  latencyMs: 1,
  cost: 2,
  confidenceScore: undefined,
});

describe('a second attempt', () => {
  it.each<[string, readonly AttemptRecord[], string | undefined]>([
    ['goes to the module that was left early', [failed('a', 'STREAM_BROKEN'), failed('b', 'MODULE_TIMEOUT')], 'b'],
    ['goes to one whose connection broke', [failed('a', 'MODULE_FAILED'), failed('b', 'MODULE_UNAVAILABLE')], 'b'],
    [
      'is of no use where the module itself refused',
      [failed('a', 'MODULE_FAILED'), failed('b', 'MODULE_BAD_REPLY')],
      undefined,
    ],
    ['is not made against an overload', [failed('a', 'MODULE_OVERLOADED')], undefined],
  ])('%s', (_case, attempts, moduleId) => {
    expect(secondChance([step('a'), step('b')], attempts)?.moduleId).toBe(moduleId);
  });
});

it('a ceiling holds for all attempts together', () => {
  const spent = [failed('a', 'MODULE_FAILED')];
  expect(canAfford(spent, 1, undefined)).toBe(true);
  expect(canAfford(spent, 1, 3)).toBe(true);
  expect(canAfford(spent, 1, 2.9)).toBe(false);
});
