import { eventually } from '../support/eventually.ts';
import { ask, type Asked, type Form, type Strategy, type Target } from './ask.ts';
import { isCooling } from './blows.ts';
import type { FaultCase } from './faults.ts';

/** A form in a strategy, under one fault. */
export interface CellKey {
  readonly form: Form;
  readonly strategy: Strategy;
}

/** Requests of slow cells at the same time: each waits most of its time. */
const SLOW_LANES = 60;
/** Few, so that the times are those of requests rather than of a queue. */
const FAST_LANES = 3;
/** Requests that a slow cell sends at the most: each waits for a module to be given up. */
const MOST_SLOW_REQUESTS = 10;
const COOL_MS = 30_000;

/** By which the faulty server counts a cell's requests. */
export function markOf({ form, strategy }: CellKey): string {
  return `${form}/${strategy}`;
}

/**
 * Asks for every cell while one fault lasts, round by round, so that each cell's first request is sent at once. Gives what came of
 * each cell's requests, in the cells' order.
 */
export async function askCells(
  cells: readonly CellKey[],
  fault: FaultCase,
  target: Target,
  requests: number,
): Promise<readonly (readonly Asked[])[]> {
  const answers = cells.map((): Asked[] => []);
  const rounds = fault.slow === true ? Math.min(requests, MOST_SLOW_REQUESTS) : requests;
  const askOne = async (at: number): Promise<void> => {
    const { form, strategy } = cells[at]!;
    answers[at]!.push(await ask(form, target, { strategy, mark: markOf(cells[at]!) }));
  };
  const all = Array.from({ length: rounds }, () => cells.map((_, at) => at));
  for (const round of fault.cools === true ? all : [all.flat()]) {
    await inLanes(round, lanesOf(fault, cells.length), askOne);
    if (fault.cools === true) await cooled(target.url);
  }
  return answers;
}

/** What asks for time gets all cells' requests before it is left alone; what is noticed by itself, before it is. */
function lanesOf({ slow, cools, noticed, blow }: FaultCase, cells: number): number {
  if (slow === true) return SLOW_LANES;
  return cools === true || noticed === true || blow !== undefined ? cells : FAST_LANES;
}

async function inLanes(jobs: readonly number[], lanes: number, run: (job: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let job = jobs[next]; job !== undefined; job = jobs[next]) {
      next += 1;
      await run(job);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function cooled(url: string): Promise<true> {
  return eventually(async () => !(await isCooling(url)), { timeoutMs: COOL_MS, what: 'the time that was asked for' });
}
