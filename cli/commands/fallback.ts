import type { Command } from 'commander';
import { fetchFallbackEvents, fetchFallbackStats, type FallbackBody } from '../client/fallback-body.ts';
import { callApi } from '../client/http-api.ts';
import { findTarget, type TargetFlags } from '../client/target.ts';
import { withTarget } from '../client/target-options.ts';
import { table } from '../output/table.ts';

type Flags = TargetFlags & { json?: boolean };

/** Adds `frontier fallback stats|events|open|close`. */
export function addFallback(program: Command): void {
  const fallback = program.command('fallback').description('show how modules fail and who stands in for them');
  withTarget(fallback.command('stats'))
    .description('show attempts, failures, breakers and the ways that requests went')
    .option('--json', 'print JSON')
    .action(stats);
  withTarget(fallback.command('events'))
    .description('show what was done by itself about modules that failed or got worse, and why')
    .option('--json', 'print JSON')
    .action(events);
  for (const order of ['open', 'close'] as const) {
    withTarget(fallback.command(order))
      .argument('<id>')
      .description(order === 'open' ? 'keep queries from a module until it is closed' : "close a module's breaker")
      .action((id: string, flags: Flags) => setBreaker(order, id, flags));
  }
}

async function stats(flags: Flags): Promise<void> {
  const body = await fetchFallbackStats(findTarget(flags));
  process.stdout.write(flags.json === true ? `${JSON.stringify(body)}\n` : `${view(body).join('\n')}\n`);
}

async function events(flags: Flags): Promise<void> {
  const list = await fetchFallbackEvents(findTarget(flags));
  const rows = list.map(({ time, action, module_id, reason }) => [time, action, module_id, reason]);
  const text =
    rows.length === 0 ? ['nothing had to be done yet'] : table([['TIME', 'ACTION', 'MODULE', 'REASON'], ...rows]);
  process.stdout.write(flags.json === true ? `${JSON.stringify({ events: list })}\n` : `${text.join('\n')}\n`);
}

async function setBreaker(order: 'open' | 'close', id: string, flags: Flags): Promise<void> {
  const path = `/modules/${encodeURIComponent(id)}/breaker`;
  await callApi(findTarget(flags), 'POST', path, { state: order === 'open' ? 'open' : 'closed' });
  process.stdout.write(`the breaker of ${id} is ${order === 'open' ? 'open until it is closed' : 'closed'}\n`);
}

function view({ modules, paths }: FallbackBody): string[] {
  const rows = modules.flatMap(({ module_id, breaker, classes }) =>
    Object.entries(classes).map(([name, { attempts, accepted, failures }]) => [
      module_id,
      breaker.state,
      name,
      String(attempts),
      String(accepted),
      Object.entries(failures)
        .map(([reason, count]) => `${reason} ${count}`)
        .join(', '),
    ]),
  );
  const ways = paths.map(({ modules: ids, requests, accepted, added_latency: added }) => [
    ids.join(' → '),
    String(requests),
    String(accepted),
    added.p50 === null ? '' : `${added.p50.toFixed(2)} s`,
    added.p99 === null ? '' : `${added.p99.toFixed(2)} s`,
  ]);
  return [
    ...table([['MODULE', 'BREAKER', 'CLASS', 'ATTEMPTS', 'ACCEPTED', 'FAILURES'], ...rows]),
    ...(ways.length === 0 ? [] : ['', ...table([['WAY', 'REQUESTS', 'ACCEPTED', 'ADDED P50', 'ADDED P99'], ...ways])]),
  ];
}
