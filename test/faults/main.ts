/** The fault matrix: `npm run faults -- --help` tells its options. */
import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { cleanUp } from '../support/cleanup.ts';
import { findPart, howToGet } from '../support/install.ts';
import { HELP, parseArguments, type Wanted } from './arguments.ts';
import { FAULTS, type FaultCase } from './faults.ts';
import { occurrencesOf, runMatrix, type MatrixOptions } from './matrix.ts';
import { remainingS, spanOf, weightsOf } from './remaining.ts';
import { isGood, summaryOf, tableOf, type Cell } from './report.ts';

const say = (text: string): void => void process.stdout.write(text);
const tell = (text: string): void => void process.stderr.write(`${text}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1));
  });
}

function wantedOrExit(): Wanted {
  try {
    return parseArguments(process.argv.slice(2));
  } catch (error) {
    tell(`${messageOf(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

/** A fault whose real part is missing is left out, and said to be. */
function hasParts({ name, system }: FaultCase): boolean {
  if (system !== 'redis' || findPart('redis') !== undefined) return true;
  tell(`${name} is left out: redis is missing (${howToGet('redis')})`);
  return false;
}

/** Tells how far it is, about how long it still takes, and what went otherwise than well. */
function progressOf(options: MatrixOptions): NonNullable<MatrixOptions['onCells']> {
  const weights = weightsOf(occurrencesOf(options), options.requests);
  const startMs = systemClock.monotonicMs();
  tell(`${weights.length} faults to bring about, about ${spanOf(remainingS(weights, 0, 0))}`);
  return (cells, done, all) => {
    const left = spanOf(remainingS(weights, done, (systemClock.monotonicMs() - startMs) / 1_000));
    const sum = (pick: (cell: Cell) => number): number => cells.reduce((total, cell) => total + pick(cell), 0);
    const strategies = [...new Set(cells.map(({ strategy }) => strategy))];
    const of = strategies.length === 1 ? ` ${strategies[0] ?? ''}` : '';
    const good = `${sum(({ accepted }) => accepted)}/${sum(({ requests }) => requests)} good`;
    tell(`[${done}/${all}, ${left} left] ${cells[0]?.fault ?? ''}${of}: ${good}, met ${sum(({ met }) => met)}`);
    for (const { form, strategy, accepted, requests, details } of cells)
      if (accepted < requests) tell(`    ${form} ${strategy}: ${accepted}/${requests} ${details.join(' | ')}`);
  };
}

const wanted = wantedOrExit();
if (wanted.kind === 'help') say(HELP);
if (wanted.kind === 'list') say(`${FAULTS.map(({ name }) => name).join('\n')}\n`);
if (wanted.kind === 'run') {
  try {
    const args = wanted.mesh === 'envoy' ? [] : ['--mesh', wanted.mesh];
    const options = { ...wanted, faults: wanted.faults.filter(hasParts), args };
    const cells = await runMatrix({ ...options, onCells: progressOf(options) });
    say(`${tableOf(cells)}\n`);
    if (wanted.json) say(`${JSON.stringify({ cells, summary: summaryOf(cells) })}\n`);
    process.exitCode = isGood(cells) ? 0 : 1;
  } finally {
    await cleanUp();
  }
}
