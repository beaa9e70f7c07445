import type { Command } from 'commander';
import { fetchFallbackEvents, fetchFallbackStats, type FallbackBody } from '../client/fallback-body.ts';
import { callApi } from '../client/http-api.ts';
import { findTarget, type TargetFlags } from '../client/target.ts';
import { withTarget } from '../client/target-options.ts';
import { table } from '../output/table.ts';

type Flags = TargetFlags & { json?: boolean };

/** Adds `frontier fallback stats|events|tune|open|close`. */
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
  withTarget(fallback.command('tune'))
    .description('show which thresholds and limits would be better, and the figures that say so')
    .option('--json', 'print JSON')
    .action(tune);
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

async function tune(flags: Flags): Promise<void> {
  const { recommendations, tuned } = await fetchFallbackStats(findTarget(flags));
  const text = [
    ...(recommendations.length === 0 ? ['nothing to change, from what was seen so far'] : adviceView(recommendations)),
    ...(tuned.length === 0 ? [] : ['', 'moved by itself from what is configured:', ...tunedView(tuned)]),
  ];
  const body = JSON.stringify({ recommendations, tuned });
  process.stdout.write(flags.json === true ? `${body}\n` : `${text.join('\n')}\n`);
}

function adviceView(recommendations: FallbackBody['recommendations']): readonly string[] {
  const rows = recommendations.map(({ module_id, setting, query_class, present, value, reason }) => [
    module_id,
    settingText(setting, query_class),
    String(present),
    String(value),
    reason,
  ]);
  return table([['MODULE', 'SETTING', 'NOW', 'BETTER', 'WHY'], ...rows]);
}

function tunedView(tuned: FallbackBody['tuned']): readonly string[] {
  return table([
    ['MODULE', 'SETTING', 'NOW'],
    ...tuned.map(({ module_id, setting, query_class, value }) => [
      module_id,
      settingText(setting, query_class),
      String(value),
    ]),
  ]);
}

function settingText(setting: string, queryClass: string | undefined): string {
  return queryClass === undefined ? setting : `${setting} (${queryClass})`;
}

async function setBreaker(order: 'open' | 'close', id: string, flags: Flags): Promise<void> {
  const path = `/modules/${encodeURIComponent(id)}/breaker`;
  await callApi(findTarget(flags), 'POST', path, { state: order === 'open' ? 'open' : 'closed' });
  process.stdout.write(`the breaker of ${id} is ${order === 'open' ? 'open until it is closed' : 'closed'}\n`);
}

function view({ modules, paths, recommendations, scope }: FallbackBody): string[] {
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
  const ways = paths.map(({ query_class, modules: ids, requests, accepted, added_latency: added }) => [
    ids.length === 0 ? 'others' : ids.join(' → '),
    query_class,
    String(requests),
    String(accepted),
    added.p50 === null ? '' : `${added.p50.toFixed(2)} s`,
    added.p99 === null ? '' : `${added.p99.toFixed(2)} s`,
  ]);
  const judged = modules.flatMap(({ module_id, classes }) =>
    Object.entries(classes).flatMap(([name, { calibration }]) =>
      calibration === undefined ? [] : [[module_id, name, String(calibration.judgements), ...errorsOf(calibration)]],
    ),
  );
  return [
    scopeText(scope),
    '',
    ...table([['MODULE', 'BREAKER', 'CLASS', 'ATTEMPTS', 'ACCEPTED', 'FAILURES'], ...rows]),
    ...(ways.length === 0
      ? []
      : ['', ...table([['WAY', 'CLASS', 'REQUESTS', 'ACCEPTED', 'ADDED P50', 'ADDED P99'], ...ways])]),
    ...(judged.length === 0
      ? []
      : ['', ...table([['MODULE', 'CLASS', 'JUDGED', 'ERROR BEFORE CALIBRATION', 'AFTER'], ...judged])]),
    ...(recommendations.length === 0 ? [] : ['', ...adviceView(recommendations)]),
  ];
}

type ClassBody = FallbackBody['modules'][number]['classes'][string];

function errorsOf({ error_before, error_after }: NonNullable<ClassBody['calibration']>): string[] {
  return [error_before.toFixed(3), error_after.toFixed(3)];
}

function scopeText({ of, routers, since, up_to_date }: FallbackBody['scope']): string {
  const whose = of === 'all_routers' ? `${routers} ${routers === 1 ? 'router' : 'routers'}` : 'this router';
  const stale = up_to_date ? '' : '; the store is away, so others may have counted more';
  return `counts of ${whose} since ${since}${stale}`;
}
