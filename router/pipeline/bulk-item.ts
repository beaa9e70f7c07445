import { toFrontierError, type FrontierError } from '../../core/errors.ts';
import type { Decision } from '../decide/decide.ts';
import type { Caller } from '../domain/caller.ts';
import type { Query } from '../domain/query.ts';
import type { RouteResult } from '../domain/route-result.ts';
import { inTurn } from '../execute/execute-plan.ts';
import { BulkRun } from './bulk-run.ts';
import type { BulkDependencies } from './dependencies.ts';
import { beginRequest } from './request-run.ts';
import { cachedResultOf, resultOf, type ResultContext } from './result-of.ts';
import { executeDecision, forOthers, usableBy, wakeBeside } from './router.ts';

/** One query of a bulk call that is under way. */
export interface BulkItem {
  /** When it is given up, on the monotonic clock. */
  readonly expiresMs: number;
  /** Ends it from outside; its end is told before this returns. */
  abandon(error: FrontierError): void;
}

/** A query that has been let in, and what is to be done with it. */
export interface BulkOrder {
  readonly query: Query;
  readonly decision: Decision;
  readonly caller: Caller;
  readonly startedMs: number;
  readonly expiresMs: number;
}

/** Who wants to know of an item: `under` is told what it is under now, `done` how it has ended, once. */
export interface BulkObserver {
  readonly under: (item: BulkItem) => void;
  readonly done: (result: RouteResult | FrontierError) => void;
}

/** Has a query answered: from the cache where that has the answer, else by its plan. */
export function beginItem(order: BulkOrder, dependencies: BulkDependencies, observer: BulkObserver): void {
  if (dependencies.answers === undefined || order.query.cachePolicy === 'no_store')
    carryOut(order, dependencies, observer);
  else void lookUp(order, dependencies, observer);
}

async function lookUp(order: BulkOrder, dependencies: BulkDependencies, observer: BulkObserver): Promise<void> {
  const { query, caller } = order;
  const { answers, board } = dependencies;
  const { done, signal } = abandonable(order, observer);
  try {
    const usable = usableBy(caller.principal, board);
    const lookup = await answers?.find(query, caller.principal.tenant, signal, usable);
    if (lookup?.hit !== undefined) {
      done(cachedResultOf(lookup.hit.cached, contextOf(order, dependencies), dependencies));
    } else if (signal.aborted) lookup?.settle(undefined);
    else {
      carryOut(order, dependencies, {
        under: observer.under,
        done(result) {
          lookup?.settle(result instanceof Error ? undefined : forOthers(result));
          done(result);
        },
      });
    }
  } catch (thrown) {
    done(toFrontierError(thrown));
  }
}

/** Goes through the plan: one module after another on streams that all share, other strategies as single queries do. */
function carryOut(order: BulkOrder, dependencies: BulkDependencies, observer: BulkObserver): void {
  const { decision } = order;
  switch (decision.plan.strategy ?? 'sequential') {
    case 'sequential':
      runInLane(order, dependencies, observer);
      return;
    case 'weighted_round_robin': {
      const plan = inTurn(decision.plan, decision.classification.queryClass, dependencies);
      runInLane({ ...order, decision: { ...decision, plan } }, dependencies, observer);
      return;
    }
    default:
      void runApart(order, dependencies, observer);
  }
}

function runInLane(order: BulkOrder, dependencies: BulkDependencies, { under, done }: BulkObserver): void {
  const { query, decision, caller, startedMs, expiresMs } = order;
  const times = { startedMs, expiresMs, signal: caller.signal };
  const run = new BulkRun(query, decision, caller.principal.tenant, times, dependencies, ({ progress }, outcome) => {
    if (outcome instanceof Error) done(outcome);
    else done(resultOf({ ...outcome, ...progress }, contextOf(order, dependencies), dependencies));
  });
  under(run);
  wakeBeside(decision.plan.wake, dependencies);
  run.next();
}

async function runApart(order: BulkOrder, dependencies: BulkDependencies, observer: BulkObserver): Promise<void> {
  const { query, decision, caller } = order;
  const { done, signal } = abandonable(order, observer);
  const own = { ...caller, signal };
  const request = beginRequest(query, own, dependencies);
  try {
    const events = executeDecision('many', query, own, decision, request, dependencies);
    let next = await events.next();
    while (next.done !== true) next = await events.next();
    done(next.value);
  } catch (thrown) {
    const error = toFrontierError(thrown);
    request.fail(error);
    done(error);
  } finally {
    request.end();
  }
}

/** Has an item that can be given up; gives who is told of its first end alone, and the signal that it was given up. */
function abandonable({ expiresMs }: BulkOrder, observer: BulkObserver): Abandonable {
  const stop = new AbortController();
  let over = false;
  const done: BulkObserver['done'] = (result) => {
    if (over) return;
    over = true;
    observer.done(result);
  };
  observer.under({
    expiresMs,
    abandon(error) {
      done(error);
      stop.abort(error);
    },
  });
  return { done, signal: stop.signal };
}

interface Abandonable {
  readonly done: BulkObserver['done'];
  readonly signal: AbortSignal;
}

/** Neither stages nor a trace are kept of a query in bulk. */
function contextOf({ query, decision, startedMs }: BulkOrder, { clock }: BulkDependencies): ResultContext {
  return { query, decision, processingMs: clock.monotonicMs() - startedMs, traceId: '', stages: [] };
}
