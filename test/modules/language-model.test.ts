import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { FinishReason } from '../../gen/frontier/common/v1/message.ts';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import { readSettings } from '../../modules/language-model/settings.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { ROOT, answerIn, ask, askStream, queryMessage, startWorkload } from './workload.ts';
import type { Workload } from './workload.ts';

/** The real model behind the real runtime, over gRPC. `npm test` fetches both (modules/install.mjs, cli/bootstrap). */

const MAIN = 'modules/language-model/main.ts';
const { modelPath } = readSettings({ FRONTIER_CACHE_DIR: join(homedir(), '.cache', 'frontier'), ...process.env });
const env = { FRONTIER_MODULE_ID: 'foundation', FRONTIER_TEMPERATURE: '0', FRONTIER_MODEL_PATH: modelPath };

describe('the language model', () => {
  let workload: Workload;
  beforeAll(async () => {
    workload = await startWorkload({
      args: [MAIN],
      env: { ...env, FRONTIER_SEQUENCES: '1', FRONTIER_MAX_QUEUED: '1' },
    });
  }, 90_000);

  it('answers, with usage, finish reason and how sure it was', async () => {
    const answer = await ask(workload, { query: 'What is the capital of France?' });
    expect(answer.content).toContain('Paris');
    expect(answer.finishReason).toBe(FinishReason.STOP);
    expect(answer.usage?.promptTokens).toBeGreaterThan(10);
    expect(answer.usage?.completionTokens).toBeGreaterThan(2);
    expect(answer.selfAssessment).toBeGreaterThan(0.5);
    expect(answer.selfAssessment).toBeLessThan(1);
  });

  it('is less sure of a poem than of a fact', async () => {
    const fact = await ask(workload, { query: 'What is the capital of France?' });
    const poem = await ask(workload, { query: 'Write a haiku about autumn.', parameters: { max_tokens: 40 } });
    expect(poem.selfAssessment).toBeLessThan(fact.selfAssessment!);
  });

  it('streams pieces that make up the whole answer, correlated with the query', async () => {
    const { pieces, answer, header } = await askStream(workload, {
      query: 'Tell me about the sea.',
      parameters: { max_tokens: 40 },
    });
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(answer.content);
    expect(header).toMatchObject({ correlationId: 'm1', source: 'foundation', destination: 'test', tenant: 'acme' });
  });

  it('remembers earlier turns', async () => {
    const history = [
      { role: 'user', content: 'The capital of France is Paris.' },
      { role: 'assistant', content: 'Yes, the capital of France is Paris.' },
    ];
    const answer = await ask(workload, {
      query: 'Which city did I just name?',
      history,
      parameters: { max_tokens: 30 },
    });
    expect(answer.content).toContain('Paris');
  });

  it('gives the same answer for the same seed', async () => {
    const fields = { query: 'Write a tagline for tea.', parameters: { temperature: 0.9, seed: 42, max_tokens: 16 } };
    const first = await ask(workload, fields);
    await ask(workload, { query: 'Something else entirely?', parameters: { max_tokens: 4 } });
    const again = await ask(workload, fields);
    expect(again.content).toBe(first.content);
  });

  it('ends at the token limit and before a stop text', async () => {
    const short = await ask(workload, { query: 'Tell me about the sea.', parameters: { max_tokens: 5 } });
    expect(short).toMatchObject({ finishReason: FinishReason.LENGTH, usage: { completionTokens: 5 } });
    const stopped = await ask(workload, { query: 'What is the capital of France?', parameters: { stop: 'Paris' } });
    expect(stopped.finishReason).toBe(FinishReason.STOP);
    expect(stopped.content).not.toContain('Paris');
  });

  it.each([
    [{ query: 'Hi', parameters: { temperature: 9 } }, 'INVALID_FIELD', 'parameters.temperature'],
    [{ query: ' ' }, 'EMPTY_QUERY', 'query'],
    [{ query: 'word '.repeat(5000) }, 'QUERY_TOO_LARGE', 'query'],
  ])('refuses a faulty query, naming the field: case %#', async (fields, reason, field) => {
    await expect(ask(workload, fields)).rejects.toMatchObject({ reason, metadata: { field } });
  });

  it('frees its sequence soon after a caller has gone, and refuses what its queue cannot hold', async () => {
    const { client } = workload;
    const caller = new AbortController();
    const long = { message: queryMessage({ query: 'Tell a very long story.', parameters: { max_tokens: 1500 } }) };
    const story = streamCall(client.invokeStream.bind(client), long, { signal: caller.signal });
    await story.next();
    const short = { query: 'What is the capital of France?', parameters: { max_tokens: 2 } };
    const asked = [ask(workload, short), ask(workload, short)].map((answer) => answer.catch((error: unknown) => error));
    // The two arrive in either order: one waits, the other finds the queue full.
    expect(await Promise.race(asked)).toMatchObject({ reason: 'MODULE_OVERLOADED' });
    caller.abort(new Error('gone'));
    await expect(story.next()).rejects.toThrow();
    expect(await Promise.all(asked)).toContainEqual(expect.objectContaining({ finishReason: FinishReason.LENGTH }));
  });

  it('stops at the deadline', async () => {
    const settings = { deadlineMs: Date.now() + 300 };
    const story = ask(workload, { query: 'Tell a very long story.', parameters: { max_tokens: 1500 } }, settings);
    await expect(story).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    expect((await ask(workload, { query: 'What is the capital of France?' })).content).toContain('Paris');
  });

  it('answers a batch in order, faults in their places', async () => {
    const { client } = workload;
    const messages = ['What is the capital of France?', '', 'What is the capital of Japan?'].map((query, index) =>
      queryMessage({ query, parameters: { max_tokens: 24 } }, `b${index}`),
    );
    const reply = await unaryCall(client.invokeBatch.bind(client), { messages });
    expect(reply.messages.map(({ header }) => header?.correlationId)).toEqual(['b0', 'b1', 'b2']);
    expect(answerIn(reply.messages[0]).content).toContain('Paris');
    expect(reply.messages[1]?.payload).toMatchObject({ $case: 'error', value: { reason: 'EMPTY_QUERY' } });
    expect(answerIn(reply.messages[2]).content).toContain('Tokyo');
  });

  it('finishes what is in flight when it is told to end', async () => {
    const answer = askStream(workload, { query: 'Count from one to thirty.', parameters: { max_tokens: 60 } });
    const { client } = workload;
    const first = streamCall(client.invokeStream.bind(client), { message: queryMessage({ query: 'Hi' }) });
    await first.next();
    workload.part.child.kill('SIGTERM');
    for await (const _ of first);
    expect((await answer).answer.content).not.toBe('');
    expect(await workload.part.exited).toEqual({ code: 0, signal: null });
  });
});

