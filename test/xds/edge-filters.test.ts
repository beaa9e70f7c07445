import { createServer } from 'node:http';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { bindServer, createGrpcServer } from '../../core/grpc/server.ts';
import { unary } from '../../core/grpc/handlers.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { OrchestrationInput } from '../support/frontier-config.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { Echo, EchoClient } from './echo.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';

/** What Envoy does at the edge when it is asked to, before stand-ins for the router. */

type Mesh = NonNullable<OrchestrationInput['mesh']>;

async function startEdge(mesh: Mesh): Promise<string> {
  const ports = { router_grpc: await startGrpcRouter(), router_http: await startHttpRouter() };
  const world = await startMeshWorld({ mesh }, ports);
  world.show(moduleAt('alpha', []));
  const envoy = await world.startEnvoy();
  expect(Object.entries(await envoy.stats('update_rejected')).filter(([, count]) => count > 0)).toEqual([]);
  return `127.0.0.1:${world.config.orchestration.network.ports.edge}`;
}

async function startGrpcRouter(): Promise<number> {
  const server = createGrpcServer();
  server.addService(Echo, { say: unary<Buffer, Buffer>((text) => Promise.resolve(text)) });
  onCleanup(() => {
    server.forceShutdown();
    return Promise.resolve();
  });
  return bindServer(server, { host: '127.0.0.1', port: 0 });
}

async function startHttpRouter(): Promise<number> {
  const server = createServer((asked, response) => {
    response.setHeader('content-type', asked.url === '/events' ? 'text/event-stream' : 'application/json');
    response.end(JSON.stringify({ authorization: asked.headers.authorization ?? null, filler: 'x'.repeat(4_000) }));
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

/** Asks by HTTP and gives what came over the wire; fetch would undo the compression. */
function ask(edge: string, path: string, headers: IncomingHttpHeaders = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(`http://${edge}${path}`, { headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    call.on('error', reject);
    call.end();
  });
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function say(edge: string, metadata = new Metadata()): Promise<string> {
  const client = new EchoClient(edge, credentials.createInsecure());
  try {
    return await client.say('x', { metadata });
  } finally {
    client.close();
  }
}

describe('compression, a log of all requests and faults on demand', () => {
  test('answers are compressed as the client takes them, streams never; each request is one line of JSON', async () => {
    const file = join(tempFolder('access-log'), 'edge.log');
    const edge = await startEdge({
      edge: {
        compression: { algorithms: ['brotli', 'gzip', 'zstd'] },
        access_log: { requests: 'all', file },
        max_connection_duration: 60,
      },
      fault_injection: true,
    });
    const encodingOf = async (accepted: string, path = '/x?q=secret'): Promise<string | undefined> =>
      (await ask(edge, path, { 'accept-encoding': accepted })).headers['content-encoding'];
    expect(await encodingOf('gzip')).toBe('gzip');
    expect(await encodingOf('br')).toBe('br');
    expect(await encodingOf('zstd')).toBe('zstd');
    expect(await encodingOf('gzip, br')).toBe('br');
    expect(await encodingOf('identity')).toBeUndefined();
    expect(await encodingOf('gzip', '/events')).toBeUndefined();
    expect((await ask(edge, '/x', { 'accept-encoding': 'gzip' })).body.length).toBeLessThan(1_000);
    expect(await say(edge)).toBe('x');

    const lines = await eventually(
      () => {
        const parsed = readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>);
        return parsed.length >= 8 ? parsed : undefined;
      },
      { what: 'the log', timeoutMs: 20_000 },
    );
    expect(lines[0]).toMatchObject({ event: 'edge_request', method: 'GET', path: '/x', status: 200 });
    expect(JSON.stringify(lines)).not.toContain('secret');

    const abort = new Metadata();
    abort.set('x-envoy-fault-abort-grpc-request', String(status.RESOURCE_EXHAUSTED));
    await expect(say(edge, abort)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect((await ask(edge, '/x', { 'x-envoy-fault-abort-request': '418' })).status).toBe(418);
  }, 60_000);

  test('without being asked for, there are no faults and no compression', async () => {
    const edge = await startEdge({});
    expect(
      (await ask(edge, '/x', { 'x-envoy-fault-abort-request': '418', 'accept-encoding': 'gzip' })).headers,
    ).not.toHaveProperty('content-encoding');
    expect((await ask(edge, '/x', { 'x-envoy-fault-abort-request': '418' })).status).toBe(200);
  }, 60_000);
});

test('more requests than allowed are refused with 429, and gRPC callers with RESOURCE_EXHAUSTED', async () => {
  const edge = await startEdge({ edge: { rate_limit: { requests_per_second: 0.1, burst: 3 } } });
  for (let left = 3; left > 0; left -= 1) expect((await ask(edge, '/x')).status).toBe(200);
  const refused = await ask(edge, '/x');
  expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
  await expect(say(edge)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
}, 60_000);

describe('tokens and rules', () => {
  test('only valid tokens with the claims that a rule asks for get through, and no further than the edge', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] });
    const edge = await startEdge({
      edge: {
        jwt: { issuer: 'https://id.example', audiences: ['frontier'], jwks },
        rbac: [
          { name: 'users', paths: ['/api/'], claims: { role: ['user', 'admin'] }, cidrs: ['127.0.0.0/8'] },
          { name: 'admins', claims: { role: ['admin'] } },
          { name: 'elsewhere', cidrs: ['10.0.0.0/8'] },
        ],
      },
    });
    const token = (claims: Record<string, unknown>, key: CryptoKey = privateKey, expires = '1h'): Promise<string> =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer('https://id.example')
        .setAudience('frontier')
        .setExpirationTime(expires)
        .sign(key);
    const as = async (path: string, bearer?: string): Promise<Answer> =>
      ask(edge, path, bearer === undefined ? {} : { authorization: `Bearer ${bearer}` });

    expect((await as('/api/x')).status).toBe(401);
    expect((await as('/health')).status).toBe(200);
    expect((await as('/api/x', 'nonsense')).status).toBe(401);
    expect(
      (await as('/api/x', await token({ role: 'user' }, (await generateKeyPair('ES256')).privateKey))).status,
    ).toBe(401);
    expect((await as('/api/x', await token({ role: 'user' }, privateKey, '-1h'))).status).toBe(401);
    expect((await as('/api/x', await token({ role: 'guest' }))).status).toBe(403);
    expect((await as('/other', await token({ role: 'user' }))).status).toBe(403);
    expect((await as('/other', await token({ role: ['user', 'admin'] }))).status).toBe(200);
    const passed = await as('/api/x', await token({ role: 'user' }));
    expect(passed.status).toBe(200);
    expect(JSON.parse(passed.body.toString())).toMatchObject({ authorization: null });
  }, 60_000);
});
