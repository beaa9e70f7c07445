import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { hashApiKey } from '../../core/config/api-key.ts';
import { REPOSITORY, startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { describeWith } from '../support/parts.ts';
import { requirePart } from '../support/require-part.ts';
import { startPart } from '../support/process.ts';

/** There is no container engine in the tests: what the image runs is run here as it stands, on this machine. */
const DOCKERFILE = readFileSync(join(REPOSITORY, 'deployment', 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const COMPOSE = join(REPOSITORY, 'deployment', 'docker-compose.yaml');
const KEY = 'a-key-of-the-tests';

interface ComposeConfig {
  readonly services: {
    readonly frontier: {
      readonly build: { readonly context: string; readonly dockerfile: string };
      readonly environment: Readonly<Record<string, string>>;
    };
  };
}

/** Arguments of the only instruction of that name which is written as a JSON list. */
function listOf(instruction: string): string[] {
  const found = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(DOCKERFILE)?.[1];
  return JSON.parse(found ?? '[]') as string[];
}

async function run(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const part = await startPart({ command, args, env, cwd: REPOSITORY });
  return { code: (await part.exited).code, stdout: part.stdout(), stderr: part.stderr() };
}

const compose = (env: Record<string, string>) => run(requirePart('docker-compose'), ['-f', COMPOSE, 'config'], env);

describe('the image', () => {
  it('is prepared by a command that gets everything and starts nothing', async () => {
    expect(DOCKERFILE).toContain('node cli/bootstrap/run.mjs prepare');
    const { code, stderr } = await run(process.execPath, ['cli/bootstrap/run.mjs', 'prepare']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('!') });
  }, 120_000);

  it('leaves out what the build makes itself', () => {
    const ignored = readFileSync(join(REPOSITORY, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.git', '.frontier', '**/node_modules', 'gen']));
  });
});

describeWith('docker-compose', 'the compose file', () => {
  let config: ComposeConfig;
  let system: RunningFrontier;
  beforeAll(async () => {
    const { code, stdout, stderr } = await compose({ FRONTIER_API_KEY_HASH: hashApiKey(KEY) });
    if (code !== 0) throw new Error(stderr);
    config = parse(stdout) as ComposeConfig;
    const [program, script, command] = listOf('ENTRYPOINT');
    expect([program, script, command]).toEqual(['node', 'cli/bin.mjs', 'up']);
    expect(listOf('CMD')[0]).toBe('--data-dir');
    const { FRONTIER_NETWORK__ADDRESS: address, ...environment } = config.services.frontier.environment;
    expect(address).toBe('0.0.0.0');
    // On loopback all the same, as every test.
    system = await startFrontier({ env: environment });
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it('builds from a Dockerfile that is there', () => {
    const { context, dockerfile } = config.services.frontier.build;
    expect(existsSync(join(context, dockerfile))).toBe(true);
  });

  it('is refused without the hash of a key, with the way to make one', async () => {
    const { code, stderr } = await compose({ FRONTIER_API_KEY_HASH: '' });
    expect(code).not.toBe(0);
    expect(stderr).toContain('config hash-key');
  });

  it('gives a system that answers who has the key, and nobody else', async () => {
    const models = (headers: Record<string, string>) => fetch(`${system.url}/v1/models`, { headers });
    expect((await models({})).status).toBe(401);
    expect((await models({ authorization: `Bearer ${KEY}` })).status).toBe(200);
  });

  it('has a health check that passes while it serves, and fails when it does not', async () => {
    const [program, ...args] = listOf('HEALTHCHECK .*?CMD');
    expect(program).toBe('node');
    const against = (url: string) =>
      run(
        process.execPath,
        args.map((arg) => arg.replace('http://127.0.0.1:8000', url)),
      );
    expect((await against(system.url)).code).toBe(0);
    expect((await against('http://127.0.0.1:1')).code).toBe(1);
  });
});
