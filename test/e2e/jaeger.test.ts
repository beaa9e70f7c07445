import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTracing, currentTraceId, withSpan } from '../../core/telemetry/tracing.ts';
import { startJaeger } from '../support/jaeger.ts';
import type { RunningJaeger } from '../support/jaeger.ts';
import { describeWith } from '../support/parts.ts';

describeWith('jaeger', 'a real Jaeger from the harness', () => {
  let jaeger: RunningJaeger;
  beforeAll(async () => {
    jaeger = await startJaeger();
  });
  afterAll(() => jaeger.stop());

  it('gives back the spans that were sent to it', async () => {
    const tracing = await startTracing({ serviceName: 'harness', otlpEndpoint: jaeger.otlpEndpoint, sampleRatio: 1 });
    const traceId = await withSpan('outer', {}, () => withSpan('inner', {}, () => Promise.resolve(currentTraceId())));
    await tracing.shutdown();
    const trace = await jaeger.trace(traceId, ({ spans }) => spans.length === 2);
    expect(trace.spans.map((span) => span.operationName).sort()).toEqual(['inner', 'outer']);
    expect(Object.values(trace.processes)).toEqual([expect.objectContaining({ serviceName: 'harness' })]);
  });
});
