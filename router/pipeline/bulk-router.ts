import { FrontierError, toFrontierError } from '../../core/errors.ts';
import type { RouteResult } from '../domain/route-result.ts';
import { priorityOf } from '../domain/query-priority.ts';
import { explain } from '../decide/explain.ts';
import { requireSteps } from '../decide/plan.ts';
import { createAsyncQueue } from '../execute/async-queue.ts';
import { requirePermission } from './authenticate.ts';
import { admitBatch, type BulkInput } from './bulk-admit.ts';
import { createBulkRecord } from './bulk-record.ts';
import { BulkRun, type BulkOutcome } from './bulk-run.ts';
import { createPlanCache } from './plan-cache.ts';
import type { Caller } from '../domain/caller.ts';
import type { BulkDependencies } from './dependencies.ts';

/** The result of one query. */
export interface BulkResult {
  readonly requestId: string;
  /** Set when the query never had a place. */
  readonly shed?: true;
  readonly result: RouteResult | FrontierError;
}

/** Time between two looks for queries whose deadline has passed, in milliseconds. */
const SWEEP_MS = 50;

/**
 * Answers batches of queries as they finish. Reading stops while too many are under way or wait to be taken, so a slow
 * reader slows down its own queries and nobody else's.
 */
export async function* routeMany(
  batches: AsyncIterable<readonly BulkInput[]>,
  caller: Caller,
  dependencies: BulkDependencies,
): AsyncGenerator<readonly BulkResult[], void, undefined> {
  requirePermission(caller.principal, 'route');
  const session = createSession(caller, dependencies);
  const stopSweep = dependencies.clock.every(SWEEP_MS, () => {
    session.sweep();
  });
  void session.readAll(batches);
  const onGone = (): void => {
    session.stop(caller.signal.reason);
  };
  caller.signal.addEventListener('abort', onGone, { once: true });
  try {
    for await (const results of session.results) {
      // What the caller has not taken yet keeps its place, which is what stops the reading.
      try {
        yield results;
      } finally {
        dependencies.admission.leaveBulk(caller.principal.tenant, placesOf(results));
      }
    }
  } finally {
    stopSweep();
    caller.signal.removeEventListener('abort', onGone);
    session.close();
  }
}

interface Session {
  readonly results: AsyncIterable<readonly BulkResult[]>;
  readAll(batches: AsyncIterable<readonly BulkInput[]>): Promise<void>;
  sweep(): void;
  /** Ends the results with an error. */
  stop(reason: unknown): void;
  close(): void;
}

function createSession(caller: Caller, dependencies: BulkDependencies): Session {
  const { admission, clock } = dependencies;
  const { principal } = caller;
  const decideFor = createPlanCache(principal, dependencies);
  const record = createBulkRecord(principal.tenant, dependencies);
  const out = createAsyncQueue<readonly BulkResult[]>();
  const runs = new Map<string, BulkRun>();
  let finished: BulkResult[] = [];
  let reading = true;
  let closed = false;
  let scheduled = false;

  const flush = (): void => {
    scheduled = false;
    const batch = finished;
    finished = [];
    record(batch.map(({ result }) => result));
    if (batch.length > 0) out.push(batch);
    if (!reading && runs.size === 0) out.end();
  };
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  const finish = (requestId: string, result: RouteResult | FrontierError): void => {
    finished.push({ requestId, result });
    schedule();
  };
  const shed = (requestId: string, error: FrontierError): void => {
    finished.push({ requestId, result: error, shed: true });
    schedule();
  };
  const onDone = (run: BulkRun, outcome: BulkOutcome): void => {
    const { requestId } = run.query;
    runs.delete(requestId);
    finish(requestId, outcome instanceof Error ? outcome : resultOf(run, outcome, clock.monotonicMs(), dependencies));
  };
  const start = (input: BulkInput): void => {
    if (closed) {
      admission.leaveBulk(principal.tenant, 1);
      return;
    }
    if ('error' in input) {
      finish(input.requestId, input.error);
      return;
    }
    const { query } = input;
    if (runs.has(query.requestId)) {
      finish(
        query.requestId,
        new FrontierError('DUPLICATE_REQUEST_ID', 'a query with this id is under way on this stream'),
      );
      return;
    }
    try {
      const startedMs = clock.monotonicMs();
      const decision = decideFor(query, startedMs);
      requireSteps(decision.plan);
      const times = { startedMs, expiresMs: expiryOf(caller, startedMs, dependencies), signal: caller.signal };
      const run = new BulkRun(query, decision, principal.tenant, times, dependencies, onDone);
      runs.set(query.requestId, run);
      run.next();
    } catch (error) {
      finish(query.requestId, toFrontierError(error));
    }
  };

  return {
    results: out,
    async readAll(batches) {
      try {
        for await (const batch of batches) await admitBatch(batch, caller, dependencies, { start, shed });
        reading = false;
        schedule();
      } catch (error) {
        out.end(caller.signal.aborted ? caller.signal.reason : error);
      }
    },
    sweep() {
      const nowMs = clock.monotonicMs();
      for (const run of runs.values()) if (run.expiresMs <= nowMs) run.abandon(expired());
    },
    stop(reason) {
      out.end(reason);
    },
    close() {
      closed = true;
      for (const run of [...runs.values()]) run.abandon(new FrontierError('CANCELLED', 'the caller is gone'));
      const left = [finished, ...out.drain()].reduce((sum, batch) => sum + placesOf(batch), 0);
      admission.leaveBulk(principal.tenant, left);
      finished = [];
    },
  };
}

function expiryOf({ deadlineMs }: Caller, startedMs: number, { clock, requestTimeoutMs }: BulkDependencies): number {
  const leftMs = deadlineMs === undefined ? requestTimeoutMs : Math.min(requestTimeoutMs, deadlineMs - clock.nowMs());
  return startedMs + leftMs;
}

/** Places that results still hold: those that were shed never had one. */
function placesOf(results: readonly BulkResult[]): number {
  return results.reduce((count, { shed }) => (shed === true ? count : count + 1), 0);
}

function expired(): FrontierError {
  return new FrontierError('DEADLINE_EXCEEDED', 'the deadline passed before an answer was found');
}

function resultOf(
  { query, decision, progress, startedMs }: BulkRun,
  { answer, moduleId }: Exclude<BulkOutcome, FrontierError>,
  nowMs: number,
  { policy }: BulkDependencies,
): RouteResult {
  return {
    answer,
    moduleId,
    attempts: progress.attempts,
    coldStartMs: progress.coldStartMs,
    requestId: query.requestId,
    queryClass: decision.classification.queryClass,
    queryClassProbability: decision.classification.probability,
    fallbackUsed: moduleId !== decision.plan.steps[0]?.moduleId,
    processingMs: nowMs - startedMs,
    cost: progress.attempts.reduce((sum, attempt) => sum + attempt.cost, 0),
    cacheHit: false,
    traceId: '',
    priority: priorityOf(query),
    brownOut: decision.plan.brownOut,
    explanation: query.explain ? explain(decision, policy, []) : undefined,
  };
}
