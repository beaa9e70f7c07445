import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { requirePart } from './require-part.ts';
import { startPart } from './process.ts';

/** One span, as far as tests look at it. */
export interface Span {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly spanID: string }[];
  readonly processID: string;
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
}

/** One trace of Jaeger's query API. */
export interface Trace {
  readonly traceID: string;
  readonly spans: readonly Span[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

export interface RunningJaeger {
  /** Where to send spans, as telemetry.otlp_endpoint takes it. */
  readonly otlpEndpoint: string;
  /** Gives a trace once it satisfies `isWhole`; throws, naming its services, when it does not in time. */
  trace(traceId: string, isWhole: (trace: Trace) => boolean): Promise<Trace>;
  stop(): Promise<void>;
}

/** Starts a real Jaeger that keeps traces in memory. */
export async function startJaeger(): Promise<RunningJaeger> {
  const [otlp, query, admin] = [await freePort(), await freePort(), await freePort()];
  const part = await startPart({
    command: requirePart('jaeger'),
    args: [
      `--collector.otlp.grpc.host-port=127.0.0.1:${otlp}`,
      `--query.http-server.host-port=127.0.0.1:${query}`,
      `--admin.http.host-port=127.0.0.1:${admin}`,
      ...UNUSED_PORTS.map((flag) => `--${flag}=127.0.0.1:0`),
    ],
    env: { SPAN_STORAGE_TYPE: 'memory' },
    // It waits for open connections to end; it has nothing that a quick end could lose.
    graceMs: 1_000,
    ready: async () => (await fetch(`http://127.0.0.1:${admin}/`)).ok,
  });
  return {
    otlpEndpoint: `http://127.0.0.1:${otlp}`,
    trace: (traceId, isWhole) => waitForTrace(`http://127.0.0.1:${query}`, traceId, isWhole),
    stop: () => part.stop(),
  };
}

/** What Jaeger would listen on besides, at fixed ports. */
const UNUSED_PORTS = [
  'collector.otlp.http.host-port',
  'collector.grpc-server.host-port',
  'collector.http-server.host-port',
  'query.grpc-server.host-port',
  'http-server.host-port',
  'processor.jaeger-binary.server-host-port',
  'processor.jaeger-compact.server-host-port',
  'processor.zipkin-compact.server-host-port',
];

async function waitForTrace(queryUrl: string, traceId: string, isWhole: (trace: Trace) => boolean): Promise<Trace> {
  const attempt = async (): Promise<Trace> => {
    const response = await fetch(`${queryUrl}/api/traces/${traceId}`);
    const body = (await response.json()) as { readonly data?: readonly Trace[] | null };
    const trace = body.data?.[0];
    if (trace === undefined) throw new Error('Jaeger does not know the trace');
    if (!isWhole(trace)) throw new Error(`the trace has only ${describeSpans(trace)}`);
    return trace;
  };
  return await eventually(attempt, { timeoutMs: 20_000, everyMs: 200, what: `the whole trace ${traceId}` });
}

function describeSpans(trace: Trace): string {
  return trace.spans
    .map((span) => `${trace.processes[span.processID]?.serviceName ?? '?'}: ${span.operationName}`)
    .join(', ');
}
