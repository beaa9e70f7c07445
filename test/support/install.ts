import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/**
 * The real parts that tests run against and Frontier itself does not bring: where each is looked for and how it is got.
 * What is built is kept outside the checkout, by version.
 */

/** Folder of what was built for tests. */
export function labDir(): string {
  return process.env['FRONTIER_LAB_DIR'] ?? join(homedir(), '.cache', 'frontier-lab');
}

const GRPCURL = 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4';
const GRPCIO = '1.85.3';
const JAEGER = '1.62.0';
/** Jaeger takes minutes to build; this often it is said that it still does. */
const HEARTBEAT_MS = 30_000;
/** The neutral conformance suite for xDS servers, by commit: it has no releases. */
const HARNESS = 'f1a479f419c8d684408375973cbb4b9dc79520a8';
const HARNESS_SOURCE = 'https://github.com/ii/xds-test-harness';
const JAEGER_MODULE = 'github.com/jaegertracing/jaeger';

export type PartName = 'chromium' | 'docker-compose' | 'grpcio' | 'grpcurl' | 'jaeger' | 'redis' | 'xds-test-harness';

interface PartSource {
  /** Where it may be, best first. */
  candidates(): string[];
  /** What to run by hand. */
  readonly byHand: string;
  /** Gets it; throws with the reason when it cannot. */
  install(run: Run): Promise<void>;
}

/** Runs a program; throws with the end of its output when it fails. */
type Run = (
  command: string,
  args: readonly string[],
  options?: { cwd?: string; env?: Record<string, string> },
) => Promise<void>;

const PARTS: Record<PartName, PartSource> = {
  chromium: {
    candidates: () => [
      process.env['FRONTIER_TEST_CHROMIUM'] ?? '',
      ...onPath('chromium'),
      ...onPath('chromium-browser'),
    ],
    byHand: 'apt-get install --no-install-recommends chromium',
    install: (run) => aptInstall(run, 'chromium'),
  },
  // Checks compose files without an engine.
  'docker-compose': {
    candidates: () => onPath('docker-compose'),
    byHand: 'apt-get install --no-install-recommends docker-compose',
    install: (run) => aptInstall(run, 'docker-compose'),
  },
  grpcio: {
    candidates: () => [process.env['FRONTIER_TEST_GRPCIO'] ?? '', join(grpcioDir(), 'bin', 'python')],
    byHand: `put the Python of an environment with grpcio ${GRPCIO} into FRONTIER_TEST_GRPCIO, or install python3 with venv`,
    install: installGrpcio,
  },
  grpcurl: {
    candidates: () => [join(labDir(), 'bin', 'grpcurl'), ...onPath('grpcurl')],
    byHand: `go install ${GRPCURL}`,
    install: (run) => run('go', ['install', GRPCURL], { env: { GOBIN: join(labDir(), 'bin') } }),
  },
  jaeger: {
    candidates: () => [process.env['FRONTIER_TEST_JAEGER'] ?? '', jaegerPath()],
    byHand: `put the all-in-one binary of Jaeger ${JAEGER} into FRONTIER_TEST_JAEGER, or install Go`,
    install: buildJaeger,
  },
  // Of redis-tools, since redis-server would start the system's service. One program is server, sentinel and checker, by its name.
  redis: {
    candidates: () => [process.env['FRONTIER_TEST_REDIS'] ?? '', redisPath(), ...onPath('redis-server')],
    byHand: 'apt-get install --no-install-recommends redis-tools, or put redis-server on PATH',
    install: async (run) => {
      await aptInstall(run, 'redis-tools');
      mkdirSync(dirname(redisPath()), { recursive: true });
      rmSync(redisPath(), { force: true });
      symlinkSync('/usr/bin/redis-check-rdb', redisPath());
    },
  },
  'xds-test-harness': {
    candidates: () => [join(harnessDir(), 'xds-test-harness')],
    byHand:
      `install Go and git; where ${HARNESS_SOURCE} is out of reach, put the folder or address of a clone that has commit ` +
      `${HARNESS.slice(0, 7)} into FRONTIER_TEST_XDS_HARNESS`,
    install: buildHarness,
  },
};

function harnessDir(): string {
  return join(labDir(), `xds-test-harness-${HARNESS.slice(0, 7)}`);
}

