import { randomUUID } from 'node:crypto';
import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import type {
  DescribeResponse,
  InvokeBatchRequest,
  InvokeBatchResponse,
  InvokeRequest,
  InvokeResponse,
  InvokeStreamRequest,
  InvokeStreamResponse,
  ModuleServiceServer,
} from '../../gen/frontier/module/v1/module.ts';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { serverStream, unary } from '../../core/grpc/handlers.ts';
import { startAnswerSpan } from './answer-span.ts';
import type { Answerer } from './answerer.ts';
import { answerPayload, errorPayload, queryOf, replyTo } from './envelope.ts';
import type { ReplyPayload } from './envelope.ts';

export interface ModuleServiceOptions {
  /** The module's id: source of every reply. */
  readonly moduleId: string;
  /** Gives the answerer once it has started; undefined before. */
  readonly answerer: () => Answerer | undefined;
  readonly clock: Clock;
}

/** Gives frontier.module.v1.ModuleService over an answerer. */
export function createModuleService(options: ModuleServiceOptions): ModuleServiceServer {
  const { answerer, clock } = options;
  const running = (): Answerer => {
    const found = answerer();
    if (found === undefined)
      throw new FrontierError('NOT_READY', 'the module is still starting', { retryAfterMs: 500 });
    return found;
  };
  const reply = (request: ModuleMessage | undefined, payload: ReplyPayload): ModuleMessage =>
    replyTo(request, payload, { messageId: randomUUID(), source: options.moduleId, nowMs: clock.nowMs() });

  async function* replies(request: ModuleMessage | undefined, call: CallContext): AsyncGenerator<ModuleMessage> {
    const span = startAnswerSpan(options.moduleId, request, call.metadata);
    try {
      yield* answered(request, call.signal);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  async function* answered(request: ModuleMessage | undefined, signal: AbortSignal): AsyncGenerator<ModuleMessage> {
    const startedMs = clock.monotonicMs();
    let index = 0;
    for await (const event of running().answer(queryOf(request), signal)) {
      if (event.kind === 'answer') {
        yield reply(request, { $case: 'answer', value: answerPayload(event.answer, clock.monotonicMs() - startedMs) });
        continue;
      }
      const { text, probability } = event;
      const token = { text, index: index++, ...(probability === undefined ? {} : { probability }) };
      yield reply(request, { $case: 'token', value: token });
    }
  }

  async function wholeReply(request: ModuleMessage | undefined, call: CallContext): Promise<ModuleMessage> {
    let last: ModuleMessage | undefined;
    for await (const message of replies(request, call)) last = message;
    if (last?.payload?.$case !== 'answer') throw new FrontierError('INTERNAL', 'the module ended without an answer');
    return last;
  }

  async function invokeBatch({ messages }: InvokeBatchRequest, call: CallContext): Promise<InvokeBatchResponse> {
    const results = new Array<ModuleMessage>(messages.length);
    const left = messages.entries();
    // As many at a time as the module handles: a batch never fills the module's queue, however long it is.
    const work = async (): Promise<void> => {
      for (const [index, message] of left) {
        results[index] = await wholeReply(message, call).catch((error: unknown) => {
          call.signal.throwIfAborted();
          return reply(message, { $case: 'error', value: errorPayload(error) });
        });
      }
    };
    await Promise.all(Array.from({ length: running().description.maxConcurrency }, work));
    return { messages: results };
  }

  return {
    invoke: unary(async ({ message }: InvokeRequest, call): Promise<InvokeResponse> => {
      return { message: await wholeReply(message, call) };
    }),
    invokeStream: serverStream(async function* (
      { message }: InvokeStreamRequest,
      call,
    ): AsyncGenerator<InvokeStreamResponse> {
      for await (const piece of replies(message, call)) yield { message: piece };
    }),
    invokeBatch: unary(invokeBatch),
    describe: unary(() => Promise.resolve(describe(running()))),
  };
}

function describe({ description }: Answerer): DescribeResponse {
  return { ...description, acceptedMediaTypes: [...description.acceptedMediaTypes], streaming: true, batching: true };
}
