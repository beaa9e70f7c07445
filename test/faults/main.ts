/**
 * The fault matrix: `npm run faults -- [--json] [--requests N] [--fault NAME]… [--form NAME]… [--strategy NAME]… [--mesh proxyless]`.
 * It ends with 1 when a request hung, got a wrong answer, or too few were answered.
 */
import { parseArgs } from 'node:util';
import { cleanUp } from '../support/cleanup.ts';
import { FORMS } from './ask.ts';
import { findPart, howToGet } from '../support/install.ts';
import { FAULTS, type FaultCase } from './faults.ts';
import { isForm, runMatrix } from './matrix.ts';
import { isGood, summaryOf, tableOf, type Cell } from './report.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    requests: { type: 'string', default: '10' },
    fault: { type: 'string', multiple: true },
    form: { type: 'string', multiple: true },
    strategy: { type: 'string', multiple: true, default: ['sequential'] },
    mesh: { type: 'string', default: 'envoy' },
  },
});
const STRATEGIES = ['sequential', 'parallel', 'hedged', 'weighted_round_robin', 'adaptive'];

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1));
  });
}

/** A fault whose real part is missing is left out, and said to be. */
function hasParts({ name, system }: FaultCase): boolean {
  if (system !== 'redis' || findPart('redis') !== undefined) return true;
  process.stderr.write(`${name} is left out: redis is missing (${howToGet('redis')})\n`);
  return false;
}

async function run(): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const strategy of values.strategy.includes('all') ? STRATEGIES : values.strategy) {
    const ran = await runMatrix({
      faults: FAULTS.filter((fault) => (values.fault?.includes(fault.name) ?? true) && hasParts(fault)),
      forms: values.form?.filter(isForm) ?? FORMS,
      requests: Number(values.requests),
      strategy,
      args: values.mesh === 'envoy' ? [] : ['--mesh', values.mesh],
      onCell: ({ fault, form, accepted, requests, details }) => {
        process.stderr.write(`${strategy} ${fault} ${form}: ${accepted}/${requests} ${details.join(' | ')}\n`);
      },
    });
    cells.push(...ran);
  }
  return cells;
}

try {
  const cells = await run();
  const summary = summaryOf(cells);
  process.stdout.write(`${tableOf(cells)}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify({ cells, summary })}\n`);
  process.exitCode = isGood(cells) ? 0 : 1;
} finally {
  await cleanUp();
}
