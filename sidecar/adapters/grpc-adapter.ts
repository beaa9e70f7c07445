import { credentials, Metadata } from '@grpc/grpc-js';
import { FrontierError, toFrontierError } from '../../core/errors.ts';
import { clientOptions, streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { CallSettings } from '../../core/grpc/channel.ts';
import type { TraceHeaders } from '../../core/telemetry/tracing.ts';
import type { AnswerPayload, ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { ModuleServiceClient } from '../../gen/frontier/module/v1/module.ts';
import type { Adapter, BatchResult, StreamEvent, WorkloadCall, WorkloadDescription, WorkloadQuery } from './adapter.ts';
import { workloadError } from './grpc-errors.ts';
import { createHealthClient } from './health-client.ts';
import { answerOf, batchResultsOf } from './grpc-replies.ts';

/** What is assumed of a workload that does not implement Describe. */
const UNDESCRIBED: WorkloadDescription = { name: '', batching: false, streaming: true };
const NO_METADATA = new Metadata();

/** Gives an adapter for a workload that implements frontier.module.v1.ModuleService at `address` (host:port). */
export function createGrpcAdapter(address: string): Adapter {
  const channel = credentials.createInsecure();
  const options = clientOptions({ 'grpc.use_local_subchannel_pool': 1, 'grpc.max_reconnect_backoff_ms': 500 });
  const client = new ModuleServiceClient(address, channel, options);
  const health = createHealthClient(address);
  let description = UNDESCRIBED;

  const invoke = async (query: WorkloadQuery, call: WorkloadCall): Promise<AnswerPayload> => {
    const { message } = await mapped(
      unaryCall(client.invoke.bind(client), { message: query.message }, settingsOf(call)),
    );
    return answerOf(message);
  };

  async function* invokeStream(query: WorkloadQuery, call: WorkloadCall): AsyncGenerator<StreamEvent> {
    if (!description.streaming) {
      yield { kind: 'answer', answer: await invoke(query, call) };
      return;
    }
    let answering = false;
    try {
      const request = { message: query.message };
      for await (const { message } of streamCall(client.invokeStream.bind(client), request, settingsOf(call))) {
        const event = eventOf(message);
        yield event;
        if (event.kind === 'answer') return;
        answering = true;
      }
    } catch (error) {
      throw workloadError(toFrontierError(error), answering);
    }
    throw new FrontierError('STREAM_BROKEN', 'the workload ended its stream without an answer');
  }

  const invokeBatch = async (
    queries: readonly WorkloadQuery[],
    call: WorkloadCall,
  ): Promise<readonly BatchResult[]> => {
    const messages = queries.map(({ message }) => message);
    const reply = await mapped(unaryCall(client.invokeBatch.bind(client), { messages }, settingsOf(call)));
    return batchResultsOf(reply.messages, queries.length);
  };

  const describe = async (signal: AbortSignal): Promise<WorkloadDescription> => {
    try {
      description = await unaryCall(client.describe.bind(client), {}, { signal });
    } catch (error) {
      if (toFrontierError(error).reason !== 'UNIMPLEMENTED') throw workloadError(toFrontierError(error), false);
      description = UNDESCRIBED;
    }
    return description;
  };

  return {
    invoke,
    // Invoke is a call of its own here, and what a module that does not stream has.
    streams: false,
    invokeStream,
    get invokeBatch() {
      return description.batching ? invokeBatch : undefined;
    },
    describe,
    health: async (signal) => {
      if (!(await health.check(signal))) await describe(signal);
    },
    close: () => {
      client.close();
      health.close();
      return Promise.resolve();
    },
  };
}

function eventOf(message: ModuleMessage | undefined): StreamEvent {
  const payload = message?.payload;
  if (payload?.$case !== 'token') return { kind: 'answer', answer: answerOf(message) };
  return { kind: 'token', text: payload.value.text, probability: payload.value.probability };
}

function settingsOf({ signal, deadlineMs, trace }: WorkloadCall): CallSettings {
  return { signal, deadlineMs, metadata: trace.traceparent === undefined ? NO_METADATA : metadataOf(trace) };
}

function metadataOf({ traceparent, tracestate }: TraceHeaders): Metadata {
  const metadata = new Metadata();
  if (traceparent !== undefined) metadata.set('traceparent', traceparent);
  if (tracestate !== undefined) metadata.set('tracestate', tracestate);
  return metadata;
}

async function mapped<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw workloadError(toFrontierError(error), false);
  }
}
