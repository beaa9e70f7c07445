import { createServer } from 'node:http';
import type { Server as HttpServer } from 'node:http';
import { beforeAll, expect, test } from '@jest/globals';
import { credentials, Metadata, Server } from '@grpc/grpc-js';
import { bindServer } from '../../core/grpc/server.ts';
import { unary } from '../../core/grpc/handlers.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { Echo, EchoClient } from './echo.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';

/** The edge listener before a stand-in for the router, with traces sent to a stand-in for the collector. */
let world: MeshWorld;
let edge: string;
const seen: CallContext[] = [];
const exports: Buffer[] = [];

beforeAll(async () => {
  const ports = { router_grpc: await startGrpcRouter(), router_http: await startHttpRouter() };
  world = await startMeshWorld({ telemetry: { otlp_endpoint: `http://127.0.0.1:${await startCollector()}` } }, ports);
  world.show(moduleAt('alpha', []));
  await world.startEnvoy();
  edge = `127.0.0.1:${world.config.orchestration.network.ports.edge}`;
}, 60_000);

async function startGrpcRouter(): Promise<number> {
  const server = new Server();
  server.addService(Echo, {
    say: unary<Buffer, Buffer>((request, call) => {
      seen.push(call);
      return Promise.resolve(Buffer.from(`grpc: ${request.toString()}`));
    }),
  });
  return bound(server);
}

async function startCollector(): Promise<number> {
  const server = new Server();
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
  server.addService(
    { say: { ...Echo.say, path } },
    {
      say: unary<Buffer, Buffer>((request) => {
        exports.push(request);
        return Promise.resolve(Buffer.alloc(0));
      }),
    },
  );
  return bound(server);
}

async function bound(server: Server): Promise<number> {
  const port = await bindServer(server, { host: '127.0.0.1', port: 0 });
  onCleanup(() => {
    server.forceShutdown();
    return Promise.resolve();
  });
  return port;
}

async function startHttpRouter(): Promise<number> {
  const server: HttpServer = createServer((request, response) => {
    response.end(`http: ${request.method ?? ''} ${request.url ?? ''}`);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onCleanup(() => {
    server.closeAllConnections();
    server.close();
    return Promise.resolve();
  });
  return port;
}

test('gRPC goes to one port of the router, all else to the other', async () => {
  const client = new EchoClient(edge, credentials.createInsecure());
  expect(await client.say('x')).toBe('grpc: x');
  client.close();
  const response = await fetch(`http://${edge}/api/v1/route?x=1`, { method: 'POST', body: '{}' });
  expect(await response.text()).toBe('http: POST /api/v1/route?x=1');
});

test('grpc-web over HTTP/1.1 is turned into gRPC, and a browser of any origin may call', async () => {
  const preflight = await fetch(`http://${edge}/test.Echo/Say`, {
    method: 'OPTIONS',
    headers: { origin: 'http://page.example', 'access-control-request-method': 'POST' },
  });
  expect(preflight.status).toBe(200);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('http://page.example');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('x-grpc-web');

  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), Buffer.from('web')]);
  const answer = await fetch(`http://${edge}/test.Echo/Say`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', origin: 'http://page.example' },
    body: frame,
  });
  const body = Buffer.from(await answer.arrayBuffer()).toString();
  expect(answer.headers.get('content-type')).toBe('application/grpc-web+proto');
  expect(body).toContain('grpc: web');
  expect(body).toContain('grpc-status:0');
});

test("a call's trace goes on through the edge, with spans of Envoy's own in the collector", async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const metadata = new Metadata();
  metadata.set('traceparent', `00-${traceId}-b7ad6b7169203331-01`);
  const client = new EchoClient(edge, credentials.createInsecure());
  await client.say('x', { metadata });
  client.close();
  const passedOn = seen.at(-1)?.metadata.get('traceparent')[0]?.toString() ?? '';
  expect(passedOn).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(passedOn).not.toContain('b7ad6b7169203331');
  const bytes = Buffer.from(traceId, 'hex');
  await eventually(() => exports.some((message) => message.includes(bytes)), { what: 'spans', timeoutMs: 15_000 });
});

test("a caller's deadline is passed on", async () => {
  const client = new EchoClient(edge, credentials.createInsecure());
  const beforeMs = Date.now();
  await client.say('x', { timeoutMs: 4_000 });
  client.close();
  const remainingMs = (seen.at(-1)?.deadlineMs ?? Infinity) - beforeMs;
  expect(remainingMs).toBeGreaterThan(3_000);
  expect(remainingMs).toBeLessThan(5_000);
});
