import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { describeFailure, exitCodeOf, failureJson } from './output/failure.ts';
import { paintFor } from './output/paint.ts';

/** What adds each command. Only the one asked for is loaded: all together they take most of a second. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  up: async () => (await import('./commands/up.ts')).addUp,
  route: async () => (await import('./commands/route.ts')).addRoute,
  explain: async () => (await import('./commands/explain.ts')).addExplain,
  status: async () => (await import('./commands/status.ts')).addStatus,
  fallback: async () => (await import('./commands/fallback.ts')).addFallback,
  modules: async () => (await import('./commands/modules.ts')).addModules,
  mesh: async () => (await import('./commands/mesh.ts')).addMesh,
  classify: async () => (await import('./commands/classify.ts')).addClassify,
  evaluate: async () => (await import('./commands/evaluate.ts')).addEvaluate,
  train: async () => (await import('./commands/train.ts')).addTrain,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  config: async () => (await import('./commands/config.ts')).addConfig,
  replay: async () => (await import('./commands/replay.ts')).addReplay,
  version: () => Promise.resolve(addVersion),
};

/** The `frontier` command. */
async function createProgram(): Promise<Command> {
  const program = new Command('frontier')
    .description('One front door before a fleet of specialised AI modules')
    .version(versionOf(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride();
  const asked = process.argv[2] ?? '';
  const names = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS);
  for (const name of names) (await COMMANDS[name]?.())?.(program);
  return program;
}

function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`frontier ${versionOf()} (Node ${process.versions.node})\n`);
    });
}

function versionOf(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}

async function main(): Promise<number> {
  try {
    const program = await createProgram();
    await program.parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(failureJson(thrown))}\n`);
    else process.stderr.write(`${describeFailure(thrown, paintFor(process.stderr))}\n`);
    return exitCodeOf(thrown);
  }
}

// Ends also where a library keeps a handle open; what was written to a pipe is flushed first.
const code = await main();
process.stdout.write('', () => process.exit(code));
