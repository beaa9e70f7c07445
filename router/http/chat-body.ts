import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { FrontierError } from '../../core/errors.ts';
import { checkQuery, invalid, type QueryLimits } from '../bindings/check-query.ts';
import { STRATEGIES, type Attachment, type ChatTurn, type JsonObject, type Query } from '../domain/query.ts';
import { checkBody } from './parse-body.ts';
import { bytesOfBase64 } from './route-body.ts';

/** Model name with which the router chooses the module. */
export const AUTO_MODEL = 'auto';

const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
  z.object({ type: z.literal('input_audio'), input_audio: z.object({ data: z.string(), format: z.string() }) }),
]);
type Part = z.output<typeof part>;

const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(part)]),
});

/** Body of POST /v1/chat/completions. Fields that clients send beside these are passed over, as other servers do. */
const chatBody = z.looseObject({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1, 'must be 1').nullish(),
  tools: z.array(z.unknown()).max(0, 'are not supported').nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  response_format: z.looseObject({ type: z.enum(['text', 'json_object', 'json_schema']) }).nullish(),
  user: z.string().nullish(),
  // Ours: the form itself has no words for them.
  stream_failure_policy: z.enum(['no_restart', 'continue']).nullish(),
  strategy: z.enum(STRATEGIES).nullish(),
});
type ChatBody = z.output<typeof chatBody>;

/** Fields that modules know as parameters of the same name. */
const PASSED_ON = [
  'temperature',
  'top_p',
  'seed',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'response_format',
] as const;

/** A chat request, as the pipeline takes it. */
export interface ChatRequest {
  readonly query: Query;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** Gives a body in OpenAI's form as a checked request: the last user message is the query, what stands before it the history. */
export function chatRequestFromBody(
  body: unknown,
  limits: QueryLimits,
  streamFailure: 'no_restart' | 'continue',
): ChatRequest {
  const checked = checkBody(chatBody, body);
  const lastUser = checked.messages.findLastIndex(({ role }) => role === 'user');
  const asked = checked.messages[lastUser];
  if (asked === undefined) throw invalid('messages', 'must have one with the role "user"');
  const query: Query = {
    requestId: `chatcmpl-${randomUUID()}`,
    text: textOf(asked.content),
    userId: checked.user ?? '',
    context: undefined,
    parameters: parametersOf(checked),
    attachments: partsOf(asked.content).flatMap((each, at) =>
      attachmentOf(each, `messages[${lastUser}].content[${at}]`),
    ),
    history: checked.messages.filter((_, at) => at !== lastUser).map(turnOf),
    moduleId: checked.model === AUTO_MODEL ? undefined : checked.model,
    // A model has to be named in this form, so that a name is no demand to have it or nothing.
    mayFallBack: true,
    ...(checked.strategy == null ? {} : { strategy: checked.strategy }),
    maxCost: undefined,
    explain: false,
    // The form has no way to take tokens back, so what has been sent stands.
    streamFailurePolicy: checked.stream_failure_policy ?? streamFailure,
    priority: undefined,
    sessionId: '',
    cachePolicy: 'use',
  };
  return {
    query: checkQuery(query, limits),
    stream: checked.stream ?? false,
    includeUsage: checked.stream_options?.include_usage ?? false,
  };
}

function turnOf({ role, content }: ChatBody['messages'][number]): ChatTurn {
  return { role: role === 'developer' ? 'system' : role, content: textOf(content) };
}

function partsOf(content: string | readonly Part[]): readonly Part[] {
  return typeof content === 'string' ? [] : content;
}

function textOf(content: string | readonly Part[]): string {
  if (typeof content === 'string') return content;
  return content.flatMap((each) => (each.type === 'text' ? [each.text] : [])).join('\n');
}

function parametersOf(body: ChatBody): JsonObject | undefined {
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const parameters = Object.fromEntries([
    ...(maxTokens == null ? [] : [['max_tokens', maxTokens] as const]),
    ...PASSED_ON.flatMap((name) => (body[name] == null ? [] : [[name, body[name]] as const])),
  ]);
  return Object.keys(parameters).length === 0 ? undefined : parameters;
}

function attachmentOf(each: Part, field: string): Attachment[] {
  if (each.type === 'text') return [];
  if (each.type === 'input_audio') {
    const { data, format } = each.input_audio;
    return [
      {
        mediaType: `audio/${format}`,
        source: { kind: 'data', data: bytesOfBase64(data, `${field}.input_audio.data`) },
        name: '',
      },
    ];
  }
  return [imageOf(each.image_url.url, `${field}.image_url.url`)];
}

function imageOf(url: string, field: string): Attachment {
  if (!url.startsWith('data:')) return { mediaType: mediaTypeOfPath(url), source: { kind: 'uri', uri: url }, name: '' };
  const match = /^data:([^;,]+)(?:;[^,]*)?;base64,/.exec(url);
  if (match === null) {
    throw new FrontierError('ATTACHMENT_UNREADABLE', `${field} is not a base64 data URI`, { metadata: { field } });
  }
  const [head, mediaType = ''] = match;
  return { mediaType, source: { kind: 'data', data: bytesOfBase64(url.slice(head.length), field) }, name: '' };
}

/** An image's type by its address; the form does not tell it. */
function mediaTypeOfPath(url: string): string {
  const extension = /\.(png|jpe?g|gif|webp|bmp)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase();
  return `image/${extension === undefined || extension === 'jpg' ? 'jpeg' : extension}`;
}
