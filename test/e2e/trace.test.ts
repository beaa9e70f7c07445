import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { ask } from '../support/http-api.ts';
import { startJaeger } from '../support/jaeger.ts';
import type { RunningJaeger, Span, Trace } from '../support/jaeger.ts';
import { describeWith } from '../support/parts.ts';

/** Who must have a span in it, in the order of the call's way. Envoy stands in it twice: as edge and as mesh. */
const WAY = ['edge', 'router', 'mesh', 'sidecar', 'module'];

function serviceOf(trace: Trace, span: Span): string {
  return trace.processes[span.processID]?.serviceName ?? '';
}

function services(trace: Trace): string[] {
  return [...new Set(trace.spans.map((span) => serviceOf(trace, span)))];
}

/** Gives the services from the root to the span that lies deepest, each named once. */
function wayOf(trace: Trace): string[] {
  const byId = new Map(trace.spans.map((span) => [span.spanID, span]));
  const pathTo = (span: Span): Span[] => {
    const parent = byId.get(span.references[0]?.spanID ?? '');
    return [...(parent === undefined ? [] : pathTo(parent)), span];
  };
  const deepest = trace.spans.map(pathTo).sort((a, b) => b.length - a.length)[0] ?? [];
  return deepest.map((span) => serviceOf(trace, span)).filter((name, index, all) => name !== all[index - 1]);
}

describeWith('jaeger', 'one Route, as a real Jaeger has it', () => {
  let jaeger: RunningJaeger;
  let system: RunningFrontier;
  beforeAll(async () => {
    jaeger = await startJaeger();
    system = await startFrontier({ args: ['--otlp', jaeger.otlpEndpoint] });
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it('is one trace through edge, router, mesh, sidecar and module', async () => {
    const answer = await ask(system.url, { query: 'What is the capital of France?', parameters: { max_tokens: 16 } });
    expect(answer.metadata.trace_id).toMatch(/^[0-9a-f]{32}$/);
    const trace = await jaeger.trace(answer.metadata.trace_id, (found) => services(found).length >= WAY.length);
    expect(wayOf(trace)).toEqual(WAY.map((name) => expect.stringContaining(name)));
    const orphans = trace.spans.filter((span) => span.references.length === 0);
    expect(orphans).toHaveLength(1);
  }, 120_000);

  it('goes on a trace that the caller has begun', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const response = await fetch(`${system.url}/api/v1/route`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ query: 'What is the capital of Spain?', parameters: { max_tokens: 8 } }),
    });
    expect(((await response.json()) as { metadata: { trace_id: string } }).metadata.trace_id).toBe(traceId);
    const trace = await jaeger.trace(traceId, (found) => services(found).length >= WAY.length);
    expect(wayOf(trace)).toEqual(WAY.map((name) => expect.stringContaining(name)));
  }, 120_000);
});
