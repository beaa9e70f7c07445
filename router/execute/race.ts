import { FrontierError } from '../../core/errors.ts';
import { costOf, promptTokens } from '../decide/cost.ts';
import type { PlanStep } from '../decide/plan.ts';
import type { AttemptRecord } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import { createAsyncQueue, type AsyncQueue } from './async-queue.ts';
import { failedRecord, type AttemptOutcome, type AttemptRequest } from './attempt.ts';
import type { Progress } from './progress.ts';
import { takeStep } from './sequential.ts';
import type { ExecutionDependencies } from './execution-dependencies.ts';

/** One module's attempt in a race. */
export interface Lane {
  readonly step: PlanStep;
  readonly startedMs: number;
  readonly controller: AbortController;
}

/** What comes out of a race: events and ends of its lanes, and the alarms that were set. */
export type RaceNews =
  | { readonly kind: 'event'; readonly lane: Lane; readonly event: ExecutionEvent }
  | { readonly kind: 'outcome'; readonly lane: Lane; readonly outcome: AttemptOutcome }
  | { readonly kind: 'over'; readonly error: unknown }
  | { readonly kind: 'alarm' };

/** Attempts that run side by side; whoever leaves it must call `close`. */
export interface Race {
  readonly news: AsyncQueue<RaceNews>;
  readonly running: ReadonlySet<Lane>;
  start(step: PlanStep, request: AttemptRequest, othersRemain: boolean): Lane;
  /** Has an alarm come after `ms`; an earlier one that has not come yet is forgotten. */
  alarmAfter(ms: number): void;
  /** Cancels every lane but one, all the way down to the workloads, and gives the records of what was cancelled. */
  cancelOthers(winner: Lane | undefined, request: AttemptRequest): AttemptRecord[];
  close(): void;
}

/** Creates a race without lanes. */
export function createRace(dependencies: ExecutionDependencies, progress: Progress): Race {
  const { clock, board } = dependencies;
  const news = createAsyncQueue<RaceNews>();
  const running = new Set<Lane>();
  let cancelAlarm = (): void => undefined;

  const run = async (lane: Lane, request: AttemptRequest, othersRemain: boolean): Promise<void> => {
    const attempt = takeStep({ moduleId: lane.step.moduleId, othersRemain }, request, dependencies, progress);
    try {
      for (;;) {
        const { value, done } = await attempt.next();
        if (!running.has(lane)) return;
        if (done === true) {
          running.delete(lane);
          news.push({ kind: 'outcome', lane, outcome: value });
          return;
        }
        news.push({ kind: 'event', lane, event: value });
      }
    } catch (error) {
      // A lane that was cancelled ends so too; nobody waits for it.
      if (running.delete(lane)) news.push({ kind: 'over', error });
    } finally {
      // One that is left in the middle must give its place at the module back.
      await attempt.return(undefined as never).catch(() => undefined);
    }
  };

  return {
    news,
    running,
    start(step, request, othersRemain) {
      const controller = new AbortController();
      const lane = { step, startedMs: clock.monotonicMs(), controller };
      running.add(lane);
      const signal = AbortSignal.any([request.signal, controller.signal]);
      void run(lane, { ...request, signal }, othersRemain);
      return lane;
    },
    alarmAfter(ms) {
      cancelAlarm();
      cancelAlarm = clock.after(ms, () => {
        news.push({ kind: 'alarm' });
      });
    },
    cancelOthers(winner, request) {
      const losers = [...running].filter((lane) => lane !== winner);
      return losers.map((lane) => {
        running.delete(lane);
        const error = new FrontierError('CANCELLED', 'another module was faster');
        lane.controller.abort(error);
        const { moduleId } = lane.step;
        const usage = { promptTokens: promptTokens(request.query), completionTokens: 0 };
        const spec = board.record(moduleId)?.spec;
        const cost = spec === undefined ? 0 : costOf(spec, usage);
        const record = failedRecord(moduleId, error, clock.monotonicMs() - lane.startedMs);
        return { ...record, cost, usage, usageEstimated: true };
      });
    },
    close() {
      cancelAlarm();
      for (const { controller } of running) controller.abort(new FrontierError('CANCELLED', 'the request is over'));
      running.clear();
      news.end();
    },
  };
}
