import { z } from 'zod';
import type { QueryClass } from '../../core/config/schema.ts';
import type { ClassHistory } from '../decide/module-status.ts';
import type { LearnedHistory } from '../resilience/module-board.ts';

/** What one router has seen itself of a module's answers to a class. */
export interface OwnHistory extends ClassHistory {
  /** When it saw the last of them, in wall-clock milliseconds since the epoch. */
  readonly atMs: number;
}

/** All that one router has seen, by module and class. */
export type OwnHistories = Readonly<Record<string, Readonly<Record<QueryClass, OwnHistory>>>>;

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

/** No router's word weighs more than that of so many outcomes: as far as the rolling means reach back. */
const MOST_OUTCOMES = 50;
/** What was seen so much earlier than the newest weighs half, in milliseconds. */
const HALF_LIFE_MS = 3_600_000;

/**
 * Gives what all routers together have learned. Pure; the order of the routers does not matter, nor does hearing one twice, since
 * there is one word of each. Older words weigh less beside newer ones, so that what a router that is gone has seen fades.
 */
export function poolHistories(byRouter: ReadonlyMap<string, OwnHistories>): LearnedHistory {
  const grouped = new Map<string, Map<QueryClass, OwnHistory[]>>();
  // In order of the ids: sums of fractions depend on it.
  for (const [, histories] of [...byRouter].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [moduleId, classes] of Object.entries(histories)) {
      const group = grouped.get(moduleId) ?? new Map<QueryClass, OwnHistory[]>();
      grouped.set(moduleId, group);
      for (const [queryClass, own] of Object.entries(classes))
        group.set(queryClass, [...(group.get(queryClass) ?? []), own]);
    }
  }
  return Object.fromEntries(
    [...grouped].map(([moduleId, group]) => [
      moduleId,
      Object.fromEntries([...group].map(([queryClass, words]) => [queryClass, poolOne(words)])),
    ]),
  );
}

function poolOne(words: readonly OwnHistory[]): ClassHistory {
  const [first] = words;
  if (first !== undefined && words.length === 1) return withoutTime(first);
  const newestMs = Math.max(...words.map(({ atMs }) => atMs));
  const weighed = words.map((word) => {
    const decay = 2 ** (-(newestMs - word.atMs) / HALF_LIFE_MS);
    return { word, decay, weight: Math.min(word.count, MOST_OUTCOMES) * decay };
  });
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (read: (word: OwnHistory) => number): number =>
    total === 0
      ? read(words[0] as OwnHistory)
      : weighed.reduce((sum, { word, weight }) => sum + weight * read(word), 0) / total;
  return {
    count: Math.round(weighed.reduce((sum, { word, decay }) => sum + word.count * decay, 0)),
    successRate: bounded(mean(({ successRate }) => successRate)),
    confidence: bounded(mean(({ confidence }) => confidence)),
    latencyMs: mean(({ latencyMs }) => latencyMs),
  };
}

function withoutTime({ count, successRate, confidence, latencyMs }: OwnHistory): ClassHistory {
  return { count, successRate, confidence, latencyMs };
}

/** Rounding may put a mean of ones a little over one. */
function bounded(value: number): number {
  return Math.min(1, Math.max(0, value));
}
