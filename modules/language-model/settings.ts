import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { decimal, readEnvironment, wholeNumber } from '../shared/environment.ts';
import type { Environment } from '../shared/environment.ts';

/** Name of the model file that ships; cli/bootstrap fetches it to this name. */
const MODEL_FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';

const schema = z.object({
  FRONTIER_MODEL_PATH: z.string().optional(),
  FRONTIER_CACHE_DIR: z.string().optional(),
  FRONTIER_SYSTEM_PROMPT: z.string().default('You are a helpful assistant.'),
  FRONTIER_TEMPERATURE: decimal(0, 2).default(0.2),
  FRONTIER_TOP_P: decimal(0.01, 1).default(0.95),
  FRONTIER_REPEAT_PENALTY: decimal(1, 2).default(1.1),
  FRONTIER_MAX_TOKENS: wholeNumber(1, 100_000).default(200),
  FRONTIER_CONTEXT_TOKENS: wholeNumber(256, 131_072).default(2048),
  FRONTIER_SEQUENCES: wholeNumber(1, 64).default(2),
  FRONTIER_MAX_QUEUED: wholeNumber(0, 10_000).default(32),
  FRONTIER_THREADS: wholeNumber(1, 256).optional(),
});

export interface LanguageModelSettings {
  /** GGUF file. */
  readonly modelPath: string;
  readonly systemPrompt: string;
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  /** Share of probability that tokens are drawn from, over 0 to 1. */
  readonly topP: number;
  /** How far tokens seen lately lose likelihood; 1 is not at all. */
  readonly repeatPenalty: number;
  /** Tokens of an answer whose query does not say. */
  readonly maxTokens: number;
  /** Tokens that a prompt and its answer may take together. */
  readonly contextTokens: number;
  /** Answers generated at the same time. */
  readonly sequences: number;
  /** Queries that may wait for a sequence. */
  readonly maxQueued: number;
  readonly threads: number;
}

/** Reads the module's settings. Throws CONFIG_INVALID with every fault. */
export function readSettings(env: Environment): LanguageModelSettings {
  const values = readEnvironment(schema, env);
  const cacheDir = values.FRONTIER_CACHE_DIR ?? join(homedir(), '.cache', 'frontier');
  return {
    modelPath: values.FRONTIER_MODEL_PATH ?? join(cacheDir, 'models', MODEL_FILE),
    systemPrompt: values.FRONTIER_SYSTEM_PROMPT,
    temperature: values.FRONTIER_TEMPERATURE,
    topP: values.FRONTIER_TOP_P,
    repeatPenalty: values.FRONTIER_REPEAT_PENALTY,
    maxTokens: values.FRONTIER_MAX_TOKENS,
    contextTokens: values.FRONTIER_CONTEXT_TOKENS,
    sequences: values.FRONTIER_SEQUENCES,
    maxQueued: values.FRONTIER_MAX_QUEUED,
    // One core is left to the services: llama.cpp's threads wait for each other, so one that is held up holds up all.
    threads: values.FRONTIER_THREADS ?? Math.max(1, availableParallelism() - 1),
  };
}
