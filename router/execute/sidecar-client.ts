import { Metadata } from '@grpc/grpc-js';
import { streamCall, unaryCall, type CallSettings } from '../../core/grpc/channel.ts';
import { headersFromContext, type TraceHeaders } from '../../core/telemetry/tracing.ts';
import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { answerFromMessage, priorsToMessage, queryToMessage } from '../bindings/module-message.ts';
import { patienceHeader } from '../resilience/patience.ts';
import type { ModuleCall, ModuleCaller, StreamPiece } from './module-caller.ts';
import type { ModuleChannels } from './module-channel.ts';

/** Calls sidecars, one query a call. */
export function createSidecarCaller(channels: ModuleChannels): ModuleCaller {
  return {
    async execute(moduleId, call) {
      const client = channels.get(moduleId);
      const trace = headersFromContext(call.traceContext);
      const request = { message: messageOf(moduleId, call, trace) };
      const response = await unaryCall(client.execute.bind(client), request, settingsOf(call, trace));
      return answerFromMessage(response.message);
    },
    async *stream(moduleId, call, pieces) {
      const client = channels.get(moduleId);
      const trace = headersFromContext(call.traceContext);
      const request = { message: messageOf(moduleId, call, trace) };
      const settings = settingsOf(call, trace, pieces);
      for await (const { message } of streamCall(client.executeStream.bind(client), request, settings)) {
        yield pieceOf(message);
      }
    },
  };
}

function pieceOf(message: ModuleMessage | undefined): StreamPiece {
  const payload = message?.payload;
  if (payload?.$case !== 'token') return { kind: 'answer', answer: answerFromMessage(message) };
  const { text, index } = payload.value;
  return { kind: 'token', text, index };
}

function messageOf(moduleId: string, { query, priors, tenant }: ModuleCall, trace: TraceHeaders): ModuleMessage {
  return queryToMessage({ messageId: query.requestId, moduleId, tenant, trace }, query, priorsToMessage(priors));
}

function settingsOf(call: ModuleCall, trace: TraceHeaders, pieces?: 'tokens' | 'beats'): CallSettings {
  const metadata = new Metadata();
  metadata.set('x-frontier-tenant', call.tenant);
  metadata.set('x-frontier-request-id', call.query.requestId);
  // Any text may be a session's id, but metadata holds ASCII only, and not much of it.
  if (call.query.sessionId !== '') {
    metadata.set('x-frontier-session-id', encodeURIComponent(call.query.sessionId.toWellFormed()));
  }
  if (pieces !== undefined) metadata.set('x-frontier-pieces', pieces);
  if (call.patience !== undefined) metadata.set('x-frontier-patience', patienceHeader(call.patience));
  if (trace.traceparent !== undefined) metadata.set('traceparent', trace.traceparent);
  if (trace.tracestate !== undefined) metadata.set('tracestate', trace.tracestate);
  return { metadata, signal: call.signal, deadlineMs: call.deadlineMs };
}
