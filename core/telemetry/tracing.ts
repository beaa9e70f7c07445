import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanKind } from '@opentelemetry/api';
import { messageOf } from '../errors.ts';

export type { Context, Span } from '@opentelemetry/api';

/** W3C trace context as it travels in headers, metadata and message headers. */
export interface TraceHeaders {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface TracingOptions {
  /** Name under which the spans are shown, e.g. "frontier-router". */
  readonly serviceName: string;
  /** OTLP/gRPC collector, e.g. http://localhost:4317; undefined leaves tracing off. */
  readonly otlpEndpoint: string | undefined;
  /** Share of new traces that are kept, from 0 to 1; a caller's decision is followed. */
  readonly sampleRatio: number;
}

let enabled = false;

/**
 * Starts the process's tracing (OpenTelemetry keeps it per process); `shutdown` sends what is left. What exports spans
 * takes longer to load than all else of a service, so that it is loaded only where there is a collector.
 */
export async function startTracing({ serviceName, otlpEndpoint, sampleRatio }: TracingOptions): Promise<{
  shutdown(): Promise<void>;
}> {
  if (otlpEndpoint === undefined) return { shutdown: () => Promise.resolve() };
  const { registerOtlpTracing } = await import('./otlp-tracing.ts');
  const provider = registerOtlpTracing({ serviceName, otlpEndpoint, sampleRatio });
  enabled = true;
  return {
    shutdown: async () => {
      enabled = false;
      await provider.shutdown();
    },
  };
}

/** Tells whether spans are made; hot paths skip their attributes when not. */
export function tracingEnabled(): boolean {
  return enabled;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Context under which the span stands; the present one when left out. */
  readonly parent?: Context | undefined;
}

/** Runs `fn` in a span; a throw marks the span as failed and goes on. */
export function withSpan<T>(name: string, options: SpanOptions, fn: (span: Span) => Promise<T>): Promise<T> {
  const { kind, attributes, parent = context.active() } = options;
  const settings = { ...(kind === undefined ? {} : { kind }), ...(attributes === undefined ? {} : { attributes }) };
  return trace.getTracer('frontier').startActiveSpan(name, settings, parent, async (span) => {
    try {
      return await fn(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Starts a span that the caller ends, for work that does not fit one function; `context` is for what happens inside. */
export function startSpan(name: string, options: SpanOptions = {}): { span: Span; context: Context } {
  const { kind, attributes, parent = context.active() } = options;
  const settings = { ...(kind === undefined ? {} : { kind }), ...(attributes === undefined ? {} : { attributes }) };
  const span = trace.getTracer('frontier').startSpan(name, settings, parent);
  return { span, context: trace.setSpan(parent, span) };
}

/** Gives the context that a caller's headers speak of. */
export function contextFromHeaders(headers: {
  traceparent?: string | undefined;
  tracestate?: string | undefined;
}): Context {
  return headers.traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
}

/** Gives the headers that tell a callee of a context; none while tracing is off. */
export function headersFromContext(from: Context = context.active()): TraceHeaders {
  const headers: { traceparent?: string; tracestate?: string } = {};
  propagation.inject(from, headers);
  return headers;
}

/** Trace id of the present span, or of `from`; empty when nothing is traced. */
export function currentTraceId(from: Context = context.active()): string {
  const id = trace.getSpanContext(from)?.traceId;
  return id === undefined || /^0+$/.test(id) ? '' : id;
}
