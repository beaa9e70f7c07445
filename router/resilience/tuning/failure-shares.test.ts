import { expect, it } from '@jest/globals';
import { createFailureShares } from './failure-shares.ts';

it('tells the share of the last thousand calls or so, per module', () => {
  const failures = createFailureShares();
  expect(failures.of('a')).toEqual({ share: 0, calls: 0 });
  for (let count = 0; count < 200; count += 1) failures.note('a', count % 4 === 0);
  expect(failures.of('a')).toMatchObject({ share: expect.closeTo(0.25), calls: 200 });
  for (let count = 0; count < 5_000; count += 1) failures.note('a', false);
  expect(failures.of('a').share).toBeLessThan(0.01);
  expect(failures.of('b').calls).toBe(0);
});
