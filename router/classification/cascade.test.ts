import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { EmbedOutcome } from '../embedding/embedder.ts';
import { createCascade, type DecidedBy } from './cascade.ts';
import type { Classification, ClassifierInput } from './classifier.ts';

const classification = (stage: string, margin: number): Classification => ({
  queryClass: 'GENERAL',
  probability: 0.5 + margin / 2,
  margin,
  probabilities: [],
  signals: [],
  stage,
});
const input: ClassifierInput = { text: 'q', context: undefined, attachments: [] };

function setUp(margin: number, embedded: Float32Array | Exclude<EmbedOutcome, 'embedded'>, kept?: Float32Array) {
  const clock = createManualClock();
  const decided: DecidedBy[] = [];
  const budgets: number[] = [];
  const embedder = {
    known: () => kept,
    embed: (_text: string, budgetMs: number) => {
      budgets.push(budgetMs);
      return Promise.resolve(embedded);
    },
    status: { state: 'ready' as const },
    settled: Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const cascade = createCascade({
    first: { classify: () => classification('lexical', margin) },
    second: { stage: { classify: () => classification('embedding', 0.9) }, embedder },
    margin: 0.7,
    budgetMs: 8,
    onDecided: (by) => decided.push(by),
  });
  return { cascade, decided, budgets, clock };
}
const VECTOR = new Float32Array(384);

describe('the second stage', () => {
  it('is not asked where the first is sure, and nothing is waited for', () => {
    const { cascade, decided, budgets } = setUp(0.7, VECTOR);
    expect(cascade.classifyFully(input)).toMatchObject({ stage: 'lexical' });
    expect(budgets).toEqual([]);
    expect(decided).toEqual(['lexical: sure']);
  });

  it('decides where the first is unsure, within its budget', async () => {
    const { cascade, decided, budgets } = setUp(0.69, VECTOR);
    expect(await cascade.classifyFully(input)).toMatchObject({ stage: 'embedding' });
    expect(budgets).toEqual([8]);
    expect(decided).toEqual(['embedding: computed']);
  });

  it.each(['late', 'busy', 'unavailable'] as const)('leaves it to the first when it is %s', async (why) => {
    const { cascade, decided } = setUp(0.1, why);
    expect(await cascade.classifyFully(input)).toMatchObject({ stage: 'lexical' });
    expect(decided).toEqual([`lexical: second stage ${why}`]);
  });

  it('decides at once with an embedding that is kept, also for those who do not wait', () => {
    const { cascade, decided } = setUp(0.1, 'busy', VECTOR);
    expect(cascade.classify(input)).toMatchObject({ stage: 'embedding' });
    expect(cascade.classifyFully(input)).toMatchObject({ stage: 'embedding' });
    expect(decided).toEqual(['embedding: kept', 'embedding: kept']);
  });

  it('is not waited for by those who do not wait', () => {
    const { cascade, decided, budgets } = setUp(0.1, VECTOR);
    expect(cascade.classify(input)).toMatchObject({ stage: 'lexical' });
    expect(budgets).toEqual([]);
    expect(decided).toEqual(['lexical: not waited for']);
  });
});
