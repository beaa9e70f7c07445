import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Metadata } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { serverStream, unary } from '../../core/grpc/handlers.ts';
import { bindServer, closeServer, createGrpcServer } from '../../core/grpc/server.ts';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { AnswerPayload, ErrorPayload, ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { InvokeResponse, ModuleServiceService } from '../../gen/frontier/module/v1/module.ts';
import type { ModuleServiceServer } from '../../gen/frontier/module/v1/module.ts';
import { ReplicaPhase } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { executeMany, queryMessage, startEcho, startTestSidecar } from './sidecar-harness.ts';
import type { TestSidecar } from './sidecar-harness.ts';

const PARALLEL = { concurrency: { max_in_flight: 8, max_queued: 4 } };

describe('a sidecar over a real module', () => {
  let sidecar: TestSidecar;
  beforeAll(async () => {
    sidecar = await startTestSidecar(PARALLEL, await startEcho());
  });

  test('answers, judges, and says its verdict in the headers', async () => {
    const { client } = sidecar;
    const headers = (threshold: number): Promise<Metadata> =>
      new Promise((resolve, reject) => {
        const message = queryMessage({
          query: 'Hello world',
          priors: { queryClass: 'GENERAL', history: 0.5, historyCount: 3, threshold, calibration: [] },
        });
        const call = client.execute({ message }, (error) => {
          if (error !== null) reject(error);
        });
        call.on('metadata', resolve);
      });
    const [accepted, rejected] = [await headers(0.3), await headers(1)];
    expect(accepted.get('x-frontier-verdict')).toEqual(['accept']);
    expect(rejected.get('x-frontier-verdict')).toEqual(['reject']);
    expect(Number(accepted.get('x-frontier-confidence')[0])).toBeGreaterThan(0.5);
  });

  test('streams tokens in order, then the judged answer', async () => {
    const tokens: string[] = [];
    const answer = await sidecar.stream({ query: 'one two' }, (text) => tokens.push(text));
    expect(tokens).toEqual(['echo: ', 'one ', 'two']);
    expect(answer).toMatchObject({ content: 'echo: one two', confidence: { accepted: true } });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a named failure', { fail: 'ATTACHMENT_UNREADABLE' }, 'ATTACHMENT_UNREADABLE'],
    ['an envelope without a payload', { garbage: true }, 'MODULE_BAD_REPLY'],
    ['an empty answer', { empty: true }, 'MODULE_EMPTY_REPLY'],
  ])('%s reaches the caller as what it is', async (_name, parameters, reason) => {
    await expect(sidecar.execute({ parameters })).rejects.toMatchObject({ reason });
  });

  test('a stream that breaks after its first tokens is broken, not unavailable', async () => {
    const query = { query: 'one two three four', parameters: { break_stream: true } };
    await expect(sidecar.stream(query)).rejects.toMatchObject({ reason: 'STREAM_BROKEN' });
  });

  test('a senseless message is refused by its field', async () => {
    const call = unaryCall(sidecar.client.execute.bind(sidecar.client), { message: undefined });
    await expect(call).rejects.toMatchObject({ reason: 'INVALID_FIELD', metadata: { field: 'message.payload' } });
  });

  test('bulk: every query gets its own result, a bad one an error, and the stream goes on', async () => {
    const batches = Array.from({ length: 10 }, (_, batch) =>
      Array.from({ length: 30 }, (_item, index) => {
        const id = batch * 30 + index;
        return queryMessage(
          { query: `number ${id}`, ...(id % 50 === 7 ? { parameters: { fail: 'MODULE_FAILED' } } : {}) },
          `${id}`,
        );
      }),
    );
    batches[3]?.push({ header: undefined, payload: undefined, metadata: undefined });
    const { results } = await executeMany(sidecar.client, batches);
    expect(results.size).toBe(301);
    for (let id = 0; id < 300; id++) {
      const expected = id % 50 === 7 ? { reason: 'MODULE_FAILED' } : { content: `echo: number ${id}` };
      expect(results.get(`${id}`)).toMatchObject(expected);
    }
    expect(results.get('')).toMatchObject({ reason: 'INVALID_FIELD' });
  });

  test('beyond its places and its queue it refuses with the time to come again', async () => {
    const slow = Array.from({ length: 20 }, () => sidecar.execute({ parameters: { latency_ms: 200 } }));
    const outcomes = await Promise.allSettled(slow);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(8);
    expect(refused[0]?.reason).toMatchObject({ reason: 'MODULE_OVERLOADED', retryAfterMs: expect.any(Number) });
  });

  test('a cancelled query frees its place', async () => {
    const leave = new AbortController();
    const hanging = Array.from({ length: 8 }, () =>
      sidecar.execute({ parameters: { hang: true } }, { signal: leave.signal }),
    );
    const ended = Promise.allSettled(hanging);
    await eventually(async () => (await firstStatus(sidecar.client)).inFlight === 8);
    const next = sidecar.execute({ query: 'after' });
    leave.abort();
    await ended;
    expect((await next).content).toBe('echo: after');
  });

  test('counts what it did', async () => {
    const text = await sidecar.registry.metrics();
    expect(text).toMatch(/frontier_sidecar_requests_total\{outcome="accepted"\} [1-9]/);
    expect(text).toMatch(/frontier_sidecar_failures_total\{reason="MODULE_EMPTY_REPLY"\} 1/);
    expect(text).toMatch(/frontier_sidecar_in_flight 0/);
  });
});

describe('health and drain', () => {
  test('a workload that dies makes the replica unhealthy at once, and ready again when it is back', async () => {
    const workload = await startModule(good);
    const { client, execute } = await startTestSidecar(PARALLEL, workload.address);
    const phases: ReplicaPhase[] = [];
    const leave = new AbortController();
    const watching = (async () => {
      for await (const { phase } of streamCall(client.watchStatus.bind(client), {}, { signal: leave.signal })) {
        if (phases.at(-1) !== phase) phases.push(phase);
      }
    })().catch(() => undefined);
    await eventually(() => phases.includes(ReplicaPhase.READY));
    await workload.stop();
    await eventually(() => phases.includes(ReplicaPhase.UNHEALTHY));
    await expect(execute({})).rejects.toMatchObject({ reason: 'MODULE_UNAVAILABLE' });
    await startModule(good, workload.port);
    await eventually(() => phases.at(-1) === ReplicaPhase.READY);
    expect((await execute({})).content).toBe('good');
    leave.abort();
    await watching;
  });

  test('a drain finishes what is in flight, refuses what is new, and ends open bulk streams', async () => {
    const { client, execute } = await startTestSidecar(PARALLEL, await startEcho());
    const bulk = client.executeMany();
    const bulkEnd = new Promise((resolve) => bulk.on('error', resolve).on('data', () => undefined));
    bulk.write({ messages: [queryMessage({}, 'b')] });
    const slow = execute({ query: 'slow', parameters: { latency_ms: 400 } });
    await eventually(async () => (await firstStatus(client)).inFlight === 1);
    const drained = unaryCall(client.drain.bind(client), { timeout: undefined });
    await eventually(async () => (await firstStatus(client)).phase === ReplicaPhase.DRAINING);
    await expect(execute({})).rejects.toMatchObject({ reason: 'DRAINING' });
    expect(await drained).toEqual({ finished: 1, abandoned: 0 });
    expect((await slow).content).toBe('echo: slow');
    expect(await bulkEnd).toMatchObject({ code: 14 });
  });

  test('a drain whose time is up cuts off the rest', async () => {
    const { client, execute } = await startTestSidecar(PARALLEL, await startEcho());
    const hanging = execute({ parameters: { hang: true } });
    const cut = expect(hanging).rejects.toMatchObject({ reason: 'DRAINING' });
    await eventually(async () => (await firstStatus(client)).inFlight === 1);
    const timeout = { seconds: 0, nanos: 100_000_000 };
    expect(await unaryCall(client.drain.bind(client), { timeout })).toEqual({ finished: 0, abandoned: 1 });
    await cut;
  });
});

describe('a workload that is no good module', () => {
  test('bytes that are no message are a bad reply', async () => {
    const garbage = { ...ModuleServiceService.invoke, responseSerialize: () => Buffer.from([0xff, 0xff, 0xff]) };
    const server = createGrpcServer();
    server.addService({ ...ModuleServiceService, invoke: garbage }, serviceOf(good));
    const port = await bindServer(server, { host: '127.0.0.1', port: 0 });
    onCleanup(() => closeServer(server, 0));
    const { execute } = await startTestSidecar({}, `127.0.0.1:${port}`);
    await expect(execute({})).rejects.toMatchObject({ reason: 'MODULE_BAD_REPLY' });
  });

  test('a stream without an answer is broken', async () => {
    const { address } = await startModule(good);
    const { stream } = await startTestSidecar({}, address);
    await expect(stream({})).rejects.toMatchObject({ reason: 'STREAM_BROKEN' });
  });

  test('a batch that is short of results fails as a whole, with a result for each query', async () => {
    const { address } = await startModule({ ...good, batch: (messages) => messages.slice(1).map(answer) });
    const { client } = await startTestSidecar(PARALLEL, address);
    const { results } = await executeMany(client, [[queryMessage({}, 'a'), queryMessage({}, 'b')]]);
    // Each is tried alone after the batch has failed.
    expect([...results.values()].map(contentOrReason)).toEqual(['good', 'good']);
  });

  test('one that never gets ready is given up, with the reason', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await expect(startTestSidecar({ timeouts: { readiness: 0.3 } }, `127.0.0.1:${port}`)).rejects.toMatchObject({
      reason: 'NOT_READY',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

interface Behaviour {
  readonly batch: (messages: readonly ModuleMessage[]) => ModuleMessage[];
}
const good: Behaviour = { batch: (messages) => messages.map(answer) };

function answer(): ModuleMessage {
  const value = { content: 'good', attachments: [] };
  return InvokeResponse.fromPartial({ message: { payload: { $case: 'answer', value } } }).message!;
}

function contentOrReason(result: AnswerPayload | ErrorPayload): string {
  return 'content' in result ? result.content : result.reason;
}

function serviceOf({ batch }: Behaviour): ModuleServiceServer {
  const description = { name: 'test', version: '', acceptedMediaTypes: [], maxConcurrency: 0, contextTokens: 0 };
  return {
    invoke: unary(() => Promise.resolve({ message: answer() })),
    // eslint-disable-next-line require-yield -- a stream that says nothing is what is tested
    invokeStream: serverStream(async function* () {
      await Promise.resolve();
    }),
    invokeBatch: unary(({ messages }) => Promise.resolve({ messages: batch(messages) })),
    describe: unary(() => Promise.resolve({ ...description, streaming: true, batching: true })),
  };
}

async function startModule(behaviour: Behaviour, at = 0) {
  const server = createGrpcServer();
  server.addService(ModuleServiceService, serviceOf(behaviour));
  const port = await bindServer(server, { host: '127.0.0.1', port: at });
  const stop = onCleanup(() => closeServer(server, 0));
  return { address: `127.0.0.1:${port}`, port, stop };
}

async function firstStatus(client: TestSidecar['client']) {
  for await (const status of streamCall(client.watchStatus.bind(client), {})) return status;
  throw new Error('no status came');
}
