import { FrontierError, messageOf } from '../../core/errors.ts';
import { startSpan } from '../../core/telemetry/tracing.ts';
import type { Classification } from '../classification/classifier.ts';
import { decide, type Decision } from '../decide/decide.ts';
import { explain, type Explanation, type StageTiming } from '../decide/explain.ts';
import type { Planner } from '../decide/plan-book.ts';
import type { RouteEvent } from '../domain/events.ts';
import type { Caller } from '../domain/caller.ts';
import { mayUse, type Principal } from '../domain/principal.ts';
import { priorityOf, withPriority } from '../domain/query-priority.ts';
import type { Query } from '../domain/query.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';
import { executePlan } from '../execute/execute-plan.ts';
import type { RouterDependencies } from './dependencies.ts';
import { requirePermission } from './authenticate.ts';
import { recordFailure, recordResult, recordStages, type Method } from './record.ts';
import { beginRequest, type RequestRun } from './request-run.ts';
import { cachedResultOf, resultOf, type ResultContext } from './result-of.ts';

/** A user's judgement of an answer. */
export interface Feedback {
  readonly requestId: string;
  /** From 0 to 1. */
  readonly rating: number;
}

/** The pipeline: admit → classify → plan → execute → judge → record. Everything throws a FrontierError. */
export interface Router {
  route(query: Query, caller: Caller): Promise<RouteResult>;
  /** Gives the events of an answer as they happen; `done` is the last. */
  stream(query: Query, caller: Caller): AsyncGenerator<RouteEvent, void, undefined>;
  /** Tells what would be done with a query, without doing it. */
  classify(
    query: Query,
    caller: Caller,
  ): Promise<{ readonly classification: Classification; readonly explanation: Explanation }>;
  feedback(feedback: Feedback, caller: Caller): void;
}

/** Creates the pipeline. */
export function createRouter(dependencies: RouterDependencies): Router {
  return {
    async route(query, caller) {
      for await (const event of run('route', query, caller, dependencies))
        if (event.kind === 'done') return event.result;
      throw new FrontierError('INTERNAL', 'the pipeline ended without a result');
    },
    stream: (query, caller) => run('stream', query, caller, dependencies),
    async classify(asked, caller) {
      const { principal } = caller;
      requirePermission(principal, 'route');
      const query = withPriority(asked, caller);
      const { board, classifier, policy, clock } = dependencies;
      const planner = plannerFor(query, dependencies);
      const stages: StageTiming[] = [];
      const classifyMs = clock.monotonicMs();
      const classification = await classifier.classifyFully(query);
      stages.push({ stage: 'classify', ms: clock.monotonicMs() - classifyMs });
      const explained = { ...query, explain: true };
      const decision = decide(explained, classification, planner, board.statuses, principal, (stage, work) => {
        const startedMs = clock.monotonicMs();
        const result = work();
        stages.push({ stage, ms: clock.monotonicMs() - startedMs });
        return result;
      });
      return { classification: decision.classification, explanation: explain(decision, policy, stages) };
    },
    feedback(feedback, { principal }) {
      requirePermission(principal, 'submit_feedback');
      takeFeedback(feedback, principal, dependencies);
    },
  };
}

async function* run(
  method: Method,
  asked: Query,
  caller: Caller,
  dependencies: RouterDependencies,
): AsyncGenerator<RouteEvent, void, undefined> {
  const { principal } = caller;
  const query = withPriority(asked, caller);
  const request = beginRequest(query, caller, dependencies);
  let queryClass = '';
  try {
    await admit(query, principal, request, dependencies);
    const found = classified(query, request, dependencies);
    const classification = found instanceof Promise ? await found : found;
    const decision = await decideOn(query, classification, principal, request, dependencies);
    queryClass = decision.classification.queryClass;
    yield { kind: 'decision', decision, requestId: query.requestId };

    const result = yield* answer(method, query, caller, decision, request, dependencies);
    recordResult(method, principal.tenant, result, dependencies);
    dependencies.outcomes?.record(decision, result);
    yield { kind: 'confidence', report: result.answer.confidence };
    yield { kind: 'usage', usage: result.answer.usage };
    yield { kind: 'done', result };
  } catch (thrown) {
    const error = recordFailure(method, queryClass, thrown, dependencies);
    request.fail(error);
    throw error;
  } finally {
    request.end();
    recordStages(request.stages, dependencies);
  }
}

/** Lets a request in, after a short wait where there is no place for it. */
async function admit(
  query: Query,
  principal: Principal,
  request: RequestRun,
  { admission, clock }: RouterDependencies,
): Promise<void> {
  requirePermission(principal, 'route');
  request.throwIfOver();
  const startedMs = clock.monotonicMs();
  const { span } = startSpan('router.admit', { parent: request.traceContext });
  try {
    request.onEnd(await admission.enter(principal, query.userId, priorityOf(query), request.signal));
  } finally {
    request.note('admit', clock.monotonicMs() - startedMs);
    span.end();
  }
}

