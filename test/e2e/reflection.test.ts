import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { grpcurl, jsonValues } from '../support/grpcurl.ts';
import { describeWith } from '../support/parts.ts';

const SERVICE = 'frontier.router.v1.RouterService';

describeWith('grpcurl', 'grpcurl, which knows nothing but what reflection tells it', () => {
  let system: RunningFrontier;
  beforeAll(async () => {
    system = await startFrontier();
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it('lists the services', async () => {
    const { code, stdout } = await grpcurl(system.address, 'list');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining([SERVICE, 'grpc.health.v1.Health']));
  });

  it('describes the router with its methods and comments of the contract', async () => {
    const { code, stdout } = await grpcurl(system.address, 'describe', SERVICE);
    expect(code).toBe(0);
    for (const method of ['Route', 'StreamRoute', 'RouteMany', 'Classify', 'SubmitFeedback']) {
      expect(stdout).toContain(`rpc ${method} (`);
    }
    expect(stdout).toContain('// Answers one query.');
    const request = await grpcurl(system.address, 'describe', 'frontier.router.v1.RouteRequest');
    expect(request.stdout).toContain('string query = 1');
  });

  it('is told that the router serves', async () => {
    const { stdout } = await grpcurl(system.address, 'grpc.health.v1.Health/Check');
    expect(JSON.parse(stdout)).toEqual({ status: 'SERVING' });
  });

  it('streams a cold answer as decision, warming, tokens and done', async () => {
    const request = { request: { query: 'What is the capital of France?', parameters: { max_tokens: 24 } } };
    const { code, stdout, stderr } = await grpcurl(
      '-d',
      JSON.stringify(request),
      system.address,
      `${SERVICE}/StreamRoute`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const events = jsonValues(stdout) as Record<string, { text?: string; moduleUsed?: string; content?: string }>[];
    const kinds = events.map((event) => Object.keys(event)[0]);
    expect(kinds[0]).toBe('decision');
    expect(kinds).toContain('warming');
    expect(kinds.indexOf('warming')).toBeLessThan(kinds.indexOf('token'));
    expect(kinds).toEqual(expect.arrayContaining(['confidence', 'usage']));
    expect(kinds.at(-1)).toBe('done');
    const tokens = events.flatMap((event) => (event['token'] === undefined ? [] : [event['token'].text ?? '']));
    expect(tokens.length).toBeGreaterThan(1);
    expect(events.at(-1)!['done']).toMatchObject({ moduleUsed: 'foundation', content: tokens.join('') });
  }, 90_000);

  it('routes a query', async () => {
    const request = { query: 'Write a Python function that reverses a string', parameters: { max_tokens: 24 } };
    const { code, stdout } = await grpcurl('-d', JSON.stringify(request), system.address, `${SERVICE}/Route`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ moduleUsed: 'web-development', content: expect.stringMatching(/\S/) });
  }, 90_000);

  it('is told what is wrong with a bad request', async () => {
    const { code, stderr } = await grpcurl('-d', '{"query": ""}', system.address, `${SERVICE}/Route`);
    expect(code).not.toBe(0);
    expect(stderr).toContain('InvalidArgument');
    expect(stderr).toContain('the query is empty');
  });
});
