import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createMemoryStore } from '../../core/store/memory-store.ts';
import type { Query } from '../domain/query.ts';
import type { RouteResult } from '../domain/route-result.ts';
import { query } from '../decide/testing/planning.ts';
import { createAnswerCache, type AnswerCache, type AnswerCacheOptions, type Lookup } from './answer-cache.ts';
import { cacheKeyOf } from './cache-key.ts';
import { compareWords } from './compare-texts.ts';
import { createSharedAnswers } from './shared-answers.ts';
import { similarityOf, vectorOf } from './similarity.ts';

const NEVER = new AbortController().signal;
const EVERY = (_moduleId: string): boolean => true;

function result(content: string, more: Partial<RouteResult['answer']> = {}, accepted = true): RouteResult {
  const confidence = {
    score: 0.9,
    selfAssessment: 0.9,
    quality: { relevance: 1, coherence: 1, accuracy: 1, completeness: 1, safety: 1 },
    history: 0.5,
    time: 1,
    structure: 1,
    rawScore: 0.9,
    threshold: 0.3,
    accepted,
  };
  const usage = { promptTokens: 1, completionTokens: 1 };
  return {
    answer: { content, finishReason: 'stop', usage, confidence, attachments: [], ...more },
    moduleId: 'm',
    attempts: [],
    coldStartMs: 0,
    requestId: 'r',
    queryClass: 'GENERAL',
    queryClassProbability: 1,
    fallbackUsed: false,
    processingMs: 1,
    cost: 0,
    cacheHit: false,
    traceId: '',
    priority: 'normal',
    explanation: undefined,
  };
}

function setUp(more: Partial<AnswerCacheOptions> = {}) {
  const clock = createManualClock();
  const outcomes: string[] = [];
  const answers = createAnswerCache({
    clock,
    ttlMs: 1_000,
    maxBytes: 1_000_000,
    similarity: undefined,
    collapse: false,
    shared: undefined,
    onLookup: (outcome) => outcomes.push(outcome),
    ...more,
  });
  const find = (asked: Query, tenant = 't', usable = EVERY): Promise<Lookup> =>
    answers.find(asked, tenant, NEVER, usable);
  return {
    clock,
    outcomes,
    answers,
    find,
    contentOf: async (...args: Parameters<typeof find>) => contentOf(await find(...args)),
  };
}

function contentOf(lookup: Lookup): string | undefined {
  return lookup.hit?.cached.answer.content;
}

async function keep(answers: AnswerCache, asked: Query, made = result('kept'), tenant = 't'): Promise<void> {
  const lookup = await answers.find(asked, tenant, NEVER, EVERY);
  if (lookup.hit !== undefined) throw new Error('it is kept already');
  lookup.settle(made);
}

describe('an answer is given again', () => {
  it('to an equal query, until its life is over', async () => {
    const { answers, contentOf, clock, outcomes } = setUp();
    await keep(answers, query({ text: 'What is up?' }));
    expect(await contentOf(query({ text: '  What is up?\r\n'.trim() }))).toBe('kept');
    await clock.advance(1_000);
    expect(await contentOf(query({ text: 'What is up?' }))).toBeUndefined();
    expect(outcomes).toEqual(['miss', 'exact', 'miss']);
  });

  it.each<[string, Partial<Query>]>([
    ['other words', { text: 'hello!' }],
    ['another module', { moduleId: 'm' }],
    ['other parameters', { parameters: { max_tokens: 1 } }],
    ['another context', { context: { domain: 'x' } }],
    ['another conversation', { history: [{ role: 'user', content: 'before' }] }],
    [
      'a file',
      { attachments: [{ mediaType: 'image/png', name: '', source: { kind: 'data', data: new Uint8Array([1]) } }] },
    ],
  ])('never to a query with %s', async (_what, more) => {
    const { answers, contentOf } = setUp();
    await keep(answers, query());
    expect(await contentOf(query(more))).toBeUndefined();
    expect(await contentOf(query())).toBe('kept');
  });

  it('never to another tenant, whatever the query', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), fc.string(), async (text, a, b) => {
        fc.pre(a !== b);
        const { answers, contentOf } = setUp({ similarity: compareWords(0.5) });
        await keep(answers, query({ text }), result('secret'), a);
        expect(await contentOf(query({ text }), b)).toBeUndefined();
      }),
    );
  });

  it('never to a caller who may not use the module that gave it', async () => {
    const { answers, contentOf } = setUp();
    await keep(answers, query());
    expect(await contentOf(query(), 't', (moduleId) => moduleId !== 'm')).toBeUndefined();
  });
});

