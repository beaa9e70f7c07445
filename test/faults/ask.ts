import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { RouteRequest, Strategy as StrategyMessage } from '../../gen/frontier/router/v1/router.ts';
import { markerOf } from '../fixtures/marker.ts';
import { PRIMARY_ANSWER, SECONDARY_ANSWER } from './fault-system.ts';

export const FORMS = ['openai', 'openai-stream', 'http', 'http-stream', 'grpc', 'grpc-stream'] as const;
export type Form = (typeof FORMS)[number];

export const STRATEGIES = ['sequential', 'parallel', 'hedged', 'weighted_round_robin', 'adaptive'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What came back: a whole answer of one module, an error that says so, something in between, or nothing in time. */
export type Verdict = 'good' | 'error' | 'wrong' | 'hang';

export interface Asked {
  /** Modules that were tried, as far as the answer tells. */
  readonly tried: readonly string[];
  readonly verdict: Verdict;
  /** From the question to the end of the answer, in milliseconds. */
  readonly ms: number;
  /** Error's reason, or the wrong answer. */
  readonly detail: string;
  /** The error's own words; empty when there was none. */
  readonly words: string;
}

export interface Target {
  /** HTTP, without a slash at its end. */
  readonly url: string;
  readonly grpc: RouterServiceClient;
}

export const QUERY = 'What is the capital of France?';
/** From here on a request counts as hanging: nobody has answered, nobody has said that there is no answer. */
const HANG_MS = 40_000;

/** How a question is put, besides its form. */
export interface Wish {
  /** The router's own when left out. */
  readonly strategy?: Strategy;
  /** By which the server behind a module can tell who has asked. */
  readonly mark?: string;
}

interface Received {
  readonly text: string;
  readonly tried?: readonly string[];
  readonly error?: string;
  readonly words?: string;
}
type Ask = (target: Target, wish: Wish, signal: AbortSignal) => Promise<Received>;

/** Asks once in one form and judges what a client sees. */
export async function ask(form: Form, target: Target, wish: Wish = {}): Promise<Asked> {
  const startedMs = systemClock.monotonicMs();
  const controller = new AbortController();
  const cancel = systemClock.after(HANG_MS, () => {
    controller.abort(new Error('hang'));
  });
  try {
    const received = await ASK[form](target, wish, controller.signal);
    return { ...judge(received), ms: systemClock.monotonicMs() - startedMs };
  } catch (error) {
    const verdict = controller.signal.aborted ? 'hang' : 'error';
    const ms = systemClock.monotonicMs() - startedMs;
    return { verdict, detail: reasonOf(error), words: messageOf(error), ms, tried: [] };
  } finally {
    cancel();
  }
}

function judge({ text, error, words = '', tried = [] }: Received): Omit<Asked, 'ms'> {
  if (error !== undefined) return { verdict: 'error', detail: error, words, tried };
  const isGood = text === PRIMARY_ANSWER || text === SECONDARY_ANSWER;
  return { verdict: isGood ? 'good' : 'wrong', detail: isGood ? '' : text.slice(0, 120), words, tried };
}

function reasonOf(error: unknown): string {
  const reason = (error as { reason?: unknown }).reason;
  return typeof reason === 'string' ? reason : messageOf(error).slice(0, 160);
}

const ASK: Readonly<Record<Form, Ask>> = {
  openai: async ({ url }, wish, signal) => {
    const reply = await chat(url, wish, false, signal);
    const body = (await reply.json()) as OpenAiBody;
    return { text: body.choices?.[0]?.message?.content ?? '', ...errorIn(body), tried: triedIn(body.frontier) };
  },
  'openai-stream': async ({ url }, wish, signal) => {
    const reply = await chat(url, wish, true, signal);
    if (reply.status !== 200) return { text: '', ...errorIn((await reply.json()) as OpenAiBody) };
    let text = '';
    let finished = false;
    let tried: readonly string[] = [];
    for (const { data } of events(await reply.text())) {
      if (data === '[DONE]') return { text: finished ? text : `${text} [unfinished]`, tried };
      const body = JSON.parse(data) as OpenAiBody;
      if (body.error !== undefined) return { text, ...errorIn(body) };
      text += body.choices?.[0]?.delta?.content ?? '';
      finished ||= typeof body.choices?.[0]?.finish_reason === 'string';
      if (body.frontier !== undefined) tried = triedIn(body.frontier);
    }
    return { text: `${text} [cut]` };
  },
  http: async ({ url }, wish, signal) => {
    const reply = await route(url, wish, signal);
    const body = (await reply.json()) as ProblemBody & ResultBody & { content?: string };
    return { text: body.content ?? '', ...errorOf(body), tried: triedIn(body) };
  },
  'http-stream': async ({ url }, wish, signal) => {
    const reply = await route(url, wish, signal, 'text/event-stream');
    // What fails before the first event is told by the status.
    if (reply.status !== 200) return { text: '', ...errorOf((await reply.json()) as ProblemBody) };
    const collected = collector();
    for (const { event, data } of events(await reply.text())) {
      const body = JSON.parse(data) as ProblemBody &
        ResultBody & { text?: string; discard?: boolean; content?: string };
      if (event === 'error') return { text: '', ...errorOf({ reason: 'unknown', ...body }) };
      if (event === 'token') collected.token(body.text ?? '');
      if (event === 'attempt_failed') collected.failed(body.discard === true);
      if (event === 'done') return { ...collected.done(body.content ?? ''), tried: triedIn(body) };
    }
    return { text: '[cut]' };
  },
  grpc: async ({ grpc }, wish, signal) => {
    const { content, metadata } = await unaryCall(grpc.route.bind(grpc), messageOfWish(wish), { signal });
    return { text: content, tried: (metadata?.attempts ?? []).map(({ moduleId }) => moduleId) };
  },
  'grpc-stream': async ({ grpc }, wish, signal) => {
    const request = messageOfWish(wish);
    const collected = collector();
    for await (const { event } of streamCall(grpc.streamRoute.bind(grpc), { request }, { signal })) {
      if (event?.$case === 'token') collected.token(event.value.text);
      if (event?.$case === 'attemptFailed') collected.failed(event.value.discard);
      if (event?.$case !== 'done') continue;
      const tried = (event.value.metadata?.attempts ?? []).map(({ moduleId }) => moduleId);
      return { ...collected.done(event.value.content), tried };
    }
    return { text: '[cut]' };
  },
};

/** Keeps to the stream's contract as a client must: what is discarded is thrown away. */
function collector(): { token(text: string): void; failed(discard: boolean): void; done(content: string): Received } {
  let text = '';
  let discarded = false;
  return {
    token: (piece) => {
      text += piece;
    },
    failed: (discard) => {
      if (discard) [text, discarded] = ['', true];
    },
    // After a discard the whole may come without tokens, when it is an earlier answer.
    done: (content) => ({ text: text === content || (discarded && text === '') ? content : `${text} [spliced]` }),
  };
}

interface ResultBody {
  readonly metadata?: { readonly attempts?: readonly { readonly module_id: string }[] };
}

function triedIn(body: ResultBody | undefined): readonly string[] {
  return (body?.metadata?.attempts ?? []).map(({ module_id }) => module_id);
}

interface OpenAiBody {
  readonly frontier?: ResultBody;
  readonly error?: { readonly code?: string; readonly message?: string };
  readonly choices?: readonly {
    readonly message?: { readonly content?: string };
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
}

function errorIn({ error }: OpenAiBody): Omit<Received, 'text'> {
  return error === undefined ? {} : { error: error.code ?? error.message ?? 'unknown', words: error.message ?? '' };
}

interface ProblemBody {
  readonly reason?: string;
  readonly detail?: string;
}

function errorOf({ reason, detail = '' }: ProblemBody): Omit<Received, 'text'> {
  return reason === undefined ? {} : { error: reason, words: detail };
}

function chat(url: string, wish: Wish, stream: boolean, signal: AbortSignal): Promise<Response> {
  const messages = [...historyOf(wish), { role: 'user', content: QUERY }];
  const more = stream ? { stream_options: { include_usage: true } } : {};
  return post(`${url}/v1/chat/completions`, { model: 'auto', stream, messages, ...more, ...strategyIn(wish) }, signal);
}

function route(url: string, wish: Wish, signal: AbortSignal, accept?: string): Promise<Response> {
  const body = { query: QUERY, history: historyOf(wish), ...strategyIn(wish) };
  return post(`${url}/api/v1/route`, body, signal, accept);
}

function messageOfWish(wish: Wish): RouteRequest {
  const strategy = wish.strategy === undefined ? {} : { strategy: STRATEGY_MESSAGES[wish.strategy] };
  return RouteRequest.fromPartial({ query: QUERY, history: historyOf(wish), ...strategy });
}

const STRATEGY_MESSAGES = {
  sequential: StrategyMessage.SEQUENTIAL,
  parallel: StrategyMessage.PARALLEL,
  hedged: StrategyMessage.HEDGED,
  weighted_round_robin: StrategyMessage.WEIGHTED_ROUND_ROBIN,
  adaptive: StrategyMessage.ADAPTIVE,
} as const satisfies Readonly<Record<Strategy, StrategyMessage>>;

function strategyIn({ strategy }: Wish): { strategy?: Strategy } {
  return strategy === undefined ? {} : { strategy };
}

/** What stands in the history reaches the server behind a module in every form and protocol. */
function historyOf({ mark }: Wish): { role: 'system'; content: string }[] {
  return mark === undefined ? [] : [{ role: 'system', content: markerOf(mark) }];
}

function post(url: string, body: object, signal: AbortSignal, accept = 'application/json'): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
}

function events(text: string): { event: string; data: string }[] {
  return text.split('\n\n').flatMap((block) => {
    const lines = block.split('\n');
    const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
    const event = lines.find((line) => line.startsWith('event: '))?.slice(7) ?? '';
    return data.length === 0 ? [] : [{ event, data: data.join('\n') }];
  });
}
