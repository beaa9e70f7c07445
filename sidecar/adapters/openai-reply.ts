import { z } from 'zod';
import { FrontierError } from '../../core/errors.ts';
import { FinishReason } from '../../gen/frontier/common/v1/message.ts';
import type { AnswerPayload } from '../../gen/frontier/common/v1/message.ts';
import type { TokenUsage } from '../../gen/frontier/common/v1/quality.ts';
import { badReply } from './grpc-replies.ts';
import { reasonByText } from './lost-resource.ts';

/** Only what is read is checked: servers add fields of their own. */
const usageSchema = z.object({
  prompt_tokens: z.number().min(0).catch(0),
  completion_tokens: z.number().min(0).catch(0),
});
const logprobsSchema = z
  .object({ content: z.array(z.object({ logprob: z.number() })).nullish() })
  .nullish()
  .catch(null);
const textSchema = z.string().nullish();

const replySchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: textSchema, refusal: textSchema }),
        finish_reason: textSchema,
        logprobs: logprobsSchema,
        error: z.unknown().optional(),
      }),
    )
    .min(1),
  usage: usageSchema.nullish().catch(null),
});

const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z
        .object({
          role: textSchema,
          content: textSchema,
          refusal: textSchema,
          reasoning_content: textSchema,
          reasoning: textSchema,
        })
        .nullish(),
      finish_reason: textSchema,
      logprobs: logprobsSchema,
      error: z.unknown().optional(),
    }),
  ),
  usage: usageSchema.nullish().catch(null),
});

const errorSchema = z.object({
  error: z.union([
    z.string(),
    z.object({ message: z.string().catch(''), code: z.union([z.string(), z.number()]).nullish().catch(null) }),
  ]),
});

export interface Chunk {
  /** Whether it says who speaks, as the first chunk of an answer does; some servers say it in each. */
  readonly hasRole: boolean;
  readonly text: string;
  /** Whether the model was thinking aloud, which is no part of the answer. */
  readonly reasoning: boolean;
  readonly finishReason: FinishReason | undefined;
  readonly usage: TokenUsage | undefined;
  /** Probability of each token in the chunk. */
  readonly probability: number | undefined;
}

/**
 * Gives the answer in a whole reply's text. Throws MODULE_BAD_REPLY, what an error body in a 200 says, or MODULE_FAILED when the
 * server says that it did not come to the answer's end.
 */
export function parseReply(text: string): AnswerPayload {
  const reply = check(replySchema, parseJson(text));
  const [choice] = reply.choices;
  refuseFailed(choice);
  return answerPayload({
    content: choice?.message.content ?? choice?.message.refusal ?? '',
    finishReason: finishReasonOf(choice?.finish_reason) ?? FinishReason.UNSPECIFIED,
    usage: usageOf(reply.usage),
    selfAssessment: meanProbability(choice?.logprobs),
  });
}

/** Gives one event of a stream. Throws as parseReply does. */
export function parseChunk(text: string): Chunk {
  const chunk = check(chunkSchema, parseJson(text));
  // A last chunk with the usage alone has no choice.
  const [choice] = chunk.choices;
  refuseFailed(choice);
  return {
    hasRole: Boolean(choice?.delta?.role),
    text: choice?.delta?.content ?? choice?.delta?.refusal ?? '',
    reasoning: Boolean(choice?.delta?.reasoning_content ?? choice?.delta?.reasoning),
    finishReason: finishReasonOf(choice?.finish_reason),
    usage: usageOf(chunk.usage),
    probability: meanProbability(choice?.logprobs),
  };
}

/** Gives an answer without what only the sidecar adds. */
export function answerPayload(
  parts: Pick<AnswerPayload, 'content' | 'finishReason' | 'usage' | 'selfAssessment'>,
): AnswerPayload {
  return { ...parts, confidence: undefined, processingTime: undefined, attachments: [] };
}

/** Gives the error in the data of an event that is named "error". */
export function errorOfEvent(data: string): FrontierError {
  return reported(errorTextOf(data) ?? data);
}

/** Text of an error body; undefined when the text is none. */
export function errorTextOf(text: string): string | undefined {
  try {
    return errorMessage(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badReply(`the workload's reply is not JSON: ${excerpt(text)}`, cause);
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const message = errorMessage(value);
  if (message !== undefined) throw reported(message);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badReply(`the workload's reply has a fault at ${issue?.path.join('.') || 'its root'}: ${issue?.message ?? ''}`);
}

function errorMessage(value: unknown): string | undefined {
  const result = errorSchema.safeParse(value);
  if (!result.success) return undefined;
  const { error } = result.data;
  return typeof error === 'string' ? error : error.message;
}

/** How servers say that they have given up: OpenRouter's "error", vLLM's and SGLang's "abort", DeepSeek's lack of resources. */
const GIVEN_UP: ReadonlySet<string> = new Set([
  'error',
  'abort',
  'aborted',
  'cancelled',
  'canceled',
  'insufficient_system_resource',
]);

/** A choice may carry an error of its own, or say that it was given up, beside a part of the answer. Throws what it says then. */
function refuseFailed(choice: { readonly finish_reason?: string | null | undefined } | undefined): void {
  const message = errorMessage(choice);
  if (message !== undefined) throw reported(message);
  const reason = choice?.finish_reason ?? '';
  if (GIVEN_UP.has(reason))
    throw new FrontierError('MODULE_FAILED', `the workload gave up: its finish reason is "${reason}"`);
}

/** The error that a server's own words make. */
function reported(message: string): FrontierError {
  const { reason, metadata } = reasonByText('MODULE_FAILED', message);
  return new FrontierError(reason, `the workload reports: ${excerpt(message)}`, { metadata });
}

function usageOf(usage: z.output<typeof usageSchema> | null | undefined): TokenUsage | undefined {
  return usage
    ? { promptTokens: whole(usage.prompt_tokens), completionTokens: whole(usage.completion_tokens) }
    : undefined;
}

/** The counts travel as uint32. */
function whole(count: number): number {
  return Math.min(Math.round(count), 2 ** 32 - 1);
}

function finishReasonOf(reason: string | null | undefined): FinishReason | undefined {
  switch (reason) {
    case undefined:
    case null:
    case '':
      return undefined;
    case 'length':
      return FinishReason.LENGTH;
    case 'content_filter':
      return FinishReason.CONTENT_FILTER;
    default:
      return FinishReason.STOP;
  }
}

/** Geometric mean of the tokens' probabilities; undefined when the server gives none. */
function meanProbability(logprobs: z.output<typeof logprobsSchema>): number | undefined {
  const tokens = logprobs?.content ?? [];
  if (tokens.length === 0) return undefined;
  return Math.exp(Math.min(0, tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length));
}

const EXCERPT_CHARACTERS = 200;

/** Gives the start of a foreign text in one line, for an error's message. */
export function excerpt(text: string): string {
  const line = text.slice(0, EXCERPT_CHARACTERS).replaceAll(/\s+/g, ' ').trim();
  return text.length > EXCERPT_CHARACTERS ? `${line}…` : line;
}
