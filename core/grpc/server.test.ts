import { credentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { DescribeResponse } from '../../gen/frontier/module/v1/module.ts';
import {
  DescribeResponse as DescribeResponseCodec,
  ModuleServiceClient,
  ModuleServiceService,
} from '../../gen/frontier/module/v1/module.ts';
import { systemClock } from '../clock.ts';
import { FrontierError } from '../errors.ts';
import { clientOptions, streamCall, unaryCall } from './channel.ts';
import { serverStream, unary } from './handlers.ts';
import type { CallContext } from './handlers.ts';
import { bindServer, closeServer, createGrpcServer } from './server.ts';

const ANSWER: DescribeResponse = DescribeResponseCodec.fromPartial({ name: 'answer' });

interface Handlers {
  describe?: (call: CallContext) => Promise<DescribeResponse>;
  stream?: (call: CallContext) => AsyncIterable<{ message: undefined }>;
}

describe('gRPC server and channel', () => {
  const owned: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of owned.splice(0).reverse()) await close();
  });

  async function start(handlers: Handlers): Promise<{ client: ModuleServiceClient; port: number; server: Server }> {
    const unused = unary(() => Promise.reject(new FrontierError('UNIMPLEMENTED', 'not part of this test')));
    const server = createGrpcServer();
    server.addService(ModuleServiceService, {
      describe: unary((_request, call) => handlers.describe?.(call) ?? Promise.resolve(ANSWER)),
      invokeStream: serverStream((_request, call) => handlers.stream?.(call) ?? noMessages()),
      invoke: unused,
      invokeBatch: unused,
    });
    const port = await bindServer(server, { host: '127.0.0.1', port: 0 });
    const client = new ModuleServiceClient(`127.0.0.1:${port}`, credentials.createInsecure(), clientOptions());
    owned.push(
      () => closeServer(server, 100),
      () => {
        client.close();
      },
    );
    return { client, port, server };
  }

  test('20,000 cancelled calls on one connection lose none of the calls beside them', async () => {
    // Without the lifted limits Node's rapid-reset guard drops the connection after about 1,000 (grpc-node #2625).
    let waiting = 0;
    const { client } = await start({
      describe: (call) =>
        new Promise((_resolve, reject) => {
          waiting++;
          call.signal.addEventListener('abort', () => {
            reject(call.signal.reason as Error);
          });
        }),
      stream: async function* () {
        yield await Promise.resolve({ message: undefined });
      },
    });
    for (let round = 0; round < 40; round++) {
      const abort = new AbortController();
      waiting = 0;
      const cancelled = Array.from({ length: 500 }, () =>
        unaryCall(client.describe.bind(client), {}, { signal: abort.signal }),
      );
      const settled = Promise.allSettled(cancelled);
      while (waiting < 500) await systemClock.sleep(1);
      abort.abort();
      for (const result of await settled) expect(result.status).toBe('rejected');
      const beside = streamCall(client.invokeStream.bind(client), { message: undefined });
      expect((await beside.next()).done).toBe(false);
      expect((await beside.next()).done).toBe(true);
    }
  }, 120_000);

  test('a passed deadline reaches the handler as DEADLINE_EXCEEDED, a cancelled call as CANCELLED', async () => {
    const reasons: unknown[] = [];
    const { client } = await start({
      describe: (call) =>
        new Promise((_resolve, reject) => {
          call.signal.addEventListener('abort', () => {
            reasons.push((call.signal.reason as FrontierError).reason);
            reject(call.signal.reason as Error);
          });
        }),
    });
    const late = unaryCall(client.describe.bind(client), {}, { deadlineMs: Date.now() + 50 });
    await expect(late).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    while (reasons.length < 1) await systemClock.sleep(1);
    const abort = new AbortController();
    const cancelled = unaryCall(client.describe.bind(client), {}, { signal: abort.signal });
    await systemClock.sleep(20);
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ reason: 'CANCELLED' });
    while (reasons.length < 2) await systemClock.sleep(1);
    expect(reasons).toEqual(['DEADLINE_EXCEEDED', 'CANCELLED']);
  });

  test('a stream is not read faster than its client takes it, and stops when the client leaves', async () => {
    let made = 0;
    let ended = false;
    const { client } = await start({
      stream: async function* () {
        try {
          for (;;) yield await Promise.resolve({ message: bigMessage(made++) });
        } finally {
          ended = true;
        }
      } as never,
    });
    let read = 0;
    for await (const _message of streamCall(client.invokeStream.bind(client), { message: undefined })) {
      if (++read === 3) break;
    }
    await new Promise<void>((resolve) => {
      const stop = systemClock.every(1, () => {
        if (!ended) return;
        stop();
        resolve();
      });
    });
    expect(made).toBeLessThan(10_000);
  });

  test('a taken port is named with its fix', async () => {
    const { port } = await start({});
    const second = createGrpcServer();
    await expect(bindServer(second, { host: '127.0.0.1', port })).rejects.toMatchObject({
      reason: 'PORT_IN_USE',
      message: expect.stringContaining(`127.0.0.1:${port} is in use`),
    });
    second.forceShutdown();
  });
});

function bigMessage(index: number): unknown {
  return {
    header: undefined,
    metadata: undefined,
    payload: { $case: 'token', value: { text: 'x'.repeat(10_000), index, probability: undefined } },
  };
}

async function* noMessages(): AsyncGenerator<{ message: undefined }> {}
