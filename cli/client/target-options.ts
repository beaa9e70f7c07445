import type { Command } from 'commander';

/** Adds the options by which a command finds the system. */
export function withTarget(command: Command): Command {
  return command
    .option('--url <url>', 'address of the system (or FRONTIER_URL)')
    .option('--api-key <key>', 'API key (or FRONTIER_API_KEY)')
    .option('--config <file>', 'configuration whose data directory tells the address');
}

/** Gathers the values of an option that may be given again. */
export function collect(value: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
