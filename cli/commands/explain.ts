import type { Command } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { ClassifyResponse } from '../../gen/frontier/router/v1/router.ts';
import { queryFrom } from '../client/query-text.ts';
import { connectRouter } from '../client/router-client.ts';
import { routeRequest, type QueryFlags } from '../client/route-request.ts';
import { findTarget, type TargetFlags } from '../client/target.ts';
import { collect, withTarget } from '../client/target-options.ts';
import { explanationLines } from '../output/explanation.ts';
import { paintFor } from '../output/paint.ts';

const TIMEOUT_MS = 10_000;

/** Adds `frontier explain`. */
export function addExplain(program: Command): void {
  withTarget(program.command('explain'))
    .argument('[query...]', 'the query; read from standard input when left out')
    .description('show what would happen to a query and why, without running it')
    .option('--module <id>', 'module that must answer')
    .option('--attach <file>', 'file that belongs to the query; may be given again', collect)
    .option('--json', 'print JSON')
    .action(explain);
}

async function explain(words: readonly string[], flags: QueryFlags & TargetFlags & { json?: boolean }): Promise<void> {
  const query = await queryFrom(words, (flags.attach ?? []).length > 0);
  const client = connectRouter(findTarget(flags));
  try {
    const response = await client.classify(
      routeRequest(query, { ...flags, explain: true }),
      systemClock.nowMs() + TIMEOUT_MS,
    );
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(ClassifyResponse.toJSON(response))}\n` : textOf(response),
    );
  } finally {
    client.close();
  }
}

function textOf({ queryClass, probability, margin, stage, explanation }: ClassifyResponse): string {
  const paint = paintFor(process.stdout);
  const head = `${paint('bold', queryClass)} ${probability.toFixed(3)} (margin ${margin.toFixed(3)}${stage === '' ? '' : `, by ${stage}`})`;
  const rest = explanation === undefined ? [] : explanationLines(explanation, paint);
  return `${[head, ...rest].join('\n')}\n`;
}