describe('a language model that cannot start', () => {
  const folder = tempFolder('model');
  const start = (more: Record<string, string>) =>
    spawnSync(process.execPath, [MAIN], {
      cwd: ROOT,
      env: { ...process.env, ...env, ...more, NODE_OPTIONS: '', PORT: '0' },
      encoding: 'utf8',
      timeout: 30_000,
    });

  function truncatedModel(): string {
    const path = join(folder, 'truncated.gguf');
    const head = Buffer.alloc(3_000_000);
    const file = openSync(modelPath, 'r');
    readSync(file, head);
    closeSync(file);
    writeFileSync(path, head);
    return path;
  }

  it.each([
    ['missing', () => join(folder, 'none.gguf')],
    ['a folder', () => folder],
    ['no GGUF file', () => join(ROOT, 'package.json')],
    ['cut off', truncatedModel],
  ])('says so when its file is %s, and ends with 78', (_, pathOf) => {
    const path = pathOf();
    const { status, stderr } = start({ FRONTIER_MODEL_PATH: path });
    expect(stderr).toContain(path);
    expect(stderr).toContain('Fix: ');
    expect(status).toBe(78);
  });

  it('names every faulty setting, and ends with 78', () => {
    const { status, stderr } = start({ FRONTIER_TEMPERATURE: 'hot', FRONTIER_THREADS: '-1' });
    expect(stderr).toMatch(/FRONTIER_TEMPERATURE[\s\S]*FRONTIER_THREADS/);
    expect(status).toBe(78);
  });
});
