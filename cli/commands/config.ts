import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { hashApiKey } from '../../core/config/api-key.ts';
import { ConfigError } from '../../core/config/load.ts';
import { FrontierError } from '../../core/errors.ts';
import { formatFault } from '../../core/config/config-fault.ts';
import { paintFor } from '../output/paint.ts';
import { loadWith } from '../up/settings.ts';

const EXIT_CONFIG = 78;

/** Adds `frontier config check|hash-key`. */
export function addConfig(program: Command): void {
  const config = program.command('config').description('check the configuration, make hashes of API keys');
  config
    .command('check')
    .description('list every fault of the configuration with its place, and what has no effect yet')
    .option('--config <file>', 'orchestration-config.yaml to check')
    .option('--json', 'print JSON')
    .action(check);
  config
    .command('hash-key')
    .argument('[key]', 'the key; better read from standard input, so that no shell history keeps it')
    .description('print the hash of an API key, for security.api_keys')
    .action(hashKey);
}

function check(flags: { config?: string; json?: boolean }): void {
  const paint = paintFor(process.stdout);
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  try {
    const { warnings, sources, modules } = loadWith(flags.config, process.env);
    if (flags.json === true) {
      print(JSON.stringify({ valid: true, faults: [], warnings, sources }));
      return;
    }
    for (const warning of warnings) print(`${paint('yellow', 'warning')} ${warning}`);
    print(`${paint('green', 'valid')}: ${sources.length} files, ${modules.length} modules`);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    if (flags.json === true) print(JSON.stringify({ valid: false, faults: thrown.faults, warnings: [] }));
    else for (const fault of thrown.faults) print(`${paint('red', 'fault')} ${formatFault(fault)}`);
    process.exitCode = EXIT_CONFIG;
  }
}

async function hashKey(given: string | undefined): Promise<void> {
  const key = (given ?? (await text(process.stdin))).trim();
  if (key === '')
    throw new FrontierError('INVALID_FIELD', 'there is no key: give it on standard input', {
      metadata: { field: 'key' },
    });
  process.stdout.write(`${hashApiKey(key)}\n`);
}
