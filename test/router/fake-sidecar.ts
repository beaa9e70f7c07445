import { setImmediate as nextTick } from 'node:timers/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { calibrate } from '../../core/confidence/calibration.ts';
import { FrontierError, toFrontierError } from '../../core/errors.ts';
import { serverStream, unary } from '../../core/grpc/handlers.ts';
import { bindServer, closeServer, createGrpcServer } from '../../core/grpc/server.ts';
import { ModuleMessage, type AnswerPayload } from '../../gen/frontier/common/v1/message.ts';
import {
  SidecarServiceService,
  type ExecuteManyRequest,
  type ExecuteManyResponse,
  type SidecarServiceServer,
} from '../../gen/frontier/sidecar/v1/sidecar.ts';

/** What a module does with a query. */
export interface Behaviour {
  /** Gives the answer's text and score, or throws. */
  answer(
    query: string,
    signal?: AbortSignal,
  ):
    | Promise<{ readonly content: string; readonly score: number }>
    | { readonly content: string; readonly score: number };
  /** Pieces that are streamed before the answer; the words of the answer when left out. */
  tokens?(content: string): readonly string[];
  /** Thrown after the tokens. */
  readonly breakAfterTokens?: FrontierError;
  /** Sent in place of the answer. */
  readonly rawReply?: ModuleMessage;
}

export interface FakeSidecar {
  readonly port: number;
  /** Queries seen, in order. */
  readonly seen: ModuleMessage[];
  behaviour: Behaviour;
  close(): Promise<void>;
}

/** A real SidecarService on loopback whose module does what the test says. */
export async function startFakeSidecar(moduleId: string, behaviour: Behaviour): Promise<FakeSidecar> {
  const seen: ModuleMessage[] = [];
  const fake = { behaviour, seen };
  const reply = async (message: ModuleMessage | undefined, signal?: AbortSignal): Promise<ModuleMessage> => {
    if (message === undefined) throw new FrontierError('INVALID_FIELD', 'no message');
    seen.push(message);
    if (fake.behaviour.rawReply !== undefined) return fake.behaviour.rawReply;
    const query = message.payload?.$case === 'query' ? message.payload.value : undefined;
    const { content, score } = await fake.behaviour.answer(query?.query ?? '', signal);
    return answerMessage(moduleId, message, content, score);
  };
  const service: SidecarServiceServer = {
    execute: unary(async ({ message }, { signal }) => ({ message: await reply(message, signal) })),
    executeStream: serverStream(async function* ({ message }, { signal }) {
      const whole = await reply(message, signal);
      const content = whole.payload?.$case === 'answer' ? whole.payload.value.content : '';
      const words = fake.behaviour.tokens?.(content) ?? content.split(/(?<= )/);
      for (const [index, text] of words.entries()) {
        yield { message: ModuleMessage.fromPartial({ payload: { $case: 'token', value: { text, index } } }) };
        await nextTick();
      }
      if (fake.behaviour.breakAfterTokens !== undefined) throw fake.behaviour.breakAfterTokens;
      yield { message: whole };
    }),
    executeMany: (call) => {
      answerMany(call, reply);
    },
    drain: unary(() => Promise.resolve({ finished: 0, abandoned: 0 })),
    // eslint-disable-next-line require-yield -- the router never watches a sidecar
    watchStatus: serverStream(async function* () {
      await Promise.reject(new FrontierError('UNIMPLEMENTED', 'not part of this fake'));
    }),
  };
  const server = createGrpcServer();
  server.addService(SidecarServiceService, service);
  const port = await bindServer(server, { host: '127.0.0.1', port: 0 });
  return Object.assign(fake, { port, close: () => closeServer(server, 0) });
}

type Reply = (message: ModuleMessage | undefined) => Promise<ModuleMessage>;

function answerMany(call: ServerDuplexStream<ExecuteManyRequest, ExecuteManyResponse>, reply: Reply): void {
  call.on('data', ({ messages }: ExecuteManyRequest) => {
    void Promise.all(
      messages.map((message) => reply(message).catch((error: unknown) => errorMessage(message, error))),
    ).then((results) => {
      call.write({ messages: results });
    });
  });
  call.on('end', () => {
    call.end();
  });
}

function errorMessage(to: ModuleMessage, thrown: unknown): ModuleMessage {
  const { code, reason, message } = toFrontierError(thrown);
  return ModuleMessage.fromPartial({
    header: { correlationId: to.header?.messageId ?? '' },
    payload: { $case: 'error', value: { code, reason, message } },
  });
}

function answerMessage(moduleId: string, to: ModuleMessage, content: string, rawScore: number): ModuleMessage {
  const priors = to.payload?.$case === 'query' ? to.payload.value.priors : undefined;
  const score = calibrate(rawScore, priors?.calibration ?? []);
  const threshold = priors?.threshold ?? 0;
  const value: Partial<AnswerPayload> = {
    content,
    finishReason: 1,
    usage: { promptTokens: 3, completionTokens: content.split(' ').length },
    confidence: {
      score,
      selfAssessment: rawScore,
      quality: { relevance: rawScore, coherence: rawScore, accuracy: rawScore, completeness: rawScore, safety: 1 },
      history: priors?.history ?? 0.5,
      time: 1,
      structure: 1,
      rawScore,
      threshold,
      accepted: score >= threshold,
    },
  };
  return ModuleMessage.fromPartial({
    header: { messageId: 'reply', correlationId: to.header?.messageId ?? '', source: moduleId },
    payload: { $case: 'answer', value },
  });
}
