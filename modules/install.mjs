#!/usr/bin/env node
/**
 * Installs the model runtimes of the shipped modules into modules/node_modules. Plain JavaScript without dependencies, for
 * Node 18 and later: `npm start` and `npm test` call it before anything else is there. Calling it again costs nothing
 * until package.json, the lock or the platform has changed.
 *
 * Why not plain `npm ci`: node-llama-cpp names its binaries as optional dependencies, 700 MB with those for GPUs. So npm
 * installs without optional packages (package.json overrides them with a tiny one that is never installed, or the lock would want
 * them), and the few binaries that this platform needs come from `platformPackages`, pinned by version and checksum.
 *
 * Exit codes: 0 installed, 1 failed, 3 no binaries for this platform.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, 'node_modules');
const STAMP = join(MODULES, '.frontier-modules');
const STEP_TIMEOUT_MS = 10 * 60_000;
const ERROR_LINES = 12;

/** A failure with a text for people; `exitCode` is what the process ends with. */
class InstallError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Gives the key of this machine in `platformPackages`, e.g. "linux-x64"; musl is told apart, having no binaries. */
export function platformKey(platform = process.platform, arch = process.arch, isMusl = isMuslLibc()) {
  return platform === 'linux' && isMusl ? `linux-musl-${arch}` : `${platform}-${arch}`;
}

function isMuslLibc() {
  return process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime;
}

/** Gives the packages of binaries for a platform as [name, {version, integrity?}]. Throws InstallError (exit 3) without any. */
export function packagesFor(manifest, key) {
  const packages = manifest.platformPackages[key];
  if (packages !== undefined) return Object.entries(packages);
  throw new InstallError(
    `The shipped modules have no binaries for ${key} (there are: ${Object.keys(manifest.platformPackages).join(', ')}).\n` +
      'Frontier itself runs here: point a module at any OpenAI-compatible endpoint instead, see docs/modules.md.',
    3,
  );
}

/** Tells whether bytes have the checksum that the table names (an SRI string); one without a checksum is not checked. */
export function matchesIntegrity(bytes, integrity) {
  if (integrity === undefined) return true;
  const [algorithm, expected] = integrity.split(/-(.*)/s);
  return createHash(algorithm).update(bytes).digest('base64') === expected;
}

function stampFor(key) {
  const hash = createHash('sha256').update(key);
  for (const file of ['package.json', 'package-lock.json', 'install.mjs']) hash.update(readFileSync(join(HERE, file)));
  return hash.digest('hex');
}

function isInstalled(stamp) {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp;
}

/** Runs a program and gives its stdout. Rejects with its last lines when it fails, cannot start or takes too long. */
function run(command, args, cwd) {
  const isWindows = process.platform === 'win32';
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      shell: isWindows,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: STEP_TIMEOUT_MS,
    });
    let stdout = '';
    let output = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', (error) => {
      reject(new InstallError(`cannot run ${command}: ${error.message}. Fix: install it and put it on PATH.`));
    });
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new InstallError(failureText(`${command} ${args.join(' ')}`, code, output)));
    });
  });
}

function failureText(command, code, output) {
  const tail = output.trim().split('\n').slice(-ERROR_LINES).join('\n  ');
  return (
    `${command} failed (${code === null ? 'stopped or timed out' : `exit ${code}`}):\n  ${tail}\n` +
    'Fix: check that npm reaches its registry (npm ping) and that the disk has 400 MB free, then run: node modules/install.mjs'
  );
}

/** Downloads a package's tarball into `folder`, checks it, and gives its path. */
async function download([name, { version, integrity }], folder) {
  const spec = `${name}@${version}`;
  const packed = JSON.parse(
    await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', '.', spec], folder),
  );
  // npm 11.6 and later give an object by package name, older ones a list.
  const { filename } = Object.values(packed)[0];
  const file = join(folder, filename.replace('@', '').replace('/', '-'));
  if (!matchesIntegrity(readFileSync(file), integrity)) {
    throw new InstallError(
      `${spec} does not have the checksum that modules/package.json names: the registry gave another file.`,
    );
  }
  return { name, file };
}

async function unpack({ name, file }) {
  const target = join(MODULES, name);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await run('tar', ['-xzf', file, '-C', target, '--strip-components=1'], HERE);
}

/** Takes away onnxruntime's binaries for other platforms: 240 MB of its 290. */
function prune() {
  const root = join(MODULES, 'onnxruntime-node', 'bin');
  for (const api of existsSync(root) ? readdirSync(root) : []) {
    for (const platform of readdirSync(join(root, api))) {
      if (platform !== process.platform) rmSync(join(root, api, platform), { recursive: true, force: true });
      else pruneArchitectures(join(root, api, platform));
    }
  }
}

function pruneArchitectures(folder) {
  for (const arch of readdirSync(folder)) {
    if (arch !== process.arch) rmSync(join(folder, arch), { recursive: true, force: true });
  }
}

/** Installs what is missing; `say` gets a line for each step. Rejects with InstallError. */
async function installModules(say) {
  const key = platformKey();
  const packages = packagesFor(JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8')), key);
  const stamp = stampFor(key);
  if (isInstalled(stamp)) return;
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'frontier-modules-'));
  try {
    say(`modules: installing the model runtimes for ${key} (about 130 MB to download, once)`);
    const downloads = Promise.all(packages.map((entry) => download(entry, folder)));
    const [files] = await Promise.all([
      downloads,
      run('npm', ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'], HERE),
    ]);
    say('modules: adding the binaries of this platform');
    for (const file of files) await unpack(file);
    prune();
    writeFileSync(STAMP, stamp);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(`modules: ready after ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await installModules((line) => console.log(line));
  } catch (error) {
    console.error(error instanceof InstallError ? error.message : error);
    process.exitCode = error instanceof InstallError ? error.exitCode : 1;
  }
}
