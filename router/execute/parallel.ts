import type { Plan, PlanStep } from '../decide/plan.ts';
import type { ExecutionResult } from '../domain/answer.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import type { AttemptOutcome, AttemptRequest } from './attempt.ts';
import { createProgress, note, type Progress } from './progress.ts';
import { createRace, type Race } from './race.ts';
import { conclude, executeSequentially, failureEvent } from './sequential.ts';
import type { ExecutionDependencies } from './execution-dependencies.ts';

/** Shortest further wait for a better answer once one is accepted, in milliseconds. */
const LEAST_GRACE_MS = 200;

/**
 * Asks all ready modules of a plan at the same time, as far as the ceiling on cost allows, and gives the accepted answer with the
 * highest score. Once one is accepted the others get as much time again, and are cancelled then. Streams get the answer when it
 * is chosen, since tokens of a loser must not be seen. When none is accepted, the rest of the plan follows one by
 * one. Throws as executeSequentially does.
 */
export async function* executeInParallel(
  plan: Plan,
  request: AttemptRequest,
  dependencies: ExecutionDependencies,
): AsyncGenerator<ExecutionEvent, ExecutionResult, undefined> {
  const progress = createProgress();
  const runners = affordable(
    plan.steps.filter(({ ready, heldOff }) => ready && heldOff !== true),
    request.query.maxCost,
  );
  if (runners.length > 1) {
    const race = createRace(dependencies, progress);
    try {
      const accepted = yield* runRace(race, runners, request, dependencies, progress);
      if (accepted !== undefined) {
        const { answer, moduleId } = accepted;
        if (request.streaming) yield { kind: 'token', text: answer.content, index: 0, moduleId };
        return conclude(progress, moduleId, answer);
      }
    } finally {
      race.close();
    }
  }
  const asked = new Set(progress.attempts.map(({ moduleId }) => moduleId));
  const steps = plan.steps.filter(({ moduleId }) => !asked.has(moduleId));
  return yield* executeSequentially({ ...plan, steps }, request, dependencies, progress);
}

type Best = NonNullable<Progress['best']>;

async function* runRace(
  race: Race,
  runners: readonly PlanStep[],
  request: AttemptRequest,
  { clock }: ExecutionDependencies,
  progress: Progress,
): AsyncGenerator<ExecutionEvent, Best | undefined, undefined> {
  const startedMs = clock.monotonicMs();
  for (const step of runners) race.start(step, { ...request, streaming: false }, true);
  let accepted: Best | undefined;
  for await (const news of race.news) {
    if (news.kind === 'over') throw news.error;
    if (news.kind === 'alarm') break;
    if (news.kind === 'event') {
      yield news.event;
      continue;
    }
    const { lane, outcome } = news;
    note(progress, outcome);
    const isFirst = accepted === undefined;
    accepted = better(accepted, outcome);
    if (!isAccepted(outcome)) yield failureEvent(lane.step.moduleId, outcome, false);
    if (race.running.size === 0) break;
    if (isFirst && accepted !== undefined) race.alarmAfter(Math.max(clock.monotonicMs() - startedMs, LEAST_GRACE_MS));
  }
  progress.attempts.push(...race.cancelOthers(undefined, request));
  return accepted;
}

function isAccepted(outcome: AttemptOutcome): outcome is Extract<AttemptOutcome, { kind: 'answered' }> {
  return outcome.kind === 'answered' && outcome.record.accepted;
}

function better(best: Best | undefined, outcome: AttemptOutcome): Best | undefined {
  if (!isAccepted(outcome)) return best;
  const { answer, record } = outcome;
  if (best !== undefined && best.answer.confidence.score >= answer.confidence.score) return best;
  return { answer, moduleId: record.moduleId };
}

/** Gives the steps from the first on whose expected costs together stay under the ceiling. */
function affordable(steps: readonly PlanStep[], maxCost: number | undefined): readonly PlanStep[] {
  let sum = 0;
  return steps.filter(({ expectedCost }) => {
    if (maxCost !== undefined && sum + expectedCost > maxCost) return false;
    sum += expectedCost;
    return true;
  });
}
