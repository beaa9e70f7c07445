import { expect, it } from '@jest/globals';
import { createSeededRng } from '../../core/rng.ts';
import { policyWith } from '../decide/testing/planning.ts';
import { outcomeSchema, type LoggedOutcome } from './outcome.ts';
import { replay } from './replay.ts';

/** A log whose choices were made by chance: `good` is accepted in 90 of 100, `poor` in 50. */
function logOf(count: number): LoggedOutcome[] {
  const rng = createSeededRng(11);
  return Array.from({ length: count }, (_, at) => {
    const module_id = rng.next() < 0.5 ? 'good' : 'poor';
    const accepted = rng.next() < (module_id === 'good' ? 0.9 : 0.5);
    return outcomeSchema.parse({
      request_id: `r${at}`,
      query_class: 'GENERAL',
      candidates: ['poor', 'good'],
      module_id,
      accepted,
      confidence: 0.8,
      latency_ms: 100,
      cost: 0,
    });
  });
}

const exploring = (share: number) => policyWith({ exploration: { share, excludedTenants: new Set() } });

it('a policy that always draws finds the better module, and earns nearly what it gives', () => {
  const { matched, reward, acceptedShare } = replay(logOf(4_000), exploring(1));
  expect(matched).toBeGreaterThan(1_500);
  expect(acceptedShare).toBeGreaterThan(0.86);
  expect(reward).toBeCloseTo(acceptedShare * 0.8);
});

it('the same log and policy give the same result', () => {
  expect(replay(logOf(500), exploring(0.2))).toEqual(replay(logOf(500), exploring(0.2)));
});

it('a module that never came out of the log earns nothing, and an empty log no mean', () => {
  expect(replay([], exploring(0))).toMatchObject({ matched: 0, reward: Number.NaN });
});
