/**
 * The neutral conformance suite for xDS servers: `npm run conformance [-- --variant NAME]…`. It ends with 1 when a step did
 * not pass. All variants run at the same time, since the suite mostly waits.
 */
import { parseArgs } from 'node:util';
import { cleanUp } from '../support/cleanup.ts';
import { findPart, installPart } from '../support/install.ts';
import { runVariant, VARIANTS } from './suite.ts';

const { values } = parseArgs({ options: { variant: { type: 'string', multiple: true, default: [...VARIANTS] } } });

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1));
  });
}

try {
  await installPart('xds-test-harness', (line) => process.stderr.write(`${line}\n`));
  const suite = findPart('xds-test-harness') ?? '';
  const outcomes = await Promise.all(values.variant.map((variant) => runVariant(variant, suite)));
  for (const { variant, total, passed, failures } of outcomes) {
    process.stdout.write(`${variant}: ${passed} of ${total} steps passed\n`);
    for (const failure of failures) process.stdout.write(`  ${failure}\n`);
  }
  process.exitCode = outcomes.every(({ total, passed }) => total > 0 && passed === total) ? 0 : 1;
} finally {
  await cleanUp();
}
