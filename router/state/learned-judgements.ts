import { z } from 'zod';
import type { LearnedJudgements } from '../calibration/calibration-book.ts';
import { BINS, sumJudgements, type Judgements } from '../calibration/judgements.ts';
import { poolWords, type Words } from './pooling.ts';

/** All that one router has been told by users, by module and class. */
export type OwnJudgements = Words<Judgements>;

const amount = z.number().min(0);
/** Rounding may put a sum a little over what it is a part of. */
const SLACK = 1e-6;
const bin = z
  .object({ weight: amount, score: amount, good: amount })
  .refine(({ weight, score, good }) => Math.max(score, good) <= weight + SLACK);
const bins = z.array(bin).length(BINS);

export const ownJudgementsSchema = z.record(
  z.string(),
  z.record(z.string().min(1), z.object({ count: z.int().min(0), atMs: amount, raw: bins, told: bins })),
) as z.ZodType<OwnJudgements>;

/** Gives what users have told all routers together. Pure; see `poolWords`. */
export function poolJudgements(byRouter: ReadonlyMap<string, OwnJudgements>): LearnedJudgements {
  return poolWords(byRouter, sumJudgements);
}

/** Gives what users had told a router before it was started again, and what they have told it since, as one. */
export function resumeJudgements(stored: Judgements, since: Judgements): Judgements {
  return sumJudgements([stored, since]);
}
