import type { Explanation, ScoreFactors } from '../../gen/frontier/router/v1/router.ts';
import type { Paint } from './paint.ts';
import { table } from './table.ts';

const BAR_WIDTH = 24;
const MAX_SIGNALS = 8;

/** Gives an explanation as lines for people: probabilities, signals, plan, exclusions. */
export function explanationLines(explanation: Explanation, paint: Paint): string[] {
  const { probabilities, signals, plan, exclusions, summary, stages } = explanation;
  const section = (title: string, rows: string[][]): string[] =>
    rows.length === 0 ? [] : ['', paint('bold', title), ...table(rows, '  ')];
  return [
    ...(summary === '' ? [] : [summary]),
    ...section(
      'Class',
      probabilities.map(({ queryClass, probability }) => [queryClass, probability.toFixed(3), bar(probability)]),
    ),
    ...section(
      'Signals (log-odds)',
      signals.slice(0, MAX_SIGNALS).map(({ name, queryClass, weight }) => [weight.toFixed(2), queryClass, name]),
    ),
    ...section(
      plan?.abstained === true ? 'Plan (the classifier was too unsure to choose)' : 'Plan',
      (plan?.steps ?? []).map((step, index) => [
        `${index + 1}.`,
        step.moduleId,
        `score ${step.score.toFixed(2)}`,
        step.ready ? 'ready' : waitText(step.expectedWaitSeconds),
        `accepted from ${step.confidenceThreshold.toFixed(2)}`,
        `cost ${Number(step.expectedCost.toPrecision(3))}`,
        factorText(step.factors),
      ]),
    ),
    ...section(
      'Left out',
      exclusions.map(({ moduleId, reason, detail }) => [moduleId, reason, detail]),
    ),
    ...section(
      'Time',
      stages.map(({ stage, seconds }) => [stage, `${(seconds * 1000).toFixed(2)} ms`]),
    ),
  ];
}

function bar(fraction: number): string {
  return '█'.repeat(Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH));
}

/** The numbers behind a score, e.g. "quality 0.50 latency 1.00 …". */
function factorText(factors: ScoreFactors | undefined): string {
  if (factors === undefined) return '';
  const { quality, latency, cost, load, readiness } = factors;
  return Object.entries({ quality, latency, cost, load, readiness })
    .map(([name, value]) => `${name} ${value.toFixed(2)}`)
    .join('  ');
}

function waitText(seconds: number): string {
  return seconds > 0 ? `starts in about ${seconds.toFixed(1)} s` : 'is started first';
}