/** The Go module proxy does not have the suite, and its repository lacks the code that is generated from adapter.proto. */
async function buildHarness(run: Run): Promise<void> {
  const part = `${harnessDir()}.part`;
  const bin = join(labDir(), 'bin');
  rmSync(part, { recursive: true, force: true });
  await run('git', ['clone', '-q', process.env['FRONTIER_TEST_XDS_HARNESS'] ?? HARNESS_SOURCE, part]);
  await run('git', ['checkout', '-q', HARNESS], { cwd: part });
  await run('go', ['install', 'google.golang.org/protobuf/cmd/protoc-gen-go@v1.28.0'], { env: { GOBIN: bin } });
  await run('go', ['install', 'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.2.0'], { env: { GOBIN: bin } });
  const plugins = ['protoc-gen-go', 'protoc-gen-go-grpc'].map((name) => ({
    local: join(bin, name),
    out: '.',
    opt: 'paths=source_relative',
  }));
  const buf = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'buf');
  await run(buf, ['generate', '--template', JSON.stringify({ version: 'v2', plugins }), '.'], { cwd: part });
  await run('go', ['build', '-o', 'xds-test-harness', '.'], { cwd: part });
  renameSync(part, harnessDir());
}

function grpcioDir(): string {
  return join(labDir(), `grpcio-${GRPCIO}`);
}

/** gRPC's C core with an xDS client of its own, by way of Python, in a virtual environment. */
async function installGrpcio(run: Run): Promise<void> {
  const part = `${grpcioDir()}.part`;
  await run('python3', ['-m', 'venv', '--clear', part]);
  await run(join(part, 'bin', 'python'), ['-m', 'pip', 'install', '-q', `grpcio==${GRPCIO}`]);
  renameSync(part, grpcioDir());
}

function redisPath(): string {
  return join(labDir(), 'bin', 'redis-server');
}

function jaegerPath(): string {
  return join(labDir(), 'jaeger-1.62', 'all-in-one');
}

/** Gives the path of a part, undefined where it is missing. */
export function findPart(name: PartName): string | undefined {
  return PARTS[name].candidates().find((path) => path !== '' && isExecutable(path));
}

/** Says how a part is got by hand. */
export function howToGet(name: PartName): string {
  return PARTS[name].byHand;
}

/** Gets a part unless it is there; throws with the reason when it cannot be had. `log` is told what is being done. */
export async function installPart(name: PartName, log: (line: string) => void): Promise<void> {
  if (findPart(name) !== undefined) return;
  const startedMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedMs) / 1000);
  log(`installing ${name} …`);
  const heartbeat = setInterval(() => {
    log(`still installing ${name}, ${seconds()} s`);
  }, HEARTBEAT_MS);
  try {
    await PARTS[name].install(run);
  } finally {
    clearInterval(heartbeat);
  }
  if (findPart(name) === undefined) throw new Error('it was installed but cannot be found');
  log(`installed ${name} in ${seconds()} s`);
}

async function aptInstall(run: Run, name: string): Promise<void> {
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args: string[]): Promise<void> => {
    const [command = '', ...rest] = [...prefix, 'apt-get', ...args];
    return run(command, rest, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  };
  await apt('update', '-qq');
  await apt('install', '-y', '-qq', '--no-install-recommends', name);
}

/**
 * Jaeger's go.mod has a replace line, so that `go install` refuses it; it builds from a module of our own that repeats the
 * line. The built page of its user interface is not part of the module and is not needed.
 */
async function buildJaeger(run: Run): Promise<void> {
  const folder = join(labDir(), 'build', `jaeger-${JAEGER}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'go.mod'),
    [
      'module frontier.dev/lab/jaeger',
      'go 1.23',
      `require ${JAEGER_MODULE} v${JAEGER}`,
      'replace github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0',
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'tools.go'),
    `//go:build tools\n\npackage tools\n\nimport _ "${JAEGER_MODULE}/cmd/all-in-one"\n`,
  );
  await run('go', ['mod', 'tidy', '-e'], { cwd: folder });
  const built = join(folder, 'all-in-one');
  await run('go', ['build', '-o', built, `${JAEGER_MODULE}/cmd/all-in-one`], {
    cwd: folder,
    env: { CGO_ENABLED: '0' },
  });
  mkdirSync(dirname(jaegerPath()), { recursive: true });
  renameSync(built, jaegerPath());
}

const run: Run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      reject(new Error(`${command}: ${error.message}`));
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with ${String(code)}:\n${output.trim()}`));
    });
  });

function onPath(name: string): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
