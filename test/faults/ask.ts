import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { RouteRequest } from '../../gen/frontier/router/v1/router.ts';
import { PRIMARY_ANSWER, SECONDARY_ANSWER } from './fault-system.ts';

export const FORMS = ['openai', 'openai-stream', 'http', 'http-stream', 'grpc', 'grpc-stream'] as const;
export type Form = (typeof FORMS)[number];

/** What came back: a whole answer of one module, an error that says so, something in between, or nothing in time. */
export type Verdict = 'good' | 'error' | 'wrong' | 'hang';

export interface Asked {
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

interface Received {
  readonly text: string;
  readonly error?: string;
  readonly words?: string;
}
type Ask = (target: Target, signal: AbortSignal) => Promise<Received>;

/** Asks once in one form and judges what a client sees. */
export async function ask(form: Form, target: Target): Promise<Asked> {
  const startedMs = systemClock.monotonicMs();
  const controller = new AbortController();
  const cancel = systemClock.after(HANG_MS, () => {
    controller.abort(new Error('hang'));
  });
  try {
    const received = await ASK[form](target, controller.signal);
    return { ...judge(received), ms: systemClock.monotonicMs() - startedMs };
  } catch (error) {
    const verdict = controller.signal.aborted ? 'hang' : 'error';
    return { verdict, detail: reasonOf(error), words: messageOf(error), ms: systemClock.monotonicMs() - startedMs };
  } finally {
    cancel();
  }
}

function judge({ text, error, words = '' }: Received): Omit<Asked, 'ms'> {
  if (error !== undefined) return { verdict: 'error', detail: error, words };
  const isGood = text === PRIMARY_ANSWER || text === SECONDARY_ANSWER;
  return { verdict: isGood ? 'good' : 'wrong', detail: isGood ? '' : text.slice(0, 120), words };
}

function reasonOf(error: unknown): string {
  const reason = (error as { reason?: unknown }).reason;
  return typeof reason === 'string' ? reason : messageOf(error).slice(0, 160);
}

const ASK: Readonly<Record<Form, Ask>> = {
  openai: async ({ url }, signal) => {
    const reply = await chat(url, false, signal);
    const body = (await reply.json()) as OpenAiBody;
    return { text: body.choices?.[0]?.message?.content ?? '', ...errorIn(body) };
  },
  'openai-stream': async ({ url }, signal) => {
    const reply = await chat(url, true, signal);
    if (reply.status !== 200) return { text: '', ...errorIn((await reply.json()) as OpenAiBody) };
    let text = '';
    let finished = false;
    for (const { data } of events(await reply.text())) {
      if (data === '[DONE]') return finished ? { text } : { text: `${text} [unfinished]` };
      const body = JSON.parse(data) as OpenAiBody;
      if (body.error !== undefined) return { text, ...errorIn(body) };
      text += body.choices?.[0]?.delta?.content ?? '';
      finished ||= typeof body.choices?.[0]?.finish_reason === 'string';
    }
    return { text: `${text} [cut]` };
  },
  http: async ({ url }, signal) => {
    const reply = await post(`${url}/api/v1/route`, { query: QUERY }, signal);
    const body = (await reply.json()) as ProblemBody & { content?: string };
    return { text: body.content ?? '', ...errorOf(body) };
  },
  'http-stream': async ({ url }, signal) => {
    const reply = await post(`${url}/api/v1/route`, { query: QUERY }, signal, 'text/event-stream');
    // What fails before the first event is told by the status.
    if (reply.status !== 200) return { text: '', ...errorOf((await reply.json()) as ProblemBody) };
    const collected = collector();
    for (const { event, data } of events(await reply.text())) {
      const body = JSON.parse(data) as ProblemBody & { text?: string; discard?: boolean; content?: string };
      if (event === 'error') return { text: '', ...errorOf({ reason: 'unknown', ...body }) };
      if (event === 'token') collected.token(body.text ?? '');
      if (event === 'attempt_failed') collected.failed(body.discard === true);
      if (event === 'done') return collected.done(body.content ?? '');
    }
    return { text: '[cut]' };
  },
  grpc: async ({ grpc }, signal) => {
    const { content } = await unaryCall(grpc.route.bind(grpc), RouteRequest.fromPartial({ query: QUERY }), { signal });
    return { text: content };
  },
  'grpc-stream': async ({ grpc }, signal) => {
    const request = RouteRequest.fromPartial({ query: QUERY });
    const collected = collector();
    for await (const { event } of streamCall(grpc.streamRoute.bind(grpc), { request }, { signal })) {
      if (event?.$case === 'token') collected.token(event.value.text);
      if (event?.$case === 'attemptFailed') collected.failed(event.value.discard);
      if (event?.$case === 'done') return collected.done(event.value.content);
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

interface OpenAiBody {
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

function chat(url: string, stream: boolean, signal: AbortSignal): Promise<Response> {
  const messages = [{ role: 'user', content: QUERY }];
  return post(`${url}/v1/chat/completions`, { model: 'auto', stream, messages }, signal);
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
