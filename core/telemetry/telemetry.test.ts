import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { startAdminServer } from './admin-server.ts';
import { createMetricsRegistry } from './metrics.ts';
import {
  contextFromHeaders,
  currentTraceId,
  headersFromContext,
  startTracing,
  tracingEnabled,
  withSpan,
} from './tracing.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

test('the admin server tells metrics, life and readiness', async () => {
  let ready = false;
  const admin = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    registry: createMetricsRegistry(),
    isReady: () => ready,
  });
  const get = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${admin.port}${path}`);
    return [response.status, await response.text()];
  };
  try {
    expect((await get('/healthz'))[0]).toBe(200);
    expect((await get('/readyz'))[0]).toBe(503);
    ready = true;
    expect((await get('/readyz'))[0]).toBe(200);
    expect((await get('/metrics'))[1]).toContain('process_cpu_seconds_total');
    expect((await get('/other'))[0]).toBe(404);
  } finally {
    await admin.close();
  }
});

test('a taken admin port is told as such', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const start = startAdminServer({ host: '127.0.0.1', port, registry: createMetricsRegistry(), isReady: () => true });
  await expect(start).rejects.toMatchObject({ reason: 'PORT_IN_USE' });
  taken.close();
});

test('without a collector nothing is traced; with one, a span goes on with its caller’s trace', async () => {
  expect(tracingEnabled()).toBe(false);
  expect(headersFromContext()).toEqual({});
  const tracing = await startTracing({ serviceName: 'test', otlpEndpoint: 'http://127.0.0.1:1', sampleRatio: 1 });
  const parent = contextFromHeaders({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` });
  const seen = await withSpan('work', { parent }, () =>
    Promise.resolve([currentTraceId(), headersFromContext().traceparent]),
  );
  expect(seen[0]).toBe(TRACE);
  expect(seen[1]).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  await tracing.shutdown().catch(() => undefined); // Nobody listens there: the spans are lost, as they should be.
});
