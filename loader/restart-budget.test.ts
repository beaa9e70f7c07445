import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { restartVerdict, type RestartPolicy } from './restart-budget.ts';

const POLICY: RestartPolicy = { maxRestarts: 3, windowMs: 600_000, spacingMs: 20_000 };

test.each<[string, number[], number, object]>([
  ['the first is granted', [], 0, { kind: 'granted', pastMs: [0] }],
  ['one that follows too soon is not', [0], 5_000, { kind: 'refused', retryAfterMs: 15_000 }],
  ['one that has waited is', [0], 20_000, { kind: 'granted', pastMs: [0, 20_000] }],
  ['the wait doubles', [0, 20_000], 40_000, { kind: 'refused', retryAfterMs: 20_000 }],
  ['beyond the most none is', [0, 20_000, 60_000], 500_000, { kind: 'refused', retryAfterMs: 100_000 }],
  ['what is long ago is forgotten', [0, 20_000, 60_000], 640_000, { kind: 'granted', pastMs: [60_000, 640_000] }],
])('%s', (_name, past, nowMs, verdict) => {
  expect(restartVerdict(past, nowMs, POLICY)).toMatchObject(verdict);
});

test('within any window no more are granted than the policy has it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(120_000), { maxLength: 60 }), (steps) => {
      let past: readonly number[] = [];
      let nowMs = 0;
      const granted: number[] = [];
      for (const step of steps) {
        nowMs += step;
        const verdict = restartVerdict(past, nowMs, POLICY);
        if (verdict.kind === 'refused') {
          expect(verdict.retryAfterMs).toBeGreaterThan(0);
          continue;
        }
        past = verdict.pastMs;
        granted.push(nowMs);
        const within = granted.filter((atMs) => nowMs - atMs < POLICY.windowMs);
        expect(within.length).toBeLessThanOrEqual(POLICY.maxRestarts);
      }
    }),
  );
});
