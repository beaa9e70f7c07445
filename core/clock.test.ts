import { describe, expect, test } from '@jest/globals';
import { createManualClock, systemClock } from './clock.ts';

describe('manual clock', () => {
  test('runs what falls due in the order of its time, repeats included', async () => {
    const clock = createManualClock(0);
    const seen: string[] = [];
    clock.after(30, () => seen.push(`after@${clock.nowMs()}`));
    clock.every(20, () => seen.push(`every@${clock.nowMs()}`));
    void clock.sleep(10).then(() => seen.push('slept'));
    await clock.advance(45);
    expect(seen).toEqual(['slept', 'every@20', 'after@30', 'every@40']);
    expect(clock.nowMs()).toBe(45);
  });

  test('a cancelled callback never runs, an aborted sleep rejects with its reason', async () => {
    const clock = createManualClock();
    let ran = false;
    clock.after(5, () => (ran = true))();
    const abort = new AbortController();
    const slept = clock.sleep(5, abort.signal);
    abort.abort(new Error('enough'));
    await expect(slept).rejects.toThrow('enough');
    await clock.advance(10);
    expect(ran).toBe(false);
  });
});

test('the system clock ends a sleep when its signal aborts', async () => {
  const abort = new AbortController();
  const slept = systemClock.sleep(60_000, abort.signal);
  abort.abort(new Error('enough'));
  await expect(slept).rejects.toThrow('enough');
});
