import type { ClassProbability, Signal } from '../classification/classifier.ts';
import type { BrownOutEffect } from '../resilience/brown-out.ts';
import type { Decision } from './decide.ts';
import type { Plan, PlanPolicy, PlanStep } from './plan.ts';

/** Time that one stage of the pipeline took. */
export interface StageTiming {
  readonly stage: string;
  readonly ms: number;
}

/** How a decision came about: every number that decided. */
export interface Explanation {
  /** Highest first. */
  readonly probabilities: readonly ClassProbability[];
  readonly plan: Plan;
  /** Strongest first. */
  readonly signals: readonly Signal[];
  /** One sentence for people. */
  readonly summary: string;
  readonly stages: readonly StageTiming[];
}

/** Explains a decision. */
export function explain(decision: Decision, policy: PlanPolicy, stages: readonly StageTiming[]): Explanation {
  return {
    probabilities: decision.classification.probabilities,
    plan: decision.plan,
    signals: [...decision.classification.signals].sort((a, b) => b.weight - a.weight),
    summary: summarize(decision, policy),
    stages,
  };
}

function brownOutText({ cheaperFirst, maxTokens }: BrownOutEffect): string {
  const cut = maxTokens === undefined ? [] : [`answers of at most ${maxTokens} tokens`];
  return `under pressure ${[...(cheaperFirst ? ['the cheapest module first'] : []), ...cut].join(' and ')}`;
}

function summarize({ classification, plan }: Decision, policy: PlanPolicy): string {
  const { queryClass, probability } = classification;
  const how = `${queryClass} with probability ${probability.toFixed(2)}`;
  const choice = plan.abstained
    ? `${how}, under the threshold of ${policy.confidenceThreshold.toFixed(2)}, so GENERAL answers first`
    : how;
  const order = plan.steps.map(stepText).join(', then ');
  const drawn = plan.explores ? ', in an order drawn to try modules out' : '';
  const wake = plan.wake.length === 0 ? '' : `; ${plan.wake.join(', ')} is started meanwhile`;
  const left = plan.exclusions.map(({ moduleId, reason }) => `${moduleId} (${reason})`).join(', ');
  const cheaper = plan.brownOut === undefined ? '' : `, ${brownOutText(plan.brownOut)}`;
  return `${choice}${drawn}${cheaper}: ${order === '' ? 'no module can answer' : order}${wake}${left === '' ? '' : `; left out: ${left}`}.`;
}

const SHARE_TEXT = {
  slow_start: 'back after a failure',
  drifting: 'getting worse',
  exhausted: 'out of resources',
} as const;

function stepText({ moduleId, ready, share, heldOff = false }: PlanStep): string {
  const notes = [
    ...(ready ? [] : ['not loaded']),
    ...(share === undefined
      ? []
      : [
          `${SHARE_TEXT[share.reason]}, given ${Math.round(share.fraction * 100)} % of its queries`,
          ...(heldOff ? ['not this one'] : []),
        ]),
  ];
  return notes.length === 0 ? moduleId : `${moduleId} (${notes.join(', ')})`;
}
