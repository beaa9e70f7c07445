import type { Rng } from '../../core/rng.ts';
import type { AnswerEvent, Answerer, Query } from '../shared/answerer.ts';
import { createBoundedPool } from '../shared/bounded-pool.ts';
import { fitPrompt, turnsOf } from './prompt.ts';
import { geometricMean } from './probability.ts';
import { samplingFor } from './sampling.ts';
import type { Sampling } from './sampling.ts';
import type { LanguageModelSettings } from './settings.ts';
import type { TextEngine, TextSequence } from './text-engine.ts';
import { createStopScanner, createTokenText } from './token-text.ts';

export interface LanguageAnswererOptions {
  readonly engine: TextEngine;
  readonly settings: LanguageModelSettings;
  readonly rng: Rng;
}

const MAX_SEED = 4_294_967_295;

/** Gives an answerer over a language model: a fixed number of answers at a time, a bounded queue for the others. */
export function createLanguageAnswerer({ engine, settings, rng }: LanguageAnswererOptions): Answerer {
  const pool = createBoundedPool(engine.sequences, settings.maxQueued);
  return {
    description: {
      name: engine.name,
      version: '1',
      acceptedMediaTypes: ['text/*', 'application/json'],
      maxConcurrency: engine.sequences.length,
      contextTokens: engine.contextTokens,
    },
    async *answer(query, signal) {
      const job = prepare(query, engine, settings);
      const lease = await pool.acquire(signal);
      try {
        yield* generate(
          engine,
          lease.value,
          { ...job, seed: job.sampling.seed ?? Math.floor(rng.next() * MAX_SEED) },
          signal,
        );
      } finally {
        lease.release();
      }
    },
    close: () => engine.close(),
  };
}

interface Job {
  readonly tokens: readonly number[];
  readonly sampling: Sampling;
}

/** Everything that can be wrong with a query shows here, before it waits for a sequence. */
function prepare(query: Query, engine: TextEngine, settings: LanguageModelSettings): Job {
  const sampling = samplingFor(query.parameters, settings);
  const turns = turnsOf(query, settings.systemPrompt);
  const { contextTokens } = engine;
  const limits = { contextTokens, maxTokens: sampling.maxTokens };
  const { tokens, room } = fitPrompt(turns, limits, (text, isTemplate) => engine.tokenize(text, isTemplate));
  return { tokens, sampling: { ...sampling, maxTokens: Math.min(sampling.maxTokens, room) } };
}

async function* generate(
  engine: TextEngine,
  sequence: TextSequence,
  { tokens, sampling, seed }: Job & { readonly seed: number },
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const characters = createTokenText((some, previous) => engine.detokenize(some, previous));
  const scanner = createStopScanner(sampling.stop);
  const piece = createPieces();
  let ended = false;
  let stopped = false;
  for await (const { token, probability } of sequence.generate(tokens, { ...sampling, seed }, signal)) {
    if (engine.isEnd(token)) {
      ended = true;
      break;
    }
    const scanned = scanner.push(characters.push(token));
    stopped = scanned.stopped;
    yield* piece.add(scanned.text, probability);
    if (stopped || piece.tokens >= sampling.maxTokens) break;
  }
  // What follows a stop text is dropped, so there is no rest after one.
  if (!stopped) yield* piece.add(scanner.push(characters.flush()).text + scanner.flush());
  const finishReason = ended || stopped ? 'stop' : 'length';
  yield {
    kind: 'answer',
    answer: { ...piece.answer(), finishReason, usage: { promptTokens: tokens.length, completionTokens: piece.tokens } },
  };
}

/** Collects an answer's pieces: text that has been held back goes out with the probability of all its tokens. */
function createPieces() {
  let content = '';
  const whole = { tokens: 0, logSum: 0 };
  let held = { tokens: 0, logSum: 0 };
  return {
    get tokens() {
      return whole.tokens;
    },
    *add(text: string, probability?: number): Generator<AnswerEvent> {
      if (probability !== undefined) {
        const log = Math.log(Math.max(probability, Number.EPSILON));
        for (const sum of [whole, held]) {
          sum.tokens += 1;
          sum.logSum += log;
        }
      }
      if (text === '') return;
      content += text;
      const { tokens, logSum } = held;
      held = { tokens: 0, logSum: 0 };
      yield { kind: 'piece', text, ...(tokens === 0 ? {} : { probability: geometricMean(logSum, tokens) }) };
    },
    /** The geometric mean of the tokens' probabilities: the model's own word on how sure it was, whatever the length. */
    answer: () => ({
      content,
      ...(whole.tokens === 0 ? {} : { selfAssessment: geometricMean(whole.logSum, whole.tokens) }),
    }),
  };
}
