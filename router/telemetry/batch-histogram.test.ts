import { describe, expect, it } from '@jest/globals';
import { Histogram, Registry } from 'prom-client';
import { createBatchHistogram } from './batch-histogram.ts';

const BUCKETS = [0.1, 1, 10];
const VALUES = [0.05, 0.1, 0.5, 1, 3, 10, 11];

describe('createBatchHistogram', () => {
  it("is scraped as prom-client's own histogram of the same values", async () => {
    const ours = new Registry();
    const theirs = new Registry();
    const form = { name: 'frontier_test_seconds', help: 'A test.', labelNames: ['kind'] as const, buckets: BUCKETS };
    const histogram = createBatchHistogram({ ...form, registry: ours });
    const reference = new Histogram({ ...form, labelNames: ['kind'], registers: [theirs] });
    for (const kind of ['a', 'b']) {
      for (const value of VALUES) {
        histogram.series({ kind }).observe(value);
        reference.observe({ kind }, value);
      }
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });
});
