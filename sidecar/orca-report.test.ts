import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { encodeLoadReport } from './orca-report.ts';

const schemas = path.join(path.dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js/package.json')), 'proto');
const published = loadSync('xds/data/orca/v3/orca_load_report.proto', {
  keepCase: true,
  defaults: true,
  includeDirs: ['xds', 'protoc-gen-validate'].map((name) => path.join(schemas, name)),
})['xds.data.orca.v3.OrcaLoadReport'] as MessageTypeDefinition<object, object>;

test('what is encoded is what the published contract reads', () => {
  const rate = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
  const named = fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), rate, { noNullPrototype: true });
  fc.assert(
    fc.property(rate, rate, rate, named, (utilization, answersPerSecond, errorsPerSecond, metrics) => {
      const report = { utilization, answersPerSecond, errorsPerSecond };
      const bytes = encodeLoadReport(report, new Map(Object.entries(metrics)));
      expect(published.deserialize(Buffer.from(bytes))).toMatchObject({
        application_utilization: utilization,
        rps_fractional: answersPerSecond,
        eps: errorsPerSecond,
        named_metrics: metrics,
      });
    }),
  );
});
