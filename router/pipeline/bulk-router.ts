import { FrontierError, toFrontierError } from '../../core/errors.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { Query } from '../domain/query.ts';
import { decide } from '../decide/decide.ts';
import { requireSteps } from '../decide/plan.ts';
import { createAsyncQueue } from '../execute/async-queue.ts';
import { requirePermission } from './authenticate.ts';
import { createBulkRecord } from './bulk-record.ts';
import { beginItem, type BulkItem } from './bulk-item.ts';
import type { Caller } from '../domain/caller.ts';
import type { BulkDependencies } from './dependencies.ts';

/** A query that has come in, or why it cannot be handled. */
export type BulkInput =
  { readonly requestId: string; readonly query: Query } | { readonly requestId: string; readonly error: FrontierError };

/** The result of one query. */
export interface BulkResult {
  readonly requestId: string;
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
        dependencies.admission.leaveBulk(results.length);
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
  const { admission, clock, classifier, planner, board } = dependencies;
  const { principal } = caller;
  const record = createBulkRecord(principal.tenant, dependencies);
  const out = createAsyncQueue<readonly BulkResult[]>();
  const runs = new Map<string, BulkItem>();
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
  const start = (input: BulkInput): void => {
    if (closed) {
      admission.leaveBulk(1);
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
      const decision = decide(query, classifier, planner, board.statuses, principal);
      requireSteps(decision.plan);
      const expiresMs = expiryOf(caller, startedMs, dependencies);
      beginItem({ query, decision, caller, startedMs, expiresMs }, dependencies, {
        under: (item) => {
          if (!closed) runs.set(query.requestId, item);
        },
        done(result) {
          runs.delete(query.requestId);
          finish(query.requestId, result);
        },
      });
    } catch (error) {
      finish(query.requestId, toFrontierError(error));
    }
  };

  return {
    results: out,
    async readAll(batches) {
      try {
        for await (const batch of batches) await admitBatch(batch, caller, dependencies, start);
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
      admission.leaveBulk(finished.length + out.drain().reduce((sum, batch) => sum + batch.length, 0));
      finished = [];
    },
  };
}

/** Starts the queries of a batch, as places and the user's allowance come free. */
async function admitBatch(
  batch: readonly BulkInput[],
  { principal, signal }: Caller,
  { admission, clock }: BulkDependencies,
  start: (input: BulkInput) => void,
): Promise<void> {
  for (let at = 0; at < batch.length;) {
    const entered = admission.enterBulk(batch.length - at);
    if (entered === 0) {
      await admission.bulkPlaceFreed(signal);
      continue;
    }
    const waitMs = admission.takeAllowance(principal, '', entered);
    if (waitMs > 0) {
      admission.leaveBulk(entered);
      await clock.sleep(waitMs, signal);
      continue;
    }
    for (const end = at + entered; at < end; at += 1) start(batch[at] as BulkInput);
  }
}

function expiryOf({ deadlineMs }: Caller, startedMs: number, { clock, requestTimeoutMs }: BulkDependencies): number {
  const leftMs = deadlineMs === undefined ? requestTimeoutMs : Math.min(requestTimeoutMs, deadlineMs - clock.nowMs());
  return startedMs + leftMs;
}

function expired(): FrontierError {
  return new FrontierError('DEADLINE_EXCEEDED', 'the deadline passed before an answer was found');
}
