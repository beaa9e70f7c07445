import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { orchestrationFileSchema } from '../../core/config/schema.ts';
import { activationPatienceMs, attemptBounds, patienceHeader, patienceOf, type BoundsInput } from './patience.ts';

const patience = patienceOf(orchestrationFileSchema.parse({ orchestration: {} }).orchestration.fallback);
const INPUT: BoundsInput = {
  patience,
  othersRemain: true,
  streaming: false,
  history: undefined,
  requestMs: 30_000,
  nowMs: 1_000_000,
  deadlineMs: 1_030_000,
};
const fast = { count: 50, successRate: 1, confidence: 0.8, latencyMs: 20 };

describe('what an attempt is given', () => {
  it.each<[string, Partial<BoundsInput>, string, number, boolean]>([
    ['an unknown module gives signs of life, and leaves time for the next', {}, 'beats', 25_000, true],
    ['a fast one is asked for the whole, and left early', { history: fast }, 'whole', 3_000, true],
    ['a slow one gives signs of life', { history: { ...fast, latencyMs: 900 } }, 'beats', 25_000, true],
    ['a stream is a stream', { history: fast, streaming: true }, 'tokens', 25_000, true],
    ['the last one may take all the time', { othersRemain: false }, 'beats', 30_000, false],
    ['a module with a limit of its own keeps to it', { requestMs: 4_000 }, 'beats', 4_000, true],
    ['a fifth of a short deadline is kept', { deadlineMs: 1_001_000 }, 'beats', 800, true],
  ])('%s', (_case, given, form, afterMs, isHurried) => {
    const bounds = attemptBounds({ ...INPUT, ...given });
    expect(bounds).toMatchObject({ form, deadlineMs: INPUT.nowMs + afterMs });
    expect(bounds.patience !== undefined).toBe(isHurried);
  });

  it('never outlives the request, and always leaves something while others remain', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 600_000 }), (leftMs, requestMs) => {
        const deadlineMs = INPUT.nowMs + leftMs;
        const bounds = attemptBounds({ ...INPUT, requestMs, deadlineMs });
        expect(bounds.deadlineMs).toBeLessThan(deadlineMs);
        expect(bounds.deadlineMs).toBeGreaterThan(INPUT.nowMs);
      }),
    );
  });
});

describe('the wait for a start while another module is ready', () => {
  it.each<[string, { expectedMs: number | undefined; runsElsewhere: boolean; leftMs: number }, number]>([
    [
      'is short for a server that runs elsewhere',
      { expectedMs: undefined, runsElsewhere: true, leftMs: 30_000 },
      5_000,
    ],
    ['is half of the time for a first start', { expectedMs: undefined, runsElsewhere: false, leftMs: 30_000 }, 15_000],
    ['is twice the usual time', { expectedMs: 4_000, runsElsewhere: false, leftMs: 30_000 }, 8_000],
    ['is never more than half of the time', { expectedMs: 60_000, runsElsewhere: false, leftMs: 30_000 }, 15_000],
  ])('%s', (_case, given, ms) => {
    expect(activationPatienceMs(patience, given)).toBe(ms);
  });
});

it('the header says what a sidecar is asked for', () => {
  expect(patienceHeader(patience)).toBe('first-token=3000, between-tokens=2000, rate=1, window=2500');
  expect(patienceHeader({ ...patience, tokensPerSecond: 0 })).toBe('first-token=3000, between-tokens=2000');
});
