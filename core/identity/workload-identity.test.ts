import { expect, test } from '@jest/globals';
import { renewalRetryMs } from './workload-identity.ts';

test.each([
  ['half a day is left', 43_200_000, 5_000],
  ['two seconds are left', 2_000, 100],
  ['a minute is left', 60_000, 3_000],
  ['it has expired', -1, 100],
])('renewal is tried again soon enough when %s', (_case, leftMs, retryMs) => {
  expect(renewalRetryMs(leftMs)).toBe(retryMs);
});
