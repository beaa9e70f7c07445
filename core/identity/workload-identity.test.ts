import { expect, test } from '@jest/globals';
import { renewalRetryMs, renewalTimeoutMs } from './workload-identity.ts';

test.each([
  ['half a day is left', 43_200_000, 5_000, 5_000],
  ['a minute is left', 60_000, 3_000, 5_000],
  ['two seconds are left', 2_000, 100, 2_000],
  ['it has expired', -1, 100, 2_000],
])(
  'renewal is tried soon again, and for no longer than there is time, when %s',
  (_case, leftMs, retryMs, timeoutMs) => {
    expect(renewalRetryMs(leftMs)).toBe(retryMs);
    expect(renewalTimeoutMs(leftMs)).toBe(timeoutMs);
  },
);
