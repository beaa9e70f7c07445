import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { FrontierError, messageOf } from '../core/errors.ts';
import { contextFromHeaders, headersFromContext, startSpan, tracingEnabled } from '../core/telemetry/tracing.ts';
import type { TraceHeaders } from '../core/telemetry/tracing.ts';

/** One step of a query's way, as a span; without tracing only the headers are handed on. */
export interface CallSpan {
  /** Headers for what is called within. */
  readonly trace: TraceHeaders;
  /** Ends the span, as failed when `error` is given. */
  end(error?: unknown): void;
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** Starts a span under the context that the incoming headers speak of. */
export function startCallSpan(
  name: string,
  kind: keyof typeof KINDS,
  incoming: TraceHeaders,
  attributes: Readonly<Record<string, string>> = {},
): CallSpan {
  if (!tracingEnabled()) return { trace: incoming, end: () => undefined };
  const { span, context } = startSpan(name, { kind: KINDS[kind], attributes, parent: contextFromHeaders(incoming) });
  return {
    trace: headersFromContext(context),
    end: (error) => {
      if (error !== undefined) {
        if (error instanceof FrontierError) span.setAttribute('frontier.reason', error.reason);
        span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      }
      span.end();
    },
  };
}

/** Tells whether a message's trace is to be recorded (W3C trace flags), so that bulk traffic pays for no other. */
export function isSampled(traceparent: string | undefined): boolean {
  return tracingEnabled() && traceparent !== undefined && (traceparent.charCodeAt(traceparent.length - 1) & 1) === 1;
}
