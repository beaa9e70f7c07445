/** The fault matrix: `npm run faults -- [--json] [--requests N] [--fault NAME]… [--form NAME]…`. */
import { parseArgs } from 'node:util';
import { cleanUp } from '../support/cleanup.ts';
import { isForm, runMatrix } from './matrix.ts';
import { FORMS } from './ask.ts';
import { FAULTS } from './faults.ts';
import { summaryOf, tableOf } from './report.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    requests: { type: 'string', default: '10' },
    fault: { type: 'string', multiple: true },
    form: { type: 'string', multiple: true },
    mesh: { type: 'string', default: 'envoy' },
    verbose: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);

try {
  const faults = FAULTS.filter(({ name }) => values.fault?.includes(name) ?? true);
  const forms = values.form?.filter(isForm) ?? FORMS;
  const cells = await runMatrix({
    faults,
    forms,
    requests: Number(values.requests),
    args: values.mesh === 'envoy' ? [] : ['--mesh', values.mesh],
    onCell: (cell) => {
      process.stderr.write(
        `${cell.fault} ${cell.form}: ${cell.accepted}/${cell.requests} ${cell.details.join(' | ')}\n`,
      );
    },
  });
  say(tableOf(cells));
  if (values.json) say(JSON.stringify({ cells, summary: summaryOf(cells) }));
} finally {
  await cleanUp();
}
