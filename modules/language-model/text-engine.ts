import type { Sampling } from './sampling.ts';

/** What a language model runtime has to offer; node-llama-cpp in production, a script in tests. */
export interface TextEngine {
  readonly name: string;
  /** Tokens that a prompt and its answer may take together in one sequence. */
  readonly contextTokens: number;
  /** Places where answers are generated side by side; each is used by one answer at a time. */
  readonly sequences: readonly TextSequence[];
  /** Gives tokens of a text; marks of the template count as such only when `isTemplate`. */
  tokenize(text: string, isTemplate: boolean): readonly number[];
  detokenize(tokens: readonly number[], previous: readonly number[]): string;
  /** Tells whether the model ends its answer with this token. */
  isEnd(token: number): boolean;
  close(): Promise<void>;
}

export interface GeneratedToken {
  readonly token: number;
  /** Probability that the model gave it, whatever the temperature, from 0 to 1. */
  readonly probability: number;
}

export interface TextSequence {
  /** Generates without end; leaving the loop stops it. Rejects with the signal's reason soon after it aborts. */
  generate(prompt: readonly number[], sampling: SeededSampling, signal: AbortSignal): AsyncIterable<GeneratedToken>;
}

export type SeededSampling = Sampling & { readonly seed: number };
