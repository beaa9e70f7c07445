import { z } from 'zod';
import { ARMS, type ArmStatistics, type LearnedStrategies } from '../resilience/strategy-learner.ts';
import { poolWords, weighWords, type Word, type Words } from './pooling.ts';

/** What one router has seen itself of a way through plans for a class. */
export interface OwnArm extends ArmStatistics, Word {}

/** All that one router has seen, by class and way. */
export type OwnStrategies = Words<OwnArm>;

export const ownStrategiesSchema = z.record(
  z.string().min(1),
  z.partialRecord(
    z.enum(ARMS),
    z.object({
      count: z.int().min(0),
      acceptedRate: z.number().min(0).max(1),
      delayMs: z.number().min(0),
      cost: z.number().min(0),
      atMs: z.number().min(0),
    }),
  ),
) as z.ZodType<OwnStrategies>;

/** Gives what all routers together have learned of ways through plans. Pure; see `poolWords`. */
export function poolStrategies(byRouter: ReadonlyMap<string, OwnStrategies>): LearnedStrategies {
  return poolWords(byRouter, (words) => {
    const { count, mean } = weighWords(words);
    return {
      count,
      acceptedRate: Math.min(
        1,
        mean(({ acceptedRate }) => acceptedRate),
      ),
      delayMs: mean(({ delayMs }) => delayMs),
      cost: mean(({ cost }) => cost),
    };
  });
}
