import { FrontierError } from '../../core/errors.ts';
import type { QueryPayload } from '../../gen/frontier/common/v1/message.ts';
import type { Attachment } from '../../gen/frontier/common/v1/attachment.ts';
import { chatParameters, type ChatParameters } from './openai-parameters.ts';

export interface OpenAiSettings {
  readonly systemPrompt: string | undefined;
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
}

/** Fields that some servers refuse; each is left out once a server has refused it. */
export interface OptionalFields {
  readonly logprobs: boolean;
  readonly streamOptions: boolean;
}

type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

export interface ChatMessage {
  readonly role: string;
  readonly content: string | readonly ContentPart[];
}

/** Body of POST /chat/completions. */
export interface ChatRequest extends ChatParameters {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream: boolean;
  readonly logprobs?: true;
  readonly stream_options?: { readonly include_usage: true };
}

const ROLES = ['system', 'user', 'assistant'];
/** Longest open context that is shown to the model, in characters. */
const LONGEST_CONTEXT = 16_384;

/** Gives the request for a query. Throws INVALID_FIELD with the parameter's path, or UNSUPPORTED_MEDIA_TYPE. */
export function chatRequest(
  query: QueryPayload,
  model: string,
  settings: OpenAiSettings,
  { stream, optional }: { stream: boolean; optional: OptionalFields },
): ChatRequest {
  return {
    model,
    messages: messagesOf(query, settings.systemPrompt),
    stream,
    ...chatParameters(query.parameters ?? {}, settings),
    ...(optional.logprobs ? { logprobs: true } : {}),
    ...(stream && optional.streamOptions ? { stream_options: { include_usage: true } } : {}),
  };
}

function messagesOf(query: QueryPayload, systemPrompt: string | undefined): ChatMessage[] {
  const context = contextText(query.context);
  const system = [systemPrompt, context].filter((part) => part !== undefined).join('\n\n');
  return [
    ...(system === '' ? [] : [{ role: 'system', content: system }]),
    ...query.history.map(({ role, content }, index) => ({ role: knownRole(role, index), content })),
    { role: 'user', content: userContent(query) },
  ];
}

function contextText(context: QueryPayload['context']): string | undefined {
  if (context === undefined || Object.keys(context).length === 0) return undefined;
  return `Context of the request, as JSON: ${JSON.stringify(context).slice(0, LONGEST_CONTEXT)}`;
}

function knownRole(role: string, index: number): string {
  if (ROLES.includes(role)) return role;
  throw invalid(`history[${index}].role`, `must be one of ${ROLES.join(', ')}`);
}

function userContent({ query, attachments }: QueryPayload): ChatMessage['content'] {
  if (attachments.length === 0) return query;
  const parts = attachments.map(partOf);
  return query === '' ? parts : [{ type: 'text', text: query }, ...parts];
}

function partOf(attachment: Attachment): ContentPart {
  const { mediaType, source, name } = attachment;
  if (mediaType.startsWith('image/')) return { type: 'image_url', image_url: { url: imageUrl(attachment) } };
  const textual = mediaType.startsWith('text/') || /^application\/(?:json|xml|yaml)$|\+(?:json|xml)$/.test(mediaType);
  if (textual && source?.$case === 'data') {
    return { type: 'text', text: `Attached file ${name || 'without a name'}:\n${decodeText(source.value, name)}` };
  }
  throw new FrontierError('UNSUPPORTED_MEDIA_TYPE', `the module cannot read attachments of type ${mediaType}`, {
    metadata: { media_type: mediaType },
  });
}

function imageUrl({ mediaType, source, name }: Attachment): string {
  if (source?.$case === 'data') return `data:${mediaType};base64,${source.value.toString('base64')}`;
  if (source?.$case === 'uri' && /^(?:https?:|data:)/.test(source.value)) return source.value;
  throw new FrontierError('ATTACHMENT_UNREADABLE', `attachment ${name} has neither bytes nor an http(s) address`);
}

function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FrontierError('ATTACHMENT_UNREADABLE', `attachment ${name} is not UTF-8 text`, { cause });
  }
}

function invalid(field: string, fault: string): FrontierError {
  return new FrontierError('INVALID_FIELD', `${field} ${fault}`, { metadata: { field } });
}
