import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Metadata } from '@grpc/grpc-js';
import { messageOf } from '../../core/errors.ts';
import { contextFromHeaders, startSpan, tracingEnabled } from '../../core/telemetry/tracing.ts';
import type { TraceHeaders } from '../../core/telemetry/tracing.ts';
import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';

/** The making of one answer, as a span. */
export interface AnswerSpan {
  fail(error: unknown): void;
  end(): void;
}

const NO_SPAN: AnswerSpan = { fail: () => undefined, end: () => undefined };

/** Starts a span in the trace that the query came with. */
export function startAnswerSpan(moduleId: string, query: ModuleMessage | undefined, metadata: Metadata): AnswerSpan {
  if (!tracingEnabled()) return NO_SPAN;
  const { span } = startSpan('module.answer', {
    kind: SpanKind.SERVER,
    attributes: { 'frontier.module': moduleId },
    parent: contextFromHeaders(traceOf(query, metadata)),
  });
  return {
    fail: (error) => {
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    },
    end: () => {
      span.end();
    },
  };
}

/** A single query's trace is in the call's metadata; of a batch each message carries its own. */
function traceOf(query: ModuleMessage | undefined, metadata: Metadata): TraceHeaders {
  const [fromCall] = metadata.get('traceparent');
  const [state] = metadata.get('tracestate');
  if (typeof fromCall === 'string')
    return { traceparent: fromCall, ...(typeof state === 'string' ? { tracestate: state } : {}) };
  const { traceparent = '', tracestate = '' } = query?.header?.trace ?? {};
  return { ...(traceparent === '' ? {} : { traceparent }), ...(tracestate === '' ? {} : { tracestate }) };
}
