import type { Plan, PlanStep } from '../decide/plan.ts';
import type { ExecutionResult } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import { holdRule } from '../resilience/hold-rule.ts';
import { canAfford } from '../resilience/second-chance.ts';
import type { AttemptRequest } from './attempt.ts';
import { continuationOf } from './continuation.ts';
import { createProgress } from './progress.ts';
import { createRace, type Lane, type Race } from './race.ts';
import { concludePlan, settle } from './sequential.ts';
import type { ExecutionDependencies } from './execution-dependencies.ts';

/** Quantile of a module's own time after which it counts as slow. */
const SLOW = 0.95;
/** Shortest wait before a hedge, in milliseconds: a fast module's spread is no reason to ask another one. */
const LEAST_WAIT_MS = 50;

/**
 * Carries out a plan, the next module starting as soon as the present one is slower than it nearly ever is, or fails. The first
 * that shows a token, or is accepted, wins; the others are cancelled. Hedges are paid from the retry budget. Throws as
 * executeSequentially does.
 */
export async function* executeHedged(
  plan: Plan,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  const { retryBudget } = dependencies;
  const progress = createProgress();
  const race = createRace(dependencies, progress);
  const waiting: PlanStep[] = [...plan.steps];
  let winner: Lane | undefined;
  const startNext = (): boolean => {
    const step = waiting.shift();
    if (step === undefined) return false;
    if (!canAfford(progress.attempts, step.expectedCost + runningCost(race), request.query.maxCost)) return startNext();
    const query = continuationOf(request.query, progress.partial);
    race.start(step, { ...request, query }, waiting.length > 0 || race.running.size > 0);
    race.alarmAfter(hedgeAfterMs(step, request, dependencies));
    return true;
  };
  try {
    startNext();
    for await (const news of race.news) {
      if (news.kind === 'over') throw news.error;
      if (news.kind === 'alarm') {
        // With a token shown there is nothing to hedge any more.
        if (winner === undefined && waiting.length > 0 && retryBudget.withdraw()) startNext();
        continue;
      }
      const { lane } = news;
      if (news.kind === 'event') {
        if (news.event.kind === 'token' && winner === undefined) {
          winner = lane;
          // They have not failed: should the winner break later, they are asked again.
          waiting.unshift(...[...race.running].filter((other) => other !== lane).map(({ step }) => step));
          progress.attempts.push(...race.cancelOthers(lane, request));
        }
        if (winner === undefined || winner === lane) yield news.event;
        continue;
      }
      const { outcome } = news;
      const isAccepted = outcome.kind === 'answered' && outcome.record.accepted;
      if (isAccepted) progress.attempts.push(...race.cancelOthers(lane, request));
      const isLast = waiting.length === 0 && race.running.size === 0;
      const result = yield* settle(lane.step, outcome, { mayStand: isLast }, request, progress);
      if (result !== undefined) return result;
      winner = undefined;
      if (race.running.size > 0) continue;
      if (!startNext()) break;
      const [next] = race.running;
      yield { kind: 'fallback', fromModuleId: lane.step.moduleId, toModuleId: next?.step.moduleId ?? '' };
    }
  } finally {
    race.close();
  }
  return yield* concludePlan(plan.steps, request, dependencies, progress);
}

function runningCost({ running }: Race): number {
  return [...running].reduce((sum, { step }) => sum + step.expectedCost, 0);
}

/** Time after which the module is slower than it nearly ever is, by its own past; half of patience while that is not known. */
function hedgeAfterMs(
  { moduleId }: PlanStep,
  { streaming, reader, queryClass }: AttemptRequest,
  { board, patience, holdPolicy }: ExecutionDependencies,
): number {
  const record = board.record(moduleId);
  const risk = {
    history: record?.history.get(queryClass),
    breaker: record?.breaker.phase ?? 'CLOSED',
    othersRemain: true,
  };
  const showsTokens = streaming && holdRule(reader, holdPolicy, risk).kind !== 'whole';
  const known = (showsTokens ? record?.firstTokens : record?.latencies)?.quantile(SLOW);
  return Math.max(known ?? (record?.tunedFirstTokenMs ?? patience.firstTokenMs) / 2, LEAST_WAIT_MS);
}
