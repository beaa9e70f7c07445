/**
 * `npm test`: gets the real parts that the tests need, runs all of them (arguments are passed on to jest) and ends with one
 * line of its own, `N passed, N failed[, N skipped]`. Exit code 0 only when nothing failed.
 *
 * Everything but the end-to-end tests comes first, so that what takes minutes to build (Jaeger) builds meanwhile; the
 * end-to-end tests then have the machine to themselves.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { installPart } from './install.ts';
import { addCounts, countResults, noCounts, summaryLine } from './counts.ts';
import { endLeftovers } from './leftovers.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const JEST = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
const PHASES = [
  { projects: ['unit', 'integration'], args: [], parts: ['chromium', 'grpcio', 'grpcurl', 'redis', 'xds-validate'] },
  { projects: ['e2e'], args: ['--runInBand'], parts: ['docker-compose', 'etcd', 'jaeger', 'kube-apiserver'] },
];

const given = process.argv.slice(2);
const mark = `frontier-test-run-${randomUUID()}`;
const environment = {
  ...process.env,
  FRONTIER_TEST_RUN: mark,
  NODE_OPTIONS:
    `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim(),
  // Children that tests start with `node` get this Node, also where the machine's own is older.
  PATH: `${join(process.execPath, '..')}:${process.env.PATH ?? ''}`,
};
const folder = mkdtempSync(join(tmpdir(), 'frontier-tests-'));
let running;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => running?.kill(signal));

const say = (line) => console.error(`[test] ${line}`);
const seconds = (sinceMs) => Math.round((performance.now() - sinceMs) / 1000);

/** Gives the paths of the test files that a phase would run. */
function testFiles(phase) {
  const listed = spawnSync(
    process.execPath,
    [JEST, '--listTests', '--selectProjects', ...phase.projects, '--', ...given.filter((arg) => !arg.startsWith('-'))],
    {
      cwd: ROOT,
      env: environment,
      encoding: 'utf8',
    },
  );
  return listed.stdout.split('\n').filter((line) => line.endsWith('.ts'));
}

/** Tells whether any of the test files names the part. */
function isNeeded(part, files) {
  return files.some((file) => readFileSync(file, 'utf8').includes(`'${part}'`));
}

/** Gets a part; where that fails says what to do. Tests that need it are then skipped, or fail with CI=true. */
async function provide(part) {
  try {
    await installPart(part, say);
  } catch (error) {
    say(`WITHOUT ${part}: ${error.message}`);
    say(process.env.CI === 'true' ? `tests that need ${part} will FAIL` : `tests that need ${part} will be SKIPPED`);
  }
}

/** Runs jest over a phase's projects and gives its counts. */
async function runPhase(phase, index) {
  const startedMs = performance.now();
  const outputFile = join(folder, `results-${index}.json`);
  const args = [
    JEST,
    '--selectProjects',
    ...phase.projects,
    ...phase.args,
    '--passWithNoTests',
    '--json',
    `--outputFile=${outputFile}`,
  ];
  const child = spawn(process.execPath, [...args, ...given], {
    cwd: ROOT,
    env: environment,
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  running = child;
  await new Promise((resolve) => child.once('close', resolve));
  say(`${phase.projects.join(' and ')}: ${seconds(startedMs)} s`);
  const leftovers = await endLeftovers(mark);
  for (const { pid, command } of leftovers) say(`LEFT BEHIND by a test, now ended: ${pid} ${command.slice(0, 200)}`);
  return addCounts(countResults(outputFile), { ...noCounts, failed: leftovers.length });
}

const startedMs = performance.now();
const files = PHASES.map(testFiles);
const wanted = PHASES.map((phase) => phase.parts.filter((part) => isNeeded(part, files.flat())));
for (const part of wanted[0]) await provide(part);
const meanwhile = Promise.all(wanted[1].map(provide));
let total = noCounts;
for (const [index, phase] of PHASES.entries()) {
  if (files[index].length === 0) continue;
  if (index > 0) await meanwhile;
  total = addCounts(total, await runPhase(phase, index));
}
await meanwhile;
rmSync(folder, { recursive: true, force: true });
if (files.flat().length === 0) say('no test file matches');
say(`all: ${seconds(startedMs)} s`);
console.log(summaryLine(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
