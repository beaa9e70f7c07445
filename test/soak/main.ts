/**
 * The availability soak: `npm run soak -- [--minutes N] [--rate N] [--seed N] [--json]`. A whole system under open-loop load, with
 * faults at random; it ends with 1 when fewer than 99.9 % of the requests were answered well, one hung or was spliced, or a
 * process's memory grew.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { cleanUp } from '../support/cleanup.ts';
import { errorRows, formRows, isGood, memoryRows, tableOf } from './report.ts';
import { runSoak } from './run-soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});

/** Gives an option as a number. Throws with its name when it is none. */
function numberOf(name: 'minutes' | 'rate' | 'seed', least: number): number {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value >= least) return value;
  throw new Error(`--${name} must be a number from ${least} on, not "${values[name]}"`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1));
  });
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
try {
  const { sent, processes, struck, summary } = await runSoak({
    durationMs: numberOf('minutes', 0.1) * 60_000,
    perSecond: numberOf('rate', 0.1),
    seed: numberOf('seed', 0),
    onProgress: (line) => void process.stderr.write(`${line}\n`),
  });
  say(tableOf(['form', 'good', 'p50 ms', 'p99 ms'], formRows(sent)));
  say(`\n${tableOf(['process', 'pid', 'lived', 'before', 'after', 'slope', 'memory'], memoryRows(processes))}`);
  const errors = errorRows(sent);
  if (errors.length > 0) say(`\n${tableOf(['count', 'what', 'during', 'for example'], errors)}`);
  say(`\nfaults: ${[...struck].map(([name, times]) => `${name} ×${times}`).join(', ')}`);
  say(
    `\n${summary.accepted}/${summary.requests} good (${(summary.accepted_share * 100).toFixed(3)} %), ${summary.hangs} hangs, ${summary.spliced} spliced, ` +
      `p50 ${summary.p50_ms} ms, p99 ${summary.p99_ms} ms, memory ${summary.memory_flat ? 'flat' : 'GROWS'}, load average ${(loadavg()[1] ?? 0).toFixed(1)}`,
  );
  if (values.json) say(JSON.stringify({ summary, faults: Object.fromEntries(struck) }));
  process.exitCode = isGood(summary) ? 0 : 1;
} finally {
  await cleanUp();
}
