import type { TokenUsage } from '../domain/answer.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { Problem } from './problem.ts';
import { resultJson } from './result-json.ts';

/** What all messages of one completion share. */
export interface CompletionHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
}

/** A whole completion in OpenAI's form; more about the answer is in `frontier`. */
export function completionJson(head: CompletionHead, result: RouteResult) {
  return {
    ...head,
    object: 'chat.completion',
    model: result.moduleId,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: result.answer.content, refusal: null },
        logprobs: null,
        finish_reason: finishReasonOf(result),
      },
    ],
    usage: usageJson(result.answer.usage),
    frontier: frontierJson(result),
  };
}

/** One chunk of a streamed completion. */
export function chunkJson(
  head: CompletionHead,
  model: string,
  delta: { readonly role?: 'assistant'; readonly content?: string },
  finishReason: string | null,
  includeUsage: boolean,
) {
  return {
    ...head,
    object: 'chat.completion.chunk',
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...(includeUsage ? { usage: null } : {}),
  };
}

/** The chunk that carries usage: it has no choices. */
export function usageChunkJson(head: CompletionHead, result: RouteResult) {
  return {
    ...head,
    object: 'chat.completion.chunk',
    model: result.moduleId,
    choices: [],
    usage: usageJson(result.answer.usage),
  };
}

/** Our own words about an answer. */
export function frontierJson(result: RouteResult) {
  const { content: _content, ...rest } = resultJson(result);
  return rest;
}

/** Why an answer ended, in OpenAI's words. */
export function finishReasonOf({ answer }: RouteResult): string {
  return answer.finishReason === 'unspecified' ? 'stop' : answer.finishReason;
}

function usageJson({ promptTokens, completionTokens }: TokenUsage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** An error in OpenAI's form. */
export function chatErrorJson(problem: Problem) {
  return {
    error: {
      message: problem.detail,
      type: errorTypeOf(problem.status),
      param: problem.field ?? null,
      code: problem.reason,
    },
  };
}

function errorTypeOf(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 429:
      return 'rate_limit_error';
    default:
      return status < 500 ? 'invalid_request_error' : 'server_error';
  }
}
