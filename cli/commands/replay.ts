import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { selectionPolicyOf } from '../../router/decide/selection-policy.ts';
import type { PlanPolicy } from '../../router/decide/plan.ts';
import { outcomeSchema, type LoggedOutcome } from '../../router/learning/outcome.ts';
import { replay, type ReplayResult } from '../../router/learning/replay.ts';
import { table } from '../output/table.ts';
import { loadWith } from '../up/settings.ts';

interface ReplayFlags {
  readonly data: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds `frontier replay`. */
export function addReplay(program: Command): void {
  program
    .command('replay')
    .description(
      'tell how selection would have done on logged outcomes (router.selection.outcome_log), with and without exploration',
    )
    .requiredOption('--data <file>', 'outcome log, one JSON object a line')
    .option('--config <file>', 'orchestration-config.yaml whose selection is tried')
    .option('--json', 'print JSON')
    .action(run);
}

async function run({ data, config, json }: ReplayFlags): Promise<void> {
  const outcomes = await readOutcomes(data);
  const { router, fallback } = loadWith(config, process.env).orchestration;
  const selection = selectionPolicyOf(router.selection);
  const policyWith = (share: number): PlanPolicy => ({
    confidenceThreshold: router.classification.confidence_threshold,
    maxAttempts: fallback.max_attempts,
    minSuccessRate: fallback.health_monitoring.min_success_rate,
    selection: { ...selection, exploration: { share, excludedTenants: new Set() } },
  });
  const results: Record<string, ReplayResult> = {
    configured: replay(outcomes, policyWith(selection.exploration.share)),
    best_known: replay(outcomes, policyWith(0)),
    always_drawn: replay(outcomes, policyWith(1)),
  };
  const out =
    json === true ? JSON.stringify({ outcomes: outcomes.length, policies: results }) : textOf(outcomes.length, results);
  process.stdout.write(`${out}\n`);
}

/** Throws CONFIG_INVALID naming the first line that is not an outcome. */
async function readOutcomes(path: string): Promise<LoggedOutcome[]> {
  const outcomes: LoggedOutcome[] = [];
  let line = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(path) })) {
      line += 1;
      if (text.trim() !== '') outcomes.push(outcomeSchema.parse(JSON.parse(text)));
    }
  } catch (error) {
    const place = line === 0 ? path : `${path}:${line}`;
    throw new FrontierError('INVALID_FIELD', `${place} is not an outcome log: ${messageOf(error)}`, {
      metadata: { field: 'data' },
    });
  }
  return outcomes;
}

function textOf(count: number, results: Readonly<Record<string, ReplayResult>>): string {
  const rows = Object.entries(results).map(([name, { matched, reward, acceptedShare, latencyMs, cost }]) => [
    name,
    String(matched),
    ...(matched === 0
      ? ['-', '-', '-', '-']
      : [reward.toFixed(3), acceptedShare.toFixed(3), `${latencyMs.toFixed(0)} ms`, cost.toPrecision(3)]),
  ]);
  const lines = table([['POLICY', 'MATCHED', 'REWARD', 'ACCEPTED', 'LATENCY', 'COST'], ...rows]);
  return [`${count} outcomes`, '', ...lines].join('\n');
}
