import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../core/clock.ts';
import { startCallTimeout } from './call-timeout.ts';
import { queuePatienceMs, tightened } from './stage-limits.ts';

const OWN = { requestMs: 30_000, firstTokenMs: 15_000, betweenTokensMs: 10_000 };

describe('limits that a caller asks for', () => {
  it('tighten the own ones', () => {
    expect(tightened(OWN, 'first-token=3000, between-tokens=2500, rate=1, window=4000')).toEqual({
      requestMs: 30_000,
      firstTokenMs: 3_000,
      betweenTokensMs: 2_500,
      pace: { tokensPerSecond: 1, windowMs: 4_000 },
    });
  });

  it('never loosen them', () => {
    expect(tightened(OWN, 'first-token=99000, between-tokens=99000')).toEqual(OWN);
    const paced = { ...OWN, pace: { tokensPerSecond: 5, windowMs: 1_000 } };
    expect(tightened(paced, 'rate=1, window=4000')).toEqual(paced);
  });

  it.each(['', 'nonsense', 'first-token=-1', 'rate=1', 'first-token=NaN'])('%j changes nothing', (header) => {
    expect(tightened(OWN, header)).toEqual(OWN);
  });
});

it('a place is waited for less than a first token, and only while the caller has another module', () => {
  expect(queuePatienceMs('first-token=3000')).toBe(1_800);
  expect(queuePatienceMs(undefined)).toBeUndefined();
});

describe('the time of a call', () => {
  const start = (limits: Parameters<typeof tightened>[0]) => {
    const clock = createManualClock();
    const time = startCallTimeout({ clock, limits, signals: [] });
    return { clock, time, reason: () => (time.signal.reason as Error | undefined)?.message };
  };

  it('ends without a first token', async () => {
    const { clock, reason } = start(OWN);
    await clock.advance(14_999);
    expect(reason()).toBeUndefined();
    await clock.advance(1);
    expect(reason()).toContain('first token within 15 s');
  });

  it('runs on while tokens come, and ends at a gap', async () => {
    const { clock, time, reason } = start({ requestMs: 100_000, betweenTokensMs: 1_000 });
    for (let count = 0; count < 20; count += 1) {
      time.progress('word ');
      await clock.advance(900);
    }
    expect(reason()).toBeUndefined();
    await clock.advance(200);
    expect(reason()).toContain('no further token within 1 s');
  });

  it('ends when tokens only drip', async () => {
    const { clock, time, reason } = start({
      requestMs: 100_000,
      betweenTokensMs: 2_500,
      pace: { tokensPerSecond: 1, windowMs: 4_000 },
    });
    for (let count = 0; count < 3 && reason() === undefined; count += 1) {
      time.progress('a ');
      await clock.advance(2_000);
    }
    expect(reason()).toContain('fewer than 1 tokens a second over 4 s');
  });

  it('does not mind few long pieces', async () => {
    const { clock, time, reason } = start({ requestMs: 100_000, pace: { tokensPerSecond: 5, windowMs: 4_000 } });
    for (let count = 0; count < 10; count += 1) {
      time.progress('twenty tokens in one piece of the answer, as some servers send them, at once ');
      await clock.advance(2_000);
    }
    expect(reason()).toBeUndefined();
  });

  it('leaves no timer behind', async () => {
    const { clock, time, reason } = start({ ...OWN, pace: { tokensPerSecond: 5, windowMs: 4_000 } });
    time.progress('a');
    time.close();
    await clock.advance(100_000);
    expect(reason()).toBeUndefined();
  });
});