describe('what is kept', () => {
  it.each<[string, RouteResult]>([
    ['a rejected answer', result('x', {}, false)],
    ['one that a limit cut', result('x', { finishReason: 'length' })],
    ['one that was filtered', result('x', { finishReason: 'content_filter' })],
  ])('is not %s', async (_what, made) => {
    const { answers, contentOf } = setUp();
    await keep(answers, query(), made);
    expect(await contentOf(query())).toBeUndefined();
  });

  it('is nothing of a query that says no-store, and anew of one that says refresh', async () => {
    const { answers, contentOf } = setUp();
    await keep(answers, query({ cachePolicy: 'no_store' }));
    expect(answers.entries).toBe(0);
    await keep(answers, query(), result('old'));
    await keep(answers, query({ cachePolicy: 'refresh' }), result('new'));
    expect(await contentOf(query())).toBe('new');
  });

  it('never takes more memory than it may, and forgets the oldest', async () => {
    const { answers, contentOf } = setUp({ maxBytes: 20_000 });
    for (let at = 0; at < 100; at += 1)
      await keep(answers, query({ text: `question ${at} ${'x'.repeat(at)}` }), result('y'.repeat(500)));
    expect(answers.bytes).toBeLessThanOrEqual(20_000);
    expect(answers.entries).toBeGreaterThan(3);
    expect(await contentOf(query({ text: 'question 0 ' }))).toBeUndefined();
  });
});

describe('similar queries', () => {
  it.each([
    ['What is the capital of France?', 'what is the capital of france'],
    ['How do I reset my password?', 'How do I reset my password please?'],
  ])('%s ≈ %s', async (a, b) => {
    const { answers, contentOf } = setUp({ similarity: compareWords(0.85) });
    await keep(answers, query({ text: a }));
    expect(await contentOf(query({ text: b }))).toBe('kept');
  });

  it.each([
    ['What is the capital of France?', 'What is the capital of Spain?'],
    ['How do I reset my password?', 'How do I delete my account?'],
  ])('%s ≠ %s', async (a, b) => {
    const { answers, contentOf } = setUp({ similarity: compareWords(0.85) });
    await keep(answers, query({ text: a }));
    expect(await contentOf(query({ text: b }))).toBeUndefined();
  });

  it('are compared by a measure that is 1 for the same text and at most 1 for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const own = similarityOf(vectorOf(a), vectorOf(a));
        expect([0, 1].some((value) => Math.abs(own - value) < 1e-5)).toBe(true);
        expect(Math.abs(similarityOf(vectorOf(a), vectorOf(b)))).toBeLessThanOrEqual(1 + 1e-5);
      }),
    );
  });
});

describe('equal queries at the same time', () => {
  it('are answered by one call when it brings an answer', async () => {
    const { find, outcomes } = setUp({ collapse: true });
    const leader = await find(query());
    const followers = [find(query()), find(query())];
    if (leader.hit === undefined) leader.settle(result('one'));
    expect((await Promise.all(followers)).map(contentOf)).toEqual(['one', 'one']);
    expect(outcomes).toEqual(['miss', 'collapsed', 'collapsed']);
  });

  it('go on by themselves when it does not, or when their caller leaves', async () => {
    const { find, answers } = setUp({ collapse: true });
    const leader = await find(query());
    const leaving = new AbortController();
    const gone = answers.find(query(), 't', leaving.signal, EVERY);
    const follower = find(query());
    leaving.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    if (leader.hit === undefined) leader.settle(undefined);
    expect((await follower).hit).toBeUndefined();
  });
});

describe('the shared layer', () => {
  it('gives the answers of other routers; a store that is away is as one that has none', async () => {
    const clock = createManualClock();
    const store = await createMemoryStore({ clock, log: silentLogger });
    const one = setUp({ shared: createSharedAnswers(store, clock, silentLogger), clock });
    const other = setUp({ shared: createSharedAnswers(store, clock, silentLogger), clock });
    await keep(one.answers, query());
    expect(await other.contentOf(query())).toBe('kept');
    expect(other.outcomes).toEqual(['shared']);
    await store.close();
    expect(await other.contentOf(query({ text: 'new' }))).toBeUndefined();
  });

  it('is not waited for longer than it may take', async () => {
    const clock = createManualClock();
    const slow = { get: () => new Promise<undefined>(() => undefined), set: jest.fn() } as never;
    const { find } = setUp({ shared: createSharedAnswers(slow, clock, silentLogger), clock });
    const found = find(query());
    await clock.advance(25);
    expect((await found).hit).toBeUndefined();
    // The next one does not wait at all.
    expect((await find(query({ text: 'other' }))).hit).toBeUndefined();
  });

  it('is asked again after a while', async () => {
    const clock = createManualClock();
    const store = await createMemoryStore({ clock, log: silentLogger });
    let isAway = true;
    const flaky = { ...store, get: (key: string) => (isAway ? Promise.reject(new Error('away')) : store.get(key)) };
    const one = setUp({ shared: createSharedAnswers(store, clock, silentLogger), clock });
    const other = setUp({ shared: createSharedAnswers(flaky, clock, silentLogger), clock });
    expect(await other.contentOf(query({ text: 'new' }))).toBeUndefined();
    isAway = false;
    await clock.advance(1_000);
    await keep(one.answers, query());
    expect(await other.contentOf(query())).toBe('kept');
  });
});

it('the key of a query does not depend on the order of its parameters', () => {
  const of = (parameters: Record<string, unknown>) => cacheKeyOf(query({ parameters }), 't').exact;
  expect(of({ a: 1, b: { c: 2, d: 3 } })).toBe(of({ b: { d: 3, c: 2 }, a: 1 }));
});
