import type { Command } from 'commander';
import { runChecks, type CheckResult } from '../doctor/checks.ts';
import { paintFor, type Paint } from '../output/paint.ts';

const MARKS = { ok: ['green', '✓'], warning: ['yellow', '!'], failed: ['red', '✗'] } as const;

/** Adds `frontier doctor`. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check all that the system needs, and say how to put right what is missing')
    .option('--config <file>', 'orchestration-config.yaml to use')
    .option('--json', 'print JSON')
    .action(doctor);
}

async function doctor(flags: { config?: string; json?: boolean }): Promise<void> {
  const results = await runChecks(flags.config, process.env);
  const paint = paintFor(process.stdout);
  const lines =
    flags.json === true ? [JSON.stringify({ checks: results })] : results.flatMap((result) => linesOf(result, paint));
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = results.some(({ status }) => status === 'failed') ? 1 : 0;
}

function linesOf({ name, status, detail, fix }: CheckResult, paint: Paint): string[] {
  const [style, mark] = MARKS[status];
  return [
    `${paint(style, mark)} ${name.padEnd(18)} ${detail}`,
    ...(fix === undefined ? [] : [`  ${' '.repeat(18)} ${paint('dim', 'fix:')} ${fix}`]),
  ];
}
