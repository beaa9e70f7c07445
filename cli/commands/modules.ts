import { join } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { callApi } from '../client/http-api.ts';
import { fetchStatus } from '../client/status-body.ts';
import { findTarget, type TargetFlags } from '../client/target.ts';
import { withTarget } from '../client/target-options.ts';
import { followLogs, lastLines } from '../client/module-logs.ts';
import { moduleTable } from '../output/module-table.ts';
import { loadWith } from '../up/settings.ts';

const ORDERS = ['load', 'unload', 'restart', 'release'] as const;
type Order = (typeof ORDERS)[number];
const ORDER_TEXTS: Readonly<Record<Order, { readonly help: string; readonly done: string }>> = {
  load: { help: 'start a module now', done: 'is being started' },
  unload: { help: 'let a module finish and stop it', done: 'finishes its queries and is stopped' },
  restart: { help: 'start a module anew, without a gap', done: 'is being started anew' },
  release: { help: 'let a module out of quarantine', done: 'may be started again' },
};

type Flags = TargetFlags & { json?: boolean };

/** Adds `frontier modules list|load|unload|restart|release|logs`. */
export function addModules(program: Command): void {
  const modules = program.command('modules').description('show and manage modules');
  withTarget(modules.command('list')).description('show every module').option('--json', 'print JSON').action(list);
  for (const order of ORDERS) {
    withTarget(modules.command(order))
      .argument('<id>')
      .description(ORDER_TEXTS[order].help)
      .option('--json', 'print JSON')
      .action((id: string, flags: Flags) => give(order, id, flags));
  }
  modules
    .command('logs')
    .argument('<id>')
    .description('show what a module and its sidecar print')
    .option('-f, --follow', 'go on as more is printed')
    .option('-n, --lines <count>', 'lines of what was printed before', '100')
    .option('--config <file>', 'configuration whose data directory holds the logs')
    .action(logs);
}

async function list(flags: Flags): Promise<void> {
  const { modules } = await fetchStatus(findTarget(flags));
  process.stdout.write(
    flags.json === true ? `${JSON.stringify({ modules })}\n` : `${moduleTable(modules).join('\n')}\n`,
  );
}

async function give(order: Order, id: string, flags: Flags): Promise<void> {
  const body = await callApi(findTarget(flags), 'POST', `/modules/${encodeURIComponent(id)}/${order}`);
  const text = `${id} ${ORDER_TEXTS[order].done}`;
  process.stdout.write(flags.json === true ? `${JSON.stringify(body)}\n` : `${text}; see \`frontier modules list\`\n`);
}

async function logs(id: string, flags: { config?: string; follow?: boolean; lines: string }): Promise<void> {
  const config = loadWith(flags.config, process.env);
  if (!config.modules.some((module) => module.module_id === id)) {
    throw new FrontierError('MODULE_UNKNOWN', `there is no module "${id}"`, { metadata: { module_id: id } });
  }
  const folder = join(config.dataDir, 'logs', id);
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const shown = lastLines(folder, Math.max(0, Number(flags.lines) || 0));
  shown.lines.forEach(print);
  if (flags.follow !== true) {
    if (shown.lines.length === 0) process.stderr.write(`${id} has printed nothing yet: it was never started here\n`);
    return;
  }
  const stop = new AbortController();
  process.once('SIGINT', () => {
    stop.abort(new Error('stopped'));
  });
  await followLogs({ folder, offsets: shown.offsets, print, clock: systemClock, signal: stop.signal });
}