/** Tells the class; waits for the second stage only where the class chooses the module. */
function classified(
  query: Query,
  request: RequestRun,
  { classifier, clock }: RouterDependencies,
): Classification | Promise<Classification> {
  if (query.moduleId !== undefined) return request.timed('classify', () => classifier.classify(query));
  const startedMs = clock.monotonicMs();
  const found = request.timed('classify', () => classifier.classifyFully(query));
  if (!(found instanceof Promise)) return found;
  return found.then((classification) => {
    request.note('classify_embedding', clock.monotonicMs() - startedMs);
    return classification;
  });
}

/** Plans for a request, after a short wait where every module that could answer is full. */
function decideOn(
  query: Query,
  classification: Classification,
  principal: Principal,
  request: RequestRun,
  dependencies: RouterDependencies,
): Promise<Decision> {
  request.throwIfOver();
  const { board, moduleWait } = dependencies;
  return moduleWait.untilPlanned(
    () => decide(query, classification, plannerFor(query, dependencies), board.statuses, principal, request.timed),
    request.signal,
  );
}

/** Gives what plans for a query, with what pressure changes about it. */
export function plannerFor(asked: Query, { planner, pressure }: RouterDependencies): Planner {
  const brownOut = pressure.effectOn(priorityOf(asked));
  if (brownOut === undefined) return planner;
  return (query, classification, statuses, principal) => planner(query, classification, statuses, principal, brownOut);
}

/** Gives an answer that was given before where there is one, else has it made, and kept. */
async function* answer(
  method: Method,
  query: Query,
  caller: Caller,
  decision: Decision,
  request: RequestRun,
  dependencies: RouterDependencies,
): AsyncGenerator<RouteEvent, RouteResult, undefined> {
  const { answers, board } = dependencies;
  const { principal } = caller;
  if (answers === undefined) return yield* executeDecision(method, query, caller, decision, request, dependencies);
  const lookup = await answers.find(query, principal.tenant, request.signal, usableBy(principal, board));
  if (lookup.hit !== undefined) {
    const { cached } = lookup.hit;
    const { content } = cached.answer;
    if (method === 'stream' && content !== '')
      yield { kind: 'token', text: content, index: 0, moduleId: cached.moduleId };
    return cachedResultOf(cached, contextOf(query, decision, request), dependencies);
  }
  let made: RouteResult | undefined;
  try {
    made = yield* executeDecision(method, query, caller, decision, request, dependencies);
    return made;
  } finally {
    lookup.settle(forOthers(made));
  }
}

/** Gives an answer that may be kept for others: one that was shortened under pressure may not. */
export function forOthers(made: RouteResult | undefined): RouteResult | undefined {
  return made?.brownOut?.maxTokens === undefined ? made : undefined;
}

/** Tells whether a caller may be given an answer of a module. */
export function usableBy(principal: Principal, board: ModuleBoard): (moduleId: string) => boolean {
  return (moduleId) => board.record(moduleId) !== undefined && mayUse(principal, moduleId);
}

/** Has modules started that are not waited for. What hinders it is told to the queries that will wait for them. */
export function wakeBeside(moduleIds: readonly string[], { activator, log }: RouterDependencies): void {
  for (const moduleId of moduleIds) {
    activator.wake(moduleId).catch((error: unknown) => {
      log.warn({ event: 'wake_failed', module: moduleId, error: messageOf(error) });
    });
  }
}

/** Goes through a decision's plan, and has started what is to be started beside it. */
export async function* executeDecision(
  method: Method,
  query: Query,
  caller: Caller,
  decision: Decision,
  request: RequestRun,
  dependencies: RouterDependencies,
): AsyncGenerator<RouteEvent, RouteResult, undefined> {
  const { clock } = dependencies;
  wakeBeside(decision.plan.wake, dependencies);
  const startedMs = clock.monotonicMs();
  const { queryClass } = decision.classification;
  const { signal, deadlineMs, traceContext } = request;
  const maxTokens = decision.plan.brownOut?.maxTokens;
  const execution = {
    query: maxTokens === undefined ? query : { ...query, tokenCap: maxTokens },
    queryClass,
    tenant: caller.principal.tenant,
    signal,
    deadlineMs,
    traceContext,
    streaming: method === 'stream',
    reader: caller.reader ?? 'events',
  };
  dependencies.retryBudget.deposit();
  const done = yield* executePlan(decision.plan, execution, dependencies);
  request.note('execute', clock.monotonicMs() - startedMs);
  return resultOf(done, contextOf(query, decision, request), dependencies);
}

function contextOf(query: Query, decision: Decision, request: RequestRun): ResultContext {
  const { traceId, stages } = request;
  return { query, decision, processingMs: request.elapsedMs(), traceId, stages };
}

function takeFeedback(
  { requestId, rating }: Feedback,
  { tenant }: Principal,
  { recent, board, calibration }: RouterDependencies,
): void {
  if (!(rating >= 0 && rating <= 1)) {
    throw new FrontierError('INVALID_FIELD', 'rating must be from 0 to 1', { metadata: { field: 'rating' } });
  }
  const request = recent.take(requestId, tenant);
  if (request === undefined) {
    throw new FrontierError('REQUEST_UNKNOWN', 'the request is unknown, too old or judged already', {
      metadata: { request_id: requestId },
    });
  }
  const { moduleId, queryClass, rawScore, score } = request;
  board.addFeedback(moduleId, queryClass, rating);
  calibration.note(moduleId, queryClass, { raw: rawScore, told: score, rating });
}
