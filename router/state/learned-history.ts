import { z } from 'zod';
import type { ClassHistory } from '../decide/module-status.ts';
import type { LearnedHistory } from '../resilience/module-board.ts';
import { poolWords, weighWords, type Word, type Words } from './pooling.ts';

/** What one router has seen itself of a module's answers to a class. */
export interface OwnHistory extends ClassHistory, Word {}

/** All that one router has seen, by module and class. */
export type OwnHistories = Words<OwnHistory>;

const fraction = z.number().min(0).max(1);
export const ownHistoriesSchema = z.record(
  z.string(),
  z.record(
    z.string().min(1),
    z.object({
      count: z.int().min(0),
      successRate: fraction,
      confidence: fraction,
      latencyMs: z.number().min(0),
      atMs: z.number().min(0),
    }),
  ),
);

/** Gives what all routers together have learned of modules. Pure; see `poolWords`. */
export function poolHistories(byRouter: ReadonlyMap<string, OwnHistories>): LearnedHistory {
  return poolWords(byRouter, poolOne);
}

function poolOne(words: readonly OwnHistory[]): ClassHistory {
  const { count, mean } = weighWords(words);
  return {
    count,
    successRate: bounded(mean(({ successRate }) => successRate)),
    confidence: bounded(mean(({ confidence }) => confidence)),
    latencyMs: mean(({ latencyMs }) => latencyMs),
  };
}

/** Rounding may put a mean of ones a little over one. */
function bounded(value: number): number {
  return Math.min(1, Math.max(0, value));
}
