import { z } from 'zod';
import { sumAttempts, sumPaths, type AttemptCounts, type PathCounts } from '../resilience/ledger-counts.ts';
import type { LedgerBook } from '../resilience/fallback-ledger.ts';
import { poolWords, type Word, type Words } from './pooling.ts';

/** What one router has counted itself. */
export type OwnAttempts = AttemptCounts & Word;
export type OwnPath = PathCounts & Word;

const counter = z.int().min(0);
const moment = z.number().min(0);
const counters = z.record(z.string(), counter);
const common = { count: counter, atMs: moment, sinceMs: moment, accepted: counter };

/** By module and class. */
export const ownAttemptsSchema: z.ZodType<Words<OwnAttempts>> = z.record(
  z.string().min(1),
  z.record(z.string(), z.object({ ...common, failures: counters, standIns: counter })),
);

/** By class and way. */
export const ownPathsSchema: z.ZodType<Words<OwnPath>> = z.record(
  z.string(),
  z.record(z.string(), z.object({ ...common, added: counters })),
);

/** Counts of all routers, and how many routers those are. */
export interface PooledAttempts {
  readonly book: LedgerBook<AttemptCounts>;
  readonly routers: number;
}

/** Gives what all routers together have counted of attempts. Pure; see `poolWords`. */
export function poolAttempts(byRouter: ReadonlyMap<string, Words<OwnAttempts>>): PooledAttempts {
  const told = [...byRouter.values()].filter((words) => Object.keys(words).length > 0);
  return { book: poolWords(byRouter, sumAttempts), routers: told.length };
}

/** Gives what all routers together have counted of ways. Pure; see `poolWords`. */
export function poolPaths(byRouter: ReadonlyMap<string, Words<OwnPath>>): LedgerBook<PathCounts> {
  return poolWords(byRouter, sumPaths);
}

/** Gives what a router had counted before it was started again, and what it has counted since, as one. */
export function resumeAttempts(stored: OwnAttempts, since: OwnAttempts): OwnAttempts {
  return { ...sumAttempts([stored, since]), atMs: Math.max(stored.atMs, since.atMs) };
}

/** The same of ways. */
export function resumePaths(stored: OwnPath, since: OwnPath): OwnPath {
  return { ...sumPaths([stored, since]), atMs: Math.max(stored.atMs, since.atMs) };
}
