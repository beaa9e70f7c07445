import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { Principal } from '../domain/principal.ts';
import { createAdmission, type Admission } from './admit.ts';
import { createRateBuckets } from './rate-buckets.ts';

const SOMEBODY: Principal = { tenant: 't', subject: 's', permissions: new Set(['route']), modules: undefined };
const admission = (maxConcurrent: number, size = 100): Admission =>
  createAdmission({ maxConcurrent, buckets: createRateBuckets({ perSecond: 1, size }, createManualClock()) });

describe('createAdmission', () => {
  it('sheds what is over the bound, with the time to wait, and lets in again when one has left', () => {
    const gate = admission(2);
    const leave = gate.enter(SOMEBODY, '');
    gate.enter(SOMEBODY, '');
    expect(() => gate.enter(SOMEBODY, '')).toThrow(
      expect.objectContaining({ reason: 'OVERLOADED', retryAfterMs: 1_000 }),
    );
    leave();
    leave();
    expect(gate.inFlight).toBe(1);
    gate.enter(SOMEBODY, '');
  });

  it('gives each user a bucket of their own, and each tenant users of their own', () => {
    const gate = admission(100, 1);
    gate.enter(SOMEBODY, 'a');
    expect(() => gate.enter(SOMEBODY, 'a')).toThrow(expect.objectContaining({ reason: 'RATE_LIMITED' }));
    gate.enter(SOMEBODY, 'b');
    gate.enter({ ...SOMEBODY, tenant: 'other' }, 'a');
  });

  it('keeps a quarter of the places from bulk requests', () => {
    const gate = admission(8);
    expect(gate.enterBulk(100)).toBe(6);
    expect(gate.enterBulk(1)).toBe(0);
    gate.enter(SOMEBODY, '');
    gate.enter(SOMEBODY, '');
    expect(() => gate.enter(SOMEBODY, '')).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }));
    gate.leaveBulk(6);
    expect(gate.inFlight).toBe(2);
  });

  it('wakes who waits for a bulk place, or lets them go with their reason', async () => {
    const gate = admission(4);
    gate.enterBulk(3);
    const woken = gate.bulkPlaceFreed(new AbortController().signal);
    gate.leaveBulk(1);
    await woken;
    await expect(gate.bulkPlaceFreed(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });
});
