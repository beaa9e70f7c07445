import { Client, credentials } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClassifyRequest, ClassifyResponse, RouterServiceService } from '../../gen/frontier/router/v1/router.ts';
import { serverStream, unary } from './handlers.ts';
import { bindServer, closeServer, createGrpcServer } from './server.ts';
import { fromStatus } from './status.ts';
import { strictRequests } from './strict-requests.ts';

const CLASSIFY = RouterServiceService.classify.path;
const STREAM_ROUTE = RouterServiceService.streamRoute.path;
const same = (bytes: Buffer): Buffer => bytes;

describe('a service with strict requests', () => {
  const server = createGrpcServer();
  let client: Client;
  beforeAll(async () => {
    const { classify, streamRoute } = RouterServiceService;
    server.addService(strictRequests({ classify, streamRoute }), {
      classify: unary(({ request }: ClassifyRequest) =>
        Promise.resolve(ClassifyResponse.fromPartial({ queryClass: request?.query ?? '' })),
      ),
      streamRoute: serverStream(async function* () {
        yield* [];
        await Promise.resolve();
      }),
    });
    client = new Client(
      `127.0.0.1:${await bindServer(server, { host: '127.0.0.1', port: 0 })}`,
      credentials.createInsecure(),
    );
  });
  afterAll(async () => {
    client.close();
    await closeServer(server, 0);
  });

  const call = (bytes: Uint8Array): Promise<Buffer | ServiceError> =>
    new Promise((resolve) => {
      client.makeUnaryRequest(CLASSIFY, same, same, Buffer.from(bytes), (error, reply) => {
        resolve(error ?? reply!);
      });
    });

  it('reads what is well-formed, beyond ASCII too', async () => {
    const query = 'Grüße, 世界 \u{feff}\u{fffd} 🚀'.repeat(20);
    const reply = await call(ClassifyRequest.encode(ClassifyRequest.fromPartial({ request: { query } })).finish());
    expect(ClassifyResponse.decode(reply as Buffer).queryClass).toBe(query);
  });

  it.each([
    ['a text that is not UTF-8', [0x0a, 0x04, 0x0a, 0x02, 0xff, 0xfe]],
    ['a message that ends too early', [0x0a, 0x7f, 0x01]],
  ])('refuses %s as MALFORMED_BODY', async (_case, bytes) => {
    expect(fromStatus(await call(Uint8Array.from(bytes)))).toMatchObject({ code: 3, reason: 'MALFORMED_BODY' });
  });

  it('refuses it for a stream of responses too', async () => {
    const stream = client.makeServerStreamRequest(STREAM_ROUTE, same, same, Buffer.from([0x0a, 0x7f]));
    const error = await new Promise((resolve) => stream.once('error', resolve).once('end', resolve).resume());
    expect(fromStatus(error)).toMatchObject({ reason: 'MALFORMED_BODY' });
  });
});
