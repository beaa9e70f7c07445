import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { FinishReason } from '../../gen/frontier/common/v1/message.ts';
import type { AnswerPayload } from '../../gen/frontier/common/v1/message.ts';
import type { TokenUsage } from '../../gen/frontier/common/v1/quality.ts';
import { createProbabilityMean } from '../self-assessment.ts';
import type { Adapter, StreamEvent, WorkloadCall, WorkloadQuery } from './adapter.ts';
import { createHttpClient } from './http-client.ts';
import type { HttpReply } from './http-client.ts';
import { badReply } from './grpc-replies.ts';
import { httpFailure } from './http-failure.ts';
import { answerPayload, errorOfEvent, parseChunk, parseReply } from './openai-reply.ts';
import { chatRequest } from './openai-request.ts';
import type { OpenAiSettings, OptionalFields } from './openai-request.ts';
import { serverSentEvents, type ServerSentEvent } from './sse.ts';
import { strictText } from './strict-text.ts';

export interface OpenAiAdapterOptions extends OpenAiSettings {
  /** Base address with its version, e.g. http://localhost:11434/v1. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Model to ask for; the server's first one when undefined. */
  readonly model: string | undefined;
  readonly clock?: Clock;
}

/** Gives an adapter for any server that speaks OpenAI's chat completions. */
export function createOpenAiAdapter(options: OpenAiAdapterOptions): Adapter {
  const { url, apiKey, clock = systemClock } = options;
  const http = createHttpClient({ url, apiKey });
  let optional: OptionalFields = { logprobs: true, streamOptions: true };
  let model = options.model;
  /** Until the server answers whole where a stream was asked for. */
  let streams = true;

  const modelName = async (signal: AbortSignal): Promise<string> => (model ??= await firstModel(signal));
  /** Some servers have no list of models: that they answer at all has to do. */
  const isNoList = ({ status }: HttpReply): boolean => status === 404 || status === 405 || status === 501;
  const firstModel = async (signal: AbortSignal): Promise<string> => {
    const reply = await http.send({ method: 'GET', path: '/models', signal });
    const text = await reply.text();
    if (isNoList(reply)) return ANY_MODEL;
    if (reply.status !== 200) throw failureOf(reply, text);
    return modelIn(text);
  };
  const failureOf = (reply: HttpReply, body: string): FrontierError =>
    httpFailure({ status: reply.status, body, retryAfter: reply.retryAfter, nowMs: clock.nowMs() });

  /** Sends a query; when the server refuses one of the optional fields, sends it once more without. */
  const complete = async ({ query }: WorkloadQuery, call: WorkloadCall, stream: boolean): Promise<HttpReply> => {
    const { signal, trace } = call;
    const name = await modelName(signal);
    for (;;) {
      const body = chatRequest(query, name, options, { stream, optional });
      const reply = await http.send({ method: 'POST', path: '/chat/completions', body, signal, trace });
      if (reply.status === 200) return reply;
      const text = await reply.text();
      const fewer = withoutRefused(optional, reply.status, text);
      if (fewer === undefined) throw failureOf(reply, text);
      optional = fewer;
    }
  };

  return {
    invoke: async (query, call) => parseReply(await (await complete(query, call, false)).text()),
    get streams() {
      return streams;
    },
    invokeStream: async function* invokeStream(query, call) {
      for await (const event of eventsOf(await complete(query, call, true))) {
        streams = event.kind !== 'answer' || event.whole !== true;
        yield event;
      }
    },
    invokeBatch: undefined,
    health: async (signal) => {
      const reply = await http.send({ method: 'GET', path: '/models', signal });
      const text = await reply.text();
      if (reply.status !== 200 && !isNoList(reply)) throw failureOf(reply, text);
    },
    describe: async (signal) => ({ name: await modelName(signal), batching: false, streaming: true }),
    close: () => http.close(),
  };
}

/** Asked of a server that has no list of models: one that serves a single model passes the name over. */
const ANY_MODEL = 'default';
/** Media types that are no answer, whatever is in them. */
const PAGES = ['text/html', 'application/xhtml+xml'];

/**
 * Gives the events of a reply to a request for a stream. A server that does not know how answers whole, and one that has
 * failed sends its error as JSON: both show by how the reply begins, whatever its media type.
 */
