/** npm run bench -- <name> [--json]: benchmarks, each a ratio against a baseline in the same run. */
import { Command } from 'commander';
import { benchClassify } from './classify/run.ts';
import { benchRoute } from './route/run.ts';
import { benchXds } from './xds/run.ts';

const program = new Command('bench').description('Benchmarks: ratios against a baseline measured in the same run');

program
  .command('route')
  .description(
    'Route and RouteMany with an instant module, against a bare grpc-js echo and a server with one further call',
  )
  .option('--json', 'end with one line of JSON', false)
  .option('--seconds <n>', 'measured time of each point', Number, 5)
  .option('--warmup <n>', 'seconds before each measurement', Number, 2)
  .option('--concurrency <list>', 'calls in flight, comma-separated', parseList, [1, 64, 512])
  .option('--batch <n>', 'queries in one RouteMany message', Number, 64)
  .option('--redis <url>', 'also a router that shares its state through this Redis')
  .option('--batches <n>', 'RouteMany messages in flight', Number, 32)
  .action(async (flags: RouteFlags) => {
    const result = await benchRoute({
      concurrencies: flags.concurrency,
      warmupMs: flags.warmup * 1000,
      measureMs: flags.seconds * 1000,
      batchSize: flags.batch,
      batchesInFlight: flags.batches,
      redisUrl: flags.redis,
      onProgress: (text) => process.stderr.write(`measuring ${text}\n`),
    });
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : table(result));
  });

program
  .command('xds')
  .description('one change to many delta clients, and their connecting at once, against go-control-plane (needs Go)')
  .option('--json', 'end with one line of JSON', false)
  .option('--modules <n>', 'clusters, with endpoints of their own', Number, 1_000)
  .option('--endpoints <n>', 'endpoints of each', Number, 10)
  .option('--clients <n>', 'delta clients', Number, 500)
  .option('--rounds <n>', 'changes that are measured', Number, 100)
  .option('--warmup <n>', 'changes before that', Number, 20)
  .action(async (flags: XdsFlags) => {
    const { modules, endpoints, clients, rounds, warmup: warmupRounds } = flags;
    const onProgress = (text: string): boolean => process.stderr.write(`${text}\n`);
    const result = await benchXds({ modules, endpoints, clients, rounds, warmupRounds, onProgress });
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : table(result));
  });

interface XdsFlags {
  json: boolean;
  modules: number;
  endpoints: number;
  clients: number;
  rounds: number;
  warmup: number;
}

program
  .command('classify')
  .description('the classifier on queries of up to 512 characters, against one with a Map; deciding over 100 modules')
  .option('--json', 'end with one line of JSON', false)
  .option('--rounds <n>', 'how often each query is classified', Number, 5)
  .action(async (flags: { json: boolean; rounds: number }) => {
    const result = await benchClassify(flags.rounds, (text) => process.stderr.write(`measuring ${text}\n`));
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : table(result));
  });

interface RouteFlags {
  json: boolean;
  seconds: number;
  warmup: number;
  concurrency: number[];
  batch: number;
  batches: number;
  redis?: string;
}

function parseList(text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (numbers.some((one) => !Number.isInteger(one) || one < 1))
    program.error(`--concurrency takes whole numbers, not "${text}"`);
  return numbers;
}

type Figures = Readonly<Record<string, number>>;

function table({ figures, ratios }: { readonly figures: Figures; readonly ratios: Figures }): string {
  const rows = [...Object.entries(figures), ...Object.entries(ratios)];
  return rows.map(([name, value]) => `${name.padEnd(36)} ${value}\n`).join('');
}

await program.parseAsync();
