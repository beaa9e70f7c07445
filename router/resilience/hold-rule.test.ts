import { describe, expect, it } from '@jest/globals';
import { orchestrationFileSchema } from '../../core/config/schema.ts';
import { createHoldBack, type TokenEvent } from '../execute/hold-back.ts';
import { holdPolicyOf, holdRule, type HoldPolicy, type Risk, type StreamReader } from './hold-rule.ts';

const policy = holdPolicyOf(orchestrationFileSchema.parse({ orchestration: {} }).orchestration.fallback);
const steady = { count: 50, successRate: 1, confidence: 0.8, latencyMs: 900 };
const RISK: Risk = { history: steady, breaker: 'CLOSED', othersRemain: true };

describe('how long an answer is held back', () => {
  it.each<[string, StreamReader, Partial<HoldPolicy>, Partial<Risk>, string]>([
    ['a proven module: the window', 'openai', {}, {}, 'window'],
    ['an unknown one: whole', 'openai', {}, { history: undefined }, 'whole'],
    ['a young one: whole', 'openai', {}, { history: { ...steady, count: 19 } }, 'whole'],
    ['one that has failed lately: whole', 'openai', {}, { history: { ...steady, successRate: 0.98 } }, 'whole'],
    ['one that is being probed: whole', 'openai', {}, { breaker: 'HALF_OPEN' }, 'whole'],
    ['nobody else could answer: not at all', 'openai', {}, { othersRemain: false, history: undefined }, 'none'],
    ['events can discard: not at all', 'events', {}, { history: undefined }, 'none'],
    ['unless configured', 'events', { events: 'risk' }, { history: undefined }, 'whole'],
    ['a configured window', 'openai', { openai: 'window' }, { history: undefined }, 'window'],
    ['switched off', 'openai', { openai: 'none' }, { history: undefined }, 'none'],
  ])('%s', (_case, reader, settings, risk, kind) => {
    expect(holdRule(reader, { ...policy, ...settings }, { ...RISK, ...risk }).kind).toBe(kind);
  });
});

describe('tokens that are held back', () => {
  const token = (index: number): TokenEvent => ({ kind: 'token', text: `${index} `, index, moduleId: 'm' });

  it('are given out at once without a rule', () => {
    const hold = createHoldBack({ kind: 'none' });
    expect(hold.offer(token(0), 0)).toHaveLength(1);
    expect(hold).toMatchObject({ shown: true, shownText: '0 ', count: 1 });
  });

  it('are given out together when the window is full, and one by one from then on', () => {
    const hold = createHoldBack({ kind: 'window', tokens: 3, ms: 1_000 });
    expect(hold.offer(token(0), 0)).toEqual([]);
    expect(hold.offer(token(1), 1)).toEqual([]);
    expect(hold.shown).toBe(false);
    expect(hold.offer(token(2), 2).map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(hold.offer(token(3), 3).map(({ index }) => index)).toEqual([3]);
  });

  it('are given out when the window has passed', () => {
    const hold = createHoldBack({ kind: 'window', tokens: 100, ms: 300 });
    hold.offer(token(0), 5_000);
    expect(hold.offer(token(1), 5_299)).toEqual([]);
    expect(hold.offer(token(2), 5_300)).toHaveLength(3);
  });

  it('wait for the end of the answer, but not for ever', () => {
    const hold = createHoldBack({ kind: 'whole', maxMs: 10_000 });
    for (let index = 0; index < 50; index += 1) expect(hold.offer(token(index), index * 100)).toEqual([]);
    expect(hold.offer(token(50), 10_000)).toHaveLength(51);
    expect(hold.release()).toEqual([]);
  });

  it('are gone when they are not released', () => {
    const hold = createHoldBack({ kind: 'whole', maxMs: 10_000 });
    hold.offer(token(0), 0);
    expect(hold).toMatchObject({ shown: false, shownText: '', count: 1 });
    expect(hold.release()).toHaveLength(1);
    expect(hold.shown).toBe(true);
  });
});
