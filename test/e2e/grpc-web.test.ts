import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { startChromium } from '../support/chromium.ts';
import { REPOSITORY, startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { describeWith } from '../support/parts.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { serveFiles } from '../support/web-page.ts';

type Json = Record<string, unknown>;

/** Bundles the page's script and compiles the contracts; gives the address of the page. */
async function servePage(): Promise<string> {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, 'browser-page.mjs')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
  });
  const contracts = join(tempFolder('contracts'), 'contracts.binpb');
  execFileSync(join(REPOSITORY, 'node_modules', '.bin', 'buf'), ['build', '-o', contracts], { cwd: REPOSITORY });
  return await serveFiles([
    ['/', 'text/html', '<!doctype html><script type="module" src="/page.js"></script>'],
    ['/page.js', 'text/javascript', bundle.outputFiles[0]!.contents],
    ['/contracts.binpb', 'application/octet-stream', readFileSync(contracts)],
  ]);
}

describeWith('chromium', 'a web page of another origin, in a real browser', () => {
  let system: RunningFrontier;
  let page: Page;
  const call = (method: 'route' | 'streamRoute' | 'failure', request: Json): Promise<unknown> =>
    page.evaluate(`frontier.${method}(${JSON.stringify(system.url)}, ${JSON.stringify(request)})`);

  beforeAll(async () => {
    const [started, address, browser] = await Promise.all([startFrontier(), servePage(), startChromium()]);
    system = started;
    page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction('globalThis.frontier !== undefined', undefined, { timeout: 10_000 });
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it('streams an answer by grpc-web', async () => {
    const request = { query: 'What is the capital of France?', parameters: { max_tokens: 24 } };
    const events = (await call('streamRoute', request)) as Json[];
    const kinds = events.map((event) => Object.keys(event)[0]);
    expect(kinds[0]).toBe('decision');
    expect(kinds.filter((kind) => kind === 'token').length).toBeGreaterThan(1);
    expect(kinds.at(-1)).toBe('done');
    expect(events.at(-1)!['done']).toMatchObject({ moduleUsed: 'foundation', content: expect.stringMatching(/\S/) });
  }, 90_000);

  it('gets an answer by grpc-web', async () => {
    const request = { query: 'What is the capital of Italy?', parameters: { max_tokens: 24 } };
    expect(await call('route', request)).toMatchObject({
      moduleUsed: 'foundation',
      content: expect.stringMatching(/\S/),
    });
  }, 90_000);

  it('gets the status code and text of a failed call', async () => {
    const INVALID_ARGUMENT = 3;
    expect(await call('failure', { query: '' })).toEqual({
      code: INVALID_ARGUMENT,
      message: expect.stringMatching(/\S/),
    });
  });
});