async function* eventsOf(reply: HttpReply): AsyncGenerator<StreamEvent, void, undefined> {
  if (PAGES.includes(reply.contentType)) throw badReply(`the workload sent a page (${reply.contentType})`);
  const { whole, bytes } = await sniffed(reply.bytes());
  if (!whole) {
    yield* streamEvents(serverSentEvents(bytes));
    return;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  yield { kind: 'answer', answer: parseReply(strictText(Buffer.concat(chunks))), whole: true };
}

/** Tells whether a body is one JSON value rather than events, and gives it whole. */
async function sniffed(
  body: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ readonly whole: boolean; readonly bytes: AsyncIterable<Uint8Array> }> {
  const head: Uint8Array[] = [];
  for (;;) {
    const { value, done } = await body.next();
    if (done === true) break;
    head.push(value);
    const start = Buffer.concat(head).toString('latin1').trimStart();
    if (start !== '') return { whole: /^[[{<"]/.test(start), bytes: joined(head, body) };
  }
  return { whole: false, bytes: joined(head, body) };
}

async function* joined(
  head: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* head;
    yield* rest;
  } finally {
    await rest.return();
  }
}

/** Gives the events of a streamed completion. Throws STREAM_BROKEN when it stops before it says that it is done. */
async function* streamEvents(events: AsyncIterable<ServerSentEvent>): AsyncGenerator<StreamEvent, void, undefined> {
  const probabilities = createProbabilityMean();
  const pieces: string[] = [];
  let finishReason: FinishReason | undefined;
  let usage: TokenUsage | undefined;
  let done = false;
  /** Whether there was text without a role: then a role is where an answer begins. */
  let isUnderWay = false;
  for await (const { name, data } of events) {
    done = data.trim() === '[DONE]';
    if (done) break;
    if (name === 'error') throw errorOfEvent(data);
    // What follows a finish reason is no part of the answer any more, but for the usage.
    const isOver = finishReason !== undefined;
    const chunk = parseChunk(data);
    if (isUnderWay && !isOver && chunk.hasRole && chunk.finishReason === undefined)
      throw badReply('the workload began a second answer before the first was finished');
    if (!chunk.hasRole && chunk.text !== '') isUnderWay = true;
    usage = chunk.usage ?? usage;
    finishReason ??= chunk.finishReason;
    if (isOver) continue;
    probabilities.add(chunk.probability);
    if (chunk.text === '' && !chunk.reasoning) continue;
    if (chunk.text !== '') pieces.push(chunk.text);
    yield { kind: 'token', text: chunk.text, probability: chunk.probability };
  }
  if (!done && finishReason === undefined) {
    throw new FrontierError('STREAM_BROKEN', "the workload's stream ended without [DONE] and without a finish reason");
  }
  // [DONE] is also what a proxy puts after a stream that was cut: only a finish reason says that the model was done.
  const answer = wholeAnswer(pieces, finishReason, usage, probabilities.value());
  yield { kind: 'answer', answer, truncated: finishReason === undefined };
}

function wholeAnswer(
  pieces: readonly string[],
  finishReason: FinishReason = FinishReason.UNSPECIFIED,
  usage: TokenUsage | undefined,
  selfAssessment: number | undefined,
): AnswerPayload {
  return answerPayload({ content: pieces.join(''), finishReason, usage, selfAssessment });
}

function withoutRefused(optional: OptionalFields, status: number, text: string): OptionalFields | undefined {
  if (status !== 400 && status !== 422) return undefined;
  if (optional.logprobs && text.includes('logprobs')) return { ...optional, logprobs: false };
  if (optional.streamOptions && text.includes('stream_options')) return { ...optional, streamOptions: false };
  return undefined;
}

function modelIn(text: string): string {
  try {
    const list = JSON.parse(text) as { data?: { id?: unknown }[] };
    const id = list.data?.[0]?.id;
    if (typeof id === 'string') return id;
  } catch {
    // Told below: a list that cannot be read names no model either.
  }
  throw new FrontierError('MODULE_BAD_REPLY', 'the server lists no model at /models: name one in adapter.model');
}
