import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { FinishReason } from '../../gen/frontier/common/v1/message.ts';
import type { QueryPayload } from '../../gen/frontier/common/v1/message.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { startTestSidecar } from './sidecar-harness.ts';
import type { TestSidecar } from './sidecar-harness.ts';

interface ChatBody {
  readonly model: string;
  readonly stream: boolean;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly [key: string]: unknown;
}
type Script = (response: ServerResponse, body: ChatBody, request: IncomingMessage) => unknown;

/** An OpenAI-compatible server that answers chat completions as the present test says. */
let script: Script;
let url: string;
let sidecar: TestSidecar;
const KEY = 'sk-test-0123456789abcdef';

beforeAll(async () => {
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.end(JSON.stringify({ data: [{ id: 'first-model' }] }));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void script(response, JSON.parse(Buffer.concat(chunks).toString()) as ChatBody, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(() => {
    server.closeAllConnections();
    return new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  sidecar = await startTestSidecar(
    {
      adapter: { type: 'openai', url, api_key_env: 'TEST_KEY', system_prompt: 'Be brief.', max_tokens: 64 },
      timeouts: { request: 1.5, first_token: 0.4 },
    },
    undefined,
    { TEST_KEY: KEY },
  );
});

const reply = (content: string | null, more: object = {}): string =>
  JSON.stringify({ choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop', ...more }] });
const chunk = (content: string, more: object = {}): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: null, ...more }] })}\n\n`;
const send =
  (status: number, body: string | Uint8Array, headers: Record<string, string> = {}): Script =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };
const sse =
  (...parts: (string | Uint8Array)[]): Script =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    response.end();
  };

const HELLO = [chunk('Hello '), chunk('there.'), chunk('', { finish_reason: 'stop' }), 'data: [DONE]\n\n'];
const bytewise =
  (text: string): Script =>
  async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const byte of Buffer.from(text)) await new Promise((sent) => response.write(Buffer.from([byte]), sent));
    response.end();
  };
const GZIP = { 'content-encoding': 'gzip' };
/** A chunk with which an answer begins. */
const START = { delta: { role: 'assistant', content: '' } };
/** Puts bytes that are no UTF-8 in the place of a "#". */
const broken = (text: string): Uint8Array => Buffer.from(text.replace('#', '\u00c3('), 'latin1');

describe('a broken reply becomes a typed error', () => {
  test.each<[string, Script, object]>([
    [
      '429 with retry-after',
      send(429, '{}', { 'retry-after': '7' }),
      { reason: 'MODULE_OVERLOADED', retryAfterMs: 7000 },
    ],
    [
      '503 with retry-after',
      send(503, '', { 'retry-after': '1' }),
      { reason: 'MODULE_OVERLOADED', retryAfterMs: 1000 },
    ],
    ['503', send(503, 'loading'), { reason: 'MODULE_UNAVAILABLE' }],
    ['500', send(500, '{"error":{"message":"it broke"}}'), { reason: 'MODULE_FAILED' }],
    [
      '500 that says that memory is gone',
      send(500, '{"error":{"message":"CUDA error: out of memory"}}'),
      { reason: 'MODULE_OUT_OF_RESOURCES', metadata: { resource: 'gpu_memory' } },
    ],
    [
      '503 without a slot',
      send(503, '{"error":{"message":"no slot available"}}'),
      { reason: 'MODULE_OUT_OF_RESOURCES', metadata: { resource: 'slots' } },
    ],
    ['400', send(400, '{"error":"prompt is too long"}'), { reason: 'MODULE_FAILED' }],
    ['404', send(404, 'no such model'), { reason: 'MODULE_UNAVAILABLE' }],
    ['a redirect', send(302, '', { location: 'http://127.0.0.1:1/' }), { reason: 'MODULE_BAD_REPLY' }],
    ['an error body in a 200', send(200, '{"error":{"message":"model crashed"}}'), { reason: 'MODULE_FAILED' }],
    ['a finish reason that is none', send(200, reply('Hel', { finish_reason: 'error' })), { reason: 'MODULE_FAILED' }],
    [
      'an error beside the text',
      send(200, reply('Hel', { error: { message: 'provider failed', code: 502 } })),
      { reason: 'MODULE_FAILED', message: expect.stringContaining('provider failed') },
    ],
    ['no error beside the text', send(200, reply('', { error: null })), { reason: 'MODULE_EMPTY_REPLY' }],
    ['truncated JSON', send(200, reply('Hello').slice(0, -5)), { reason: 'MODULE_BAD_REPLY' }],
    ['a page instead of JSON', send(200, '<html>proxy</html>'), { reason: 'MODULE_BAD_REPLY' }],
    ['no choices', send(200, '{"choices":[]}'), { reason: 'MODULE_BAD_REPLY' }],
    ['a message that is a number', send(200, '{"choices":[{"message":7}]}'), { reason: 'MODULE_BAD_REPLY' }],
    ['an empty answer', send(200, reply('')), { reason: 'MODULE_EMPTY_REPLY' }],
    ['a null answer', send(200, reply(null)), { reason: 'MODULE_EMPTY_REPLY' }],
    ['an answer of blanks', send(200, reply(' \n\t')), { reason: 'MODULE_EMPTY_REPLY' }],
    ['a reply beyond 8 MiB', send(200, reply('x'.repeat(9_000_000))), { reason: 'MODULE_BAD_REPLY' }],
    [
      'a finish reason that says it gave up',
      send(200, reply('Hel', { finish_reason: 'error' })),
      { reason: 'MODULE_FAILED' },
    ],
    ['bytes that are no UTF-8', send(200, broken(reply('Hel#lo'))), { reason: 'MODULE_BAD_REPLY' }],
    ['two bodies in one', send(200, reply('Hello') + reply('Hello')), { reason: 'MODULE_BAD_REPLY' }],
    ['gzip that is cut', send(200, gzipSync(reply('Hello')).subarray(0, -9), GZIP), { reason: 'STREAM_BROKEN' }],
    ['gzip that is none', send(200, reply('Hello'), GZIP), { reason: 'STREAM_BROKEN' }],
    ['a coding nobody knows', send(200, 'x', { 'content-encoding': 'lzw' }), { reason: 'MODULE_BAD_REPLY' }],
    ['a connection cut before the reply', (response) => response.destroy(), { reason: 'MODULE_UNAVAILABLE' }],
    [
      'a connection cut in the reply',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"choices"', () => response.destroy());
      },
      { reason: 'STREAM_BROKEN' },
    ],
    ['no reply in time', () => undefined, { reason: 'MODULE_TIMEOUT' }],
  ])('unary: %s', async (_name, given, expected) => {
    script = given;
    await expect(sidecar.execute({})).rejects.toMatchObject(expected);
  });

  test.each<[string, Script, object, string[]]>([
    ['an end without [DONE]', sse(chunk('Hel'), chunk('lo')), { reason: 'STREAM_BROKEN' }, ['Hel', 'lo']],
    ['an event that is cut off', sse(chunk('Hel'), 'data: {"choices":[{"del'), { reason: 'STREAM_BROKEN' }, ['Hel']],
    ['an event that is not JSON', sse(chunk('Hel'), 'data: {{{\n\n'), { reason: 'MODULE_BAD_REPLY' }, ['Hel']],
    [
      'an error event',
      sse(chunk('Hel'), 'data: {"error":{"message":"oom"}}\n\n'),
      { reason: 'MODULE_FAILED' },
      ['Hel'],
    ],
    [
      'an error in a choice',
      sse(chunk('Hel'), chunk('', { error: { message: 'provider failed' }, finish_reason: 'error' })),
      { reason: 'MODULE_FAILED' },
      ['Hel'],
    ],
    [
      'an event that is named error',
      sse(chunk('Hel'), 'event: error\ndata: {"message":"oom"}\n\n'),
      { reason: 'MODULE_FAILED', message: expect.stringContaining('oom') },
      ['Hel'],
    ],
    [
      'a finish reason that says it gave up',
      sse(chunk('Hel'), chunk('', { finish_reason: 'abort' }), 'data: [DONE]\n\n'),
      { reason: 'MODULE_FAILED', message: expect.stringContaining('"abort"') },
      ['Hel'],
    ],
    [
      'a second answer after half of the first',
      sse(chunk('', START), chunk('Hel'), chunk('', START), chunk('Hello'), chunk('', { finish_reason: 'stop' })),
      { reason: 'MODULE_BAD_REPLY', message: expect.stringContaining('second answer') },
      ['Hel'],
    ],
    ['bytes that are no UTF-8', sse(broken(chunk('#'))), { reason: 'MODULE_BAD_REPLY' }, []],
    ['nothing at all', sse(), { reason: 'STREAM_BROKEN' }, []],
    ['[DONE] at once', sse('data: [DONE]\n\n'), { reason: 'MODULE_EMPTY_REPLY' }, []],
    ['an event without end', sse(`data: ${'x'.repeat(1_200_000)}`), { reason: 'MODULE_BAD_REPLY' }, []],
    ['429', send(429, ''), { reason: 'MODULE_OVERLOADED' }, []],
    [
      'a connection cut in the middle',
      (response) => {
        response.writeHead(200).write(chunk('Hel'), () => response.destroy());
      },
      { reason: 'STREAM_BROKEN' },
      ['Hel'],
    ],
    [
      'silence before the first token',
      (response) => {
        response.writeHead(200).write(': wait\n\n');
      },
      { reason: 'MODULE_TIMEOUT', message: expect.stringContaining('first token within 0.4 s') },
      [],
    ],
    [
      'silence after the first token',
      (response) => {
        response.writeHead(200).write(chunk('Hel'));
      },
      { reason: 'MODULE_TIMEOUT', message: expect.stringContaining('whole answer within 1.5 s') },
      ['Hel'],
    ],
  ])('stream: %s', async (_name, given, expected, tokens) => {
    script = given;
    const seen: string[] = [];
    await expect(sidecar.stream({}, (text) => seen.push(text))).rejects.toMatchObject(expected);
    expect(seen).toEqual(tokens);
  });

  test('[DONE] without a finish reason: the answer is given and rejected, since a cut stream may end like that', async () => {
    script = sse(chunk('Hello there, '), 'data: [DONE]\n\n');
    expect(await sidecar.execute({})).toMatchObject({ content: 'Hello there, ', confidence: { accepted: false } });
  });

  test('an answer that goes round in circles is stopped, given and rejected', async () => {
    let left = false;
    script = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write(chunk('again and again '.repeat(8))), 1);
      response.on('close', () => {
        left = true;
        clearInterval(timer);
      });
    };
    const answer = await sidecar.execute({ query: 'How are you?' });
    expect(answer.content.length).toBeLessThan(3000);
    expect(answer.confidence).toMatchObject({ accepted: false });
    await eventually(() => left, { what: 'the server to be left' });
  });

  test('an answer that a content filter has cut is given and rejected', async () => {
    script = sse(chunk('Hello there, '), chunk('', { finish_reason: 'content_filter' }), 'data: [DONE]\n\n');
    expect(await sidecar.execute({})).toMatchObject({
      finishReason: FinishReason.CONTENT_FILTER,
      confidence: { accepted: false },
    });
  });

  test.each<[string, Script, string]>([
    [
      'a stall in a whole answer',
      (response) => {
        response.writeHead(200).write(chunk('Hel'));
      },
      'no further token within 0.3 s',
    ],
    [
      'a drip in a whole answer',
      (response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write(chunk('a')), 200);
        response.once('close', () => {
          clearInterval(timer);
        });
      },
      'fewer than 20 tokens a second over 0.4 s',
    ],
    [
      'signs of life that are no tokens',
      (response) => {
        response.writeHead(200).write(chunk('Hel'));
        const timer = setInterval(() => response.write(': keep-alive\n\n'), 50);
        response.once('close', () => {
          clearInterval(timer);
        });
      },
      'no further token within 0.3 s',
    ],
  ])('%s is seen', async (_name, given, message) => {
    script = given;
    const watched = await startTestSidecar({
      adapter: { type: 'openai', url, model: 'm' },
      timeouts: { between_tokens: 0.3, min_tokens_per_second: 20, rate_window: 0.4 },
    });
    const error = { reason: 'MODULE_TIMEOUT', message: expect.stringMatching(/within 0.3 s|over 0.4 s/) };
    await expect(watched.execute({})).rejects.toMatchObject(error);
    await expect(watched.execute({})).rejects.toMatchObject({ message: expect.stringContaining(message) });
  });

  test('a model that thinks aloud is alive', async () => {
    const watched = await startTestSidecar({
      adapter: { type: 'openai', url, model: 'm' },
      timeouts: { first_token: 0.3, between_tokens: 0.3 },
    });
    script = (response) => {
      response.writeHead(200);
      let thoughts = 0;
      const timer = setInterval(() => {
        thoughts += 1;
        if (thoughts < 8) response.write(`data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n`);
        else {
          clearInterval(timer);
          response.end(`${chunk('Fine.', { finish_reason: 'stop' })}data: [DONE]\n\n`);
        }
      }, 100);
    };
    expect((await watched.execute({})).content).toBe('Fine.');
  });

  test('the sidecar goes on after all of them', async () => {
    script = send(200, reply('Hello'));
    expect((await sidecar.execute({})).content).toBe('Hello');
    expect(sidecar.sidecar.isReady()).toBe(true);
  });

  test('a refused API key is not repeated', async () => {
    script = send(401, JSON.stringify({ error: { message: `Incorrect API key provided: ${KEY}` } }));
    const error = await sidecar.execute({}).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ reason: 'MODULE_UNAVAILABLE', message: expect.stringContaining('api_key_env') });
    expect(JSON.stringify(error)).not.toContain(KEY);
  });
});

describe('a good reply', () => {
  test.each<[string, Script]>([
    ['compressed', send(200, gzipSync(reply('Hello there.')), GZIP)],
    ['with a usage that is none', send(200, reply('Hello there.').replace('}]}', '}],"usage":"many"}'))],
  ])('is understood %s', async (_name, given) => {
    script = given;
    expect((await sidecar.execute({})).content).toBe('Hello there.');
  });

  test.each<[string, Script]>([
    ['compressed', send(200, gzipSync(HELLO.join('')), GZIP)],
    [
      'with CRLF, cut in the middle of characters and lines',
      bytewise(`: é€😀\r\n\r\n${HELLO.join('').replaceAll('\n', '\r\n')}`),
    ],
    [
      'with a role in each chunk',
      sse(...HELLO.map((each) => each.replace('"content"', '"role":"assistant","content"'))),
    ],
    ['followed by another one', sse(...HELLO, ...HELLO)],
    ['followed by another one after its finish reason', sse(...HELLO.slice(0, -1), ...HELLO)],
  ])('is understood as a stream %s', async (_name, given) => {
    script = given;
    const seen: string[] = [];
    expect((await sidecar.stream({}, (text) => seen.push(text))).content).toBe('Hello there.');
    expect(seen.join('')).toBe('Hello there.');
  });

  test('that is half of a JSON object is given and rejected', async () => {
    script = send(200, reply('{"capital": "Par'));
    expect(await sidecar.execute({})).toMatchObject({ confidence: { accepted: false } });
  });

  test('brings usage, finish reason, and a self-assessment from the tokens’ probabilities', async () => {
    const logprobs = { content: [{ logprob: Math.log(0.5) }, { logprob: Math.log(0.125) }] };
    const choice = { message: { content: 'Hello there.' }, finish_reason: 'length', logprobs };
    script = send(200, JSON.stringify({ choices: [choice], usage: { prompt_tokens: 9, completion_tokens: 2 } }));
    const answer = await sidecar.execute({ query: 'Greet me' });
    expect(answer).toMatchObject({
      content: 'Hello there.',
      finishReason: FinishReason.LENGTH,
      usage: { promptTokens: 9, completionTokens: 2 },
    });
    expect(answer.selfAssessment).toBeCloseTo(0.25, 6);
    expect(answer.confidence?.score).toBeGreaterThan(0);
  });

  test('is streamed piece by piece, whatever the cuts between packets and the line ends', async () => {
    const text = [chunk('Grüße '), ': keep-alive\n\n', chunk('aus 東京'), chunk('', { finish_reason: 'stop' })].join(
      '',
    );
    const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 4, completion_tokens: 3 } })}\n\n`;
    const bytes = Buffer.from(`${text}${usage}data: [DONE]\n\n`.replaceAll('\n', '\r\n'));
    script = (response) => {
      response.writeHead(200);
      const next = (at: number): void => {
        if (at >= bytes.length) response.end();
        else response.write(bytes.subarray(at, at + 7), () => setImmediate(next, at + 7));
      };
      next(0);
    };
    const seen: string[] = [];
    const answer = await sidecar.stream({}, (piece) => seen.push(piece));
    expect(seen).toEqual(['Grüße ', 'aus 東京']);
    expect(answer).toMatchObject({ content: 'Grüße aus 東京', usage: { completionTokens: 3 } });
  });
});

