import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { startEcho, startTestSidecar } from './sidecar-harness.ts';

/** The report as the published contract reads it (xds.data.orca.v3.OrcaLoadReport). */
function decode(trailers: Metadata | undefined): Record<string, unknown> {
  const deps = path.join(path.dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js/package.json')), 'proto');
  const definition = loadSync('xds/data/orca/v3/orca_load_report.proto', {
    keepCase: true,
    includeDirs: ['xds', 'protoc-gen-validate'].map((name) => path.join(deps, name)),
  })['xds.data.orca.v3.OrcaLoadReport'] as MessageTypeDefinition<object, object>;
  const bytes = trailers?.get('endpoint-load-metrics-bin')[0];
  if (!Buffer.isBuffer(bytes)) throw new Error('there is no load report');
  return definition.deserialize(bytes) as Record<string, unknown>;
}

test("a call's trailers tell the replica's load and the answer's confidence; a failed call counts as an error", async () => {
  const sidecar = await startTestSidecar({ concurrency: { max_in_flight: 8, max_queued: 4 } }, await startEcho());
  let trailers: Metadata | undefined;
  const settings = { onTrailers: (received: Metadata): unknown => (trailers = received) };
  const { confidence } = await sidecar.execute({ query: 'Hello world' }, settings);
  const report = decode(trailers);
  expect(report).toMatchObject({ named_metrics: { confidence: confidence?.score } });
  expect(report['rps_fractional']).toBeGreaterThan(0);
  expect(report['application_utilization']).toBeLessThanOrEqual(1 / 8);
  expect(report['eps'] ?? 0).toBe(0);

  await expect(sidecar.execute({ parameters: { garbage: true } })).rejects.toThrow();
  await sidecar.execute({ query: 'Hello world' }, settings);
  expect(decode(trailers)['eps']).toBeGreaterThan(0);
});
