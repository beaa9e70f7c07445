import { beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI, { APIError } from 'openai';
import { FrontierError } from '../../core/errors.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';

let router: TestRouter;
let client: OpenAI;
beforeEach(async () => {
  router = await startTestRouter(fiveModules());
  client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
const streamed = async (more: object = {}): Promise<string> => {
  const messages = [{ role: 'user' as const, content: CODE }];
  const stream = await client.chat.completions.create({ model: 'auto', stream: true, messages, ...more });
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
  return text;
};
const payloadOf = (moduleId: string): unknown => {
  const payload = router.sidecar(moduleId).seen.at(-1)?.payload;
  return payload?.$case === 'query' ? payload.value : undefined;
};

describe("OpenAI's form", () => {
  it('lists auto and the modules', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual([
      'auto',
      'business-operations',
      'foundation',
      'marketing-creative',
      'multimodal-processor',
      'web-development',
    ]);
  });

  it('routes the last user message; what stands before it is the history', async () => {
    const completion = await client.chat.completions.create({
      model: 'auto',
      max_completion_tokens: 48,
      temperature: 0.5,
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Hi' },
        { role: 'user', content: CODE },
      ],
    });
    expect(completion).toMatchObject({
      object: 'chat.completion',
      model: 'web-development',
      choices: [{ message: { role: 'assistant', content: `web-development answers: ${CODE}` }, finish_reason: 'stop' }],
      frontier: { confidence_score: 0.9, module_used: 'web-development' },
    });
    expect(completion.usage?.total_tokens).toBe(completion.usage!.prompt_tokens + completion.usage!.completion_tokens);
    expect(payloadOf('web-development')).toMatchObject({
      query: CODE,
      parameters: { max_tokens: 48, temperature: 0.5 },
      history: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Hi' },
      ],
    });
  });

  it('hands on the form that the answer must have', async () => {
    const format = { type: 'json_object' as const };
    await client.chat.completions.create({
      model: 'foundation',
      response_format: format,
      messages: [{ role: 'user', content: 'Name three rivers as JSON' }],
    });
    expect(payloadOf('foundation')).toMatchObject({ parameters: { response_format: format } });
  });

  it('takes a strategy, which is no field of the form', async () => {
    const completion = await client.chat.completions.create({
      model: 'auto',
      messages: [{ role: 'user', content: CODE }],
      ...{ strategy: 'parallel' },
    });
    const asked = expect.objectContaining({ module_id: 'web-development' }) as unknown;
    const beside = expect.objectContaining({ module_id: 'foundation' }) as unknown;
    expect(completion).toMatchObject({ frontier: { metadata: { attempts: [asked, beside] } } });
    await expect(
      client.chat.completions.create({ model: 'auto', messages: [], ...{ strategy: 'serial' } }),
    ).rejects.toThrow('strategy');
  });

  it('takes images as data URIs', async () => {
    const url = `data:image/png;base64,${Buffer.from('picture').toString('base64')}`;
    const completion = await client.chat.completions.create({
      model: 'auto',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Read this' },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ],
    });
    expect(completion.model).toBe('multimodal-processor');
    expect(payloadOf('multimodal-processor')).toMatchObject({
      attachments: [{ mediaType: 'image/png', source: { $case: 'data', value: Buffer.from('picture') } }],
    });
  });

  it('streams, with usage when it is asked for', async () => {
    const stream = await client.chat.completions.create({
      model: 'foundation',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
    });
    const pieces: string[] = [];
    const reasons: unknown[] = [];
    let tokens = 0;
    for await (const { choices, usage } of stream) {
      pieces.push(choices[0]?.delta.content ?? '');
      if (choices[0]?.finish_reason) reasons.push(choices[0].finish_reason);
      tokens = usage?.completion_tokens ?? tokens;
    }
    expect(pieces.join('')).toBe('foundation answers: What is the capital of France?');
    expect(reasons).toEqual(['stop']);
    expect(tokens).toBeGreaterThan(0);
  });

  it('falls back before the first token, unseen', async () => {
    router.sidecar('web-development').behaviour = {
      answer: () => Promise.reject(new FrontierError('MODULE_FAILED', 'broken')),
    };
    const stream = await client.chat.completions.create({
      model: 'auto',
      stream: true,
      messages: [{ role: 'user', content: CODE }],
    });
    let text = '';
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    expect(text).toBe(`foundation answers: ${CODE}`);
  });

  it('holds the answer of a module that is not proven back, so that a break in it is not seen', async () => {
    router.sidecar('web-development').behaviour = {
      ...answering('web-development'),
      breakAfterTokens: new FrontierError('STREAM_BROKEN', 'the workload died'),
    };
    expect(await streamed()).toBe(`foundation answers: ${CODE}`);
  });

  it('falls back to the configured modules for one that is named, too', async () => {
    router.sidecar('web-development').behaviour = {
      answer: () => Promise.reject(new FrontierError('MODULE_FAILED', 'broken')),
    };
    const completion = await client.chat.completions.create({
      model: 'web-development',
      messages: [{ role: 'user', content: CODE }],
    });
    expect(completion.model).toBe('foundation');
  });

  it('takes the strategy from a field of its own', async () => {
    const asked = (strategy: string): Promise<OpenAI.ChatCompletion> =>
      client.chat.completions.create({
        model: 'auto',
        messages: [{ role: 'user', content: CODE }],
        ...{ strategy },
      });
    await asked('sequential');
    expect(payloadOf('foundation')).toBeUndefined();
    await asked('parallel');
    expect(payloadOf('foundation')).toMatchObject({ query: CODE });
    await expect(asked('fastest')).rejects.toThrow(/strategy/);
  });

  it('goes on from a partial answer when the request opts in', async () => {
    router = await startTestRouter(fiveModules(), { fallback: { hold_back: { openai: 'none' } } });
    client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'none', maxRetries: 0 });
    router.sidecar('web-development').behaviour = {
      ...answering('x'),
      tokens: () => ['The function is: '],
      breakAfterTokens: new FrontierError('STREAM_BROKEN', 'the workload died'),
    };
    router.sidecar('foundation').behaviour = { answer: () => ({ content: 'def reverse(s)', score: 0.9 }) };
    expect(await streamed({ stream_failure_policy: 'continue' })).toBe('The function is: def reverse(s)');
  });

  it('never splices: an answer that breaks after tokens were sent ends in an error', async () => {
    router = await startTestRouter(fiveModules(), { fallback: { hold_back: { openai: 'none' } } });
    client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'none', maxRetries: 0 });
    router.sidecar('web-development').behaviour = {
      ...answering('web-development'),
      breakAfterTokens: new FrontierError('STREAM_BROKEN', 'the workload died'),
    };
    const stream = await client.chat.completions.create({
      model: 'auto',
      stream: true,
      messages: [{ role: 'user', content: CODE }],
    });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toThrow(APIError);
    expect(text).toBe(`web-development answers: ${CODE}`);
  });

  it.each<[string, object, number, string]>([
    ['an unknown model', { model: 'nobody', messages: [{ role: 'user', content: 'hello' }] }, 404, 'MODULE_UNKNOWN'],
    ['no messages', { model: 'auto', messages: [] }, 400, 'INVALID_FIELD'],
    ['no user message', { model: 'auto', messages: [{ role: 'system', content: 'x' }] }, 400, 'INVALID_FIELD'],
    ['an empty query', { model: 'auto', messages: [{ role: 'user', content: '' }] }, 400, 'EMPTY_QUERY'],
    [
      'an image that is none',
      {
        model: 'auto',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:nothing' } }] }],
      },
      400,
      'ATTACHMENT_UNREADABLE',
    ],
    ['tools', { model: 'auto', messages: [{ role: 'user', content: 'x' }], tools: [{}] }, 400, 'INVALID_FIELD'],
  ])('throws the error class of %s', async (_case, body, status, code) => {
    await expect(client.chat.completions.create(body as never)).rejects.toMatchObject({ status, code });
  });
});

describe('server-sent events of /api/v1/route', () => {
  it('are the events of StreamRoute', async () => {
    const response = await fetch(`${router.url}/api/v1/route`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: CODE }),
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = (await response.text())
      .trim()
      .split('\n\n')
      .map((event) => /^event: (\w+)\ndata: (.*)$/.exec(event)!)
      .map(([, name, data]) => ({ name, data: JSON.parse(data!) as Record<string, unknown> }));
    expect(events[0]).toMatchObject({ name: 'decision', data: { query_class: 'CODE_GENERATION' } });
    expect(events.at(-1)).toMatchObject({ name: 'done', data: { module_used: 'web-development' } });
    const text = events.filter(({ name }) => name === 'token').map(({ data }) => data['text']);
    expect(text.join('')).toBe(`web-development answers: ${CODE}`);
  });
});
