import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { APIError } from 'openai';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';

const SHIPPED = ['business-operations', 'foundation', 'marketing-creative', 'multimodal-processor', 'web-development'];

describe('the openai npm client against the edge', () => {
  let system: RunningFrontier;
  let client: OpenAI;
  beforeAll(async () => {
    system = await startFrontier();
    client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: 'none-configured', maxRetries: 0, timeout: 60_000 });
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it('lists "auto" and the modules as models', async () => {
    const models = await client.models.list();
    expect(models.data.map((model) => model.id).sort()).toEqual(['auto', ...SHIPPED].sort());
  });

  it('lets the router choose with model "auto"', async () => {
    const completion = await client.chat.completions.create({
      model: 'auto',
      max_completion_tokens: 48,
      messages: [{ role: 'user', content: 'Write a Python function that reverses a string' }],
    });
    expect(completion.object).toBe('chat.completion');
    expect(completion.model).toBe('web-development');
    expect(completion.choices).toHaveLength(1);
    expect(completion.choices[0]!.message).toMatchObject({ role: 'assistant', content: expect.stringMatching(/\S/) });
    expect(['stop', 'length']).toContain(completion.choices[0]!.finish_reason);
    const { prompt_tokens, completion_tokens, total_tokens } = completion.usage!;
    expect(completion_tokens).toBeGreaterThan(0);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  }, 90_000);

  it('goes to the module that is named as the model', async () => {
    const completion = await client.chat.completions.create({
      model: 'marketing-creative',
      max_completion_tokens: 16,
      messages: [
        { role: 'system', content: 'Answer in one sentence.' },
        { role: 'user', content: 'What is the capital of France?' },
      ],
    });
    expect(completion.model).toBe('marketing-creative');
  }, 90_000);

  it('streams', async () => {
    const stream = await client.chat.completions.create({
      model: 'auto',
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 24,
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
    });
    const pieces: string[] = [];
    const reasons: string[] = [];
    let completionTokens = 0;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) pieces.push(choice.delta.content);
      if (choice?.finish_reason) reasons.push(choice.finish_reason);
      completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
    }
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toMatch(/\S/);
    expect(reasons).toHaveLength(1);
    expect(completionTokens).toBeGreaterThan(0);
  }, 90_000);

  it('throws the error class that belongs to an unknown model', async () => {
    const call = client.chat.completions.create({
      model: 'no-such-model',
      messages: [{ role: 'user', content: 'hello' }],
    });
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 404, code: 'MODULE_UNKNOWN' });
  });

  it('throws a bad request for no messages', async () => {
    await expect(client.chat.completions.create({ model: 'auto', messages: [] })).rejects.toMatchObject({
      status: 400,
    });
  });
});
