import { describe, expect, it } from '@jest/globals';
import { createSeededRng } from '../../core/rng.ts';
import type { AnswerEvent, Answerer, Query } from '../shared/answerer.ts';
import { createLanguageAnswerer } from './language-answerer.ts';
import { readSettings } from './settings.ts';
import type { SeededSampling, TextEngine } from './text-engine.ts';

const END = -1;

/** A model that knows one answer, by bytes, each with the same probability. */
function scripted(answer: string, options: { endless?: boolean } = {}): TextEngine & { samplings: SeededSampling[] } {
  const samplings: SeededSampling[] = [];
  return {
    samplings,
    name: 'scripted',
    contextTokens: 1024,
    sequences: [
      {
        async *generate(_prompt, sampling, signal) {
          samplings.push(sampling);
          do {
            for (const token of Buffer.from(answer)) {
              await new Promise((resolve) => setImmediate(resolve));
              signal.throwIfAborted();
              yield { token, probability: 0.5 };
            }
          } while (options.endless);
          yield { token: END, probability: 1 };
        },
      },
    ],
    tokenize: (text) => [...Buffer.from(text)],
    detokenize: (tokens) => Buffer.from(tokens).toString('utf8'),
    isEnd: (token) => token === END,
    close: () => Promise.resolve(),
  };
}

const answererOf = (engine: TextEngine, env: Record<string, string> = {}): Answerer =>
  createLanguageAnswerer({ engine, settings: readSettings(env), rng: createSeededRng(1) });
const query = (parameters: Query['parameters'] = {}): Query => ({
  text: 'Hi',
  context: {},
  parameters,
  attachments: [],
  history: [],
});
const never = new AbortController().signal;

async function collect(events: AsyncIterable<AnswerEvent>) {
  const pieces: string[] = [];
  for await (const event of events) {
    if (event.kind === 'answer') return { pieces, answer: event.answer };
    pieces.push(event.text);
  }
  throw new Error('no answer came');
}

describe('language model answers', () => {
  it('streams pieces that make up the answer, and says how sure the model was', async () => {
    const { pieces, answer } = await collect(answererOf(scripted('Café 🙂')).answer(query(), never));
    expect(pieces).toEqual(['C', 'a', 'f', 'é', ' ', '🙂']);
    expect(answer).toMatchObject({ content: 'Café 🙂', finishReason: 'stop', usage: { completionTokens: 10 } });
    expect(answer.selfAssessment).toBeCloseTo(0.5, 10);
  });

  it('stops at the token limit and says so', async () => {
    const { answer } = await collect(answererOf(scripted('abcdef')).answer(query({ max_tokens: 3 }), never));
    expect(answer).toMatchObject({ content: 'abc', finishReason: 'length' });
  });

  it('stops before a stop text', async () => {
    const { answer } = await collect(answererOf(scripted('one END two')).answer(query({ stop: ['END'] }), never));
    expect(answer).toMatchObject({ content: 'one ', finishReason: 'stop' });
  });

  it('gives text that was held back for a stop text which never came', async () => {
    const { answer } = await collect(answererOf(scripted('one EN')).answer(query({ stop: ['END'] }), never));
    expect(answer.content).toBe('one EN');
  });

  it('says nothing of how sure it was of an empty answer', async () => {
    const { answer } = await collect(answererOf(scripted('')).answer(query(), never));
    expect(answer).toEqual({
      content: '',
      finishReason: 'stop',
      usage: expect.objectContaining({ completionTokens: 0 }),
    });
  });

  it('draws a seed for a query that has none, and keeps the one that it has', async () => {
    const engine = scripted('a');
    const answerer = answererOf(engine);
    for (const parameters of [{}, {}, { seed: 5 }]) await collect(answerer.answer(query(parameters), never));
    const seeds = engine.samplings.map(({ seed }) => seed);
    expect(seeds[2]).toBe(5);
    expect(seeds[0]).not.toBe(seeds[1]);
  });

  it('frees its sequence when a caller goes away in mid-answer', async () => {
    const answerer = answererOf(scripted('x', { endless: true }), { FRONTIER_MAX_QUEUED: '0' });
    const cancelled = new AbortController();
    const endless = answerer.answer(query({ max_tokens: 900 }), cancelled.signal)[Symbol.asyncIterator]();
    await endless.next();
    await expect(collect(answerer.answer(query(), never))).rejects.toMatchObject({ reason: 'MODULE_OVERLOADED' });
    cancelled.abort(new Error('gone'));
    await expect(endless.next()).rejects.toThrow('gone');
    const { answer } = await collect(answerer.answer(query({ max_tokens: 1 }), never));
    expect(answer.content).toBe('x');
  });

  it('refuses a faulty query even when all sequences are taken', async () => {
    const answerer = answererOf(scripted('x', { endless: true }), { FRONTIER_MAX_QUEUED: '0' });
    const endless = answerer.answer(query(), never)[Symbol.asyncIterator]();
    await endless.next();
    await expect(collect(answerer.answer(query({ seed: -1 }), never))).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    });
    await endless.return?.();
  });
});
