import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyConfig } from '../support/faulty-system.ts';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { ask } from '../support/http-api.ts';
import { moduleStatus } from '../support/status.ts';

describe('--mesh proxyless', () => {
  let system: RunningFrontier;
  beforeAll(async () => {
    system = await startFrontier({ configDir: faultyConfig(), args: ['--mesh', 'proxyless'] });
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it('answers without an Envoy, from a module that was not running', async () => {
    expect(await moduleStatus(system.url, 'faulty')).toMatchObject({ state: 'UNLOADED', readyReplicas: 0 });
    const answer = await ask(system.url, { query: 'Write a Python function that reverses a string' });
    expect(answer).toMatchObject({ module_used: 'faulty', fallback_used: false });
    expect(answer.content).toContain('steady answer');
    expect(system.processes().filter(({ command }) => command.includes('envoy'))).toEqual([]);
  }, 60_000);

  it('falls back as the mesh does', async () => {
    const answer = await ask(system.url, { query: 'Write a Python function that reverses a string [garbage]' });
    expect(answer).toMatchObject({ module_used: 'steady', fallback_used: true });
  }, 60_000);
});
