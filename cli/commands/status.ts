import type { Command } from 'commander';
import { fetchStatus, type StatusBody } from '../client/status-body.ts';
import { findTarget, type TargetFlags } from '../client/target.ts';
import { withTarget } from '../client/target-options.ts';
import { moduleTable } from '../output/module-table.ts';

/** Adds `frontier status`. */
export function addStatus(program: Command): void {
  withTarget(program.command('status'))
    .description('show the running system and its modules')
    .option('--json', 'print JSON')
    .action(status);
}

async function status(flags: TargetFlags & { json?: boolean }): Promise<void> {
  const target = findTarget(flags);
  const body = await fetchStatus(target);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ url: target.url, ...body })}\n`);
    return;
  }
  const loader = body.loader?.connected === false ? ', without its loader: serving on its last state' : '';
  const { configured = 1, running = 1 } = body.routers ?? {};
  const routers = configured === 1 ? '' : `, ${running} of ${configured} routers`;
  const head = `Frontier ${body.version} at ${target.url}, up ${Math.round(body.uptime_seconds)} s, ${body.in_flight} in flight${routers}${loader}`;
  process.stdout.write(`${[head, ...classifierLine(body), '', ...moduleTable(body.modules)].join('\n')}\n`);
}

/** What decides the class of queries. */
function classifierLine({ classifier }: StatusBody): string[] {
  if (classifier === undefined) return [];
  const { state, detail } = classifier.second_stage;
  return [`Classifier ${classifier.model}, second stage ${state}: ${detail}`];
}