describe('the request', () => {
  let body: ChatBody | undefined;
  let headers: IncomingMessage['headers'] = {};
  const ask = async (query: Partial<QueryPayload>): Promise<ChatBody> => {
    script = (response, given, request) => {
      body = given;
      headers = request.headers;
      response.end(reply('Fine.'));
    };
    await sidecar.execute(query);
    return body!;
  };

  test('holds the system prompt, the history, the query, the key and the server’s first model', async () => {
    const history = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ];
    expect(
      await ask({ query: 'How are you?', history, parameters: { temperature: 0.5, stop: ['END'] } }),
    ).toMatchObject({
      model: 'first-model',
      // Also for a whole answer, so that a stall shows.
      stream: true,
      max_tokens: 64,
      temperature: 0.5,
      stop: ['END'],
      messages: [{ role: 'system', content: 'Be brief.' }, ...history, { role: 'user', content: 'How are you?' }],
    });
    expect(headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test('hands on how the answer is to be made', async () => {
    const parameters = {
      seed: 7,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
    };
    expect(await ask({ query: 'How are you?', parameters })).toMatchObject(parameters);
  });

  test('carries images as data URIs and text files inline', async () => {
    const attachments = [
      { mediaType: 'image/png', name: 'a.png', source: { $case: 'data' as const, value: Buffer.from('PNG') } },
      { mediaType: 'text/plain', name: 'b.txt', source: { $case: 'data' as const, value: Buffer.from('notes') } },
    ];
    const { messages } = await ask({ query: 'Look', attachments });
    expect(messages.at(-1)?.content).toEqual([
      { type: 'text', text: 'Look' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${Buffer.from('PNG').toString('base64')}` } },
      { type: 'text', text: 'Attached file b.txt:\nnotes' },
    ]);
  });

  test.each<[string, Partial<QueryPayload>, object]>([
    ['temperature', { parameters: { temperature: 3 } }, { metadata: { field: 'parameters.temperature' } }],
    ['max_tokens', { parameters: { max_tokens: 1.5 } }, { metadata: { field: 'parameters.max_tokens' } }],
    ['top_p', { parameters: { top_p: 'high' } }, { metadata: { field: 'parameters.top_p' } }],
    ['seed', { parameters: { seed: 0.5 } }, { metadata: { field: 'parameters.seed' } }],
    [
      'response_format',
      { parameters: { response_format: 'json' } },
      { metadata: { field: 'parameters.response_format' } },
    ],
    ['stop', { parameters: { stop: [] } }, { metadata: { field: 'parameters.stop' } }],
    ['role', { history: [{ role: 'root', content: '' }] }, { metadata: { field: 'history[0].role' } }],
    [
      'attachment',
      { attachments: [{ mediaType: 'video/mp4', name: 'v', source: { $case: 'data', value: Buffer.from('v') } }] },
      { reason: 'UNSUPPORTED_MEDIA_TYPE' },
    ],
    ['empty query', { query: '' }, { reason: 'EMPTY_QUERY' }],
  ])('a senseless %s is named', async (_name, query, expected) => {
    await expect(ask(query)).rejects.toMatchObject(expected);
  });

  test('a server that knows neither log-probabilities nor stream options is asked without them from then on', async () => {
    const other = await startTestSidecar({ adapter: { type: 'openai', url, model: 'm' } });
    const asked: ChatBody[] = [];
    script = (response, given) => {
      asked.push(given);
      const unknown = ['logprobs', 'stream_options'].find((name) => name in given);
      if (unknown !== undefined) response.writeHead(400).end(`{"error":{"message":"unknown field ${unknown}"}}`);
      else response.end(`${chunk('Fine.', { finish_reason: 'stop' })}data: [DONE]\n\n`);
    };
    expect((await other.stream({})).content).toBe('Fine.');
    expect(asked).toHaveLength(3);
    await other.stream({});
    expect(asked).toHaveLength(4);
  });
});

describe('JSON that was demanded', () => {
  test.each([
    ['cut', '{"rivers": ["Rhine", "Da', false],
    ['within words', 'Here you are: {"rivers": []}', false],
    ['whole', '{"rivers": ["Rhine", "Danube"]}', true],
  ])('and is %s', async (_name, content, accepted) => {
    script = send(200, reply(content));
    const parameters = { response_format: { type: 'json_object' } };
    const answer = await sidecar.execute({ query: 'Name rivers, as JSON', parameters });
    expect(answer.confidence?.accepted).toBe(accepted);
  });
});
