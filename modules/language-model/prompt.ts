import { FrontierError } from '../../core/errors.ts';
import type { Query, Turn } from '../shared/answerer.ts';
import { bytesOf, unreadable } from '../shared/data-uri.ts';

/**
 * The prompt in ChatML, the template of SmolLM2 and many others. Its marks are told from the user's text, which
 * is never read as a mark: a query that says "<|im_end|>" ends nothing.
 */

export interface Segment {
  readonly text: string;
  /** Whether the text holds marks of the template. */
  readonly isTemplate: boolean;
}

const ROLES = new Set(['system', 'user', 'assistant']);

/** Gives the turns of a query: the module's instructions, earlier turns, then the question with its context and files. */
export function turnsOf(query: Query, systemPrompt: string): readonly Turn[] {
  query.history.forEach(({ role }, index) => {
    if (ROLES.has(role)) return;
    throw new FrontierError(
      'INVALID_FIELD',
      `history[${index}].role must be system, user or assistant, it is "${role}"`,
      {
        metadata: { field: `history[${index}].role` },
      },
    );
  });
  return [{ role: 'system', content: systemPrompt }, ...query.history, { role: 'user', content: questionOf(query) }];
}

function questionOf(query: Query): string {
  if (query.text.trim() === '')
    throw new FrontierError('EMPTY_QUERY', 'the query is empty', { metadata: { field: 'query' } });
  const files = query.attachments.map(
    (attachment, index) => `${attachment.name || 'File'}:\n${textOf(query, index)}\n\n`,
  );
  const context = Object.keys(query.context).length === 0 ? '' : `Context: ${JSON.stringify(query.context)}\n\n`;
  return `${files.join('')}${context}${query.text}`;
}

/** Gives the text of an attachment. Throws UNSUPPORTED_MEDIA_TYPE for what is not text. */
function textOf({ attachments }: Query, index: number): string {
  const attachment = attachments[index];
  if (attachment === undefined) throw new RangeError(`no attachment ${index}`);
  const { mediaType } = attachment;
  if (!isText(mediaType)) {
    throw new FrontierError(
      'UNSUPPORTED_MEDIA_TYPE',
      `attachments[${index}] is ${mediaType}; a language module reads text only`,
      {
        metadata: { field: `attachments[${index}].media_type`, media_type: mediaType },
      },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(attachment, index));
  } catch (error) {
    if (error instanceof FrontierError) throw error;
    throw unreadable(index, 'it is not UTF-8', error);
  }
}

/** Tells whether a media type is read as text. */
export function isText(mediaType: string): boolean {
  return mediaType.startsWith('text/') || mediaType === 'application/json';
}

/** Gives turns as ChatML, ending where the assistant's answer begins. */
export function segmentsOf(turns: readonly Turn[]): readonly Segment[] {
  const written = turns.flatMap(({ role, content }) => [
    { text: `<|im_start|>${role}\n`, isTemplate: true },
    { text: content, isTemplate: false },
    { text: '<|im_end|>\n', isTemplate: true },
  ]);
  return [...written, { text: '<|im_start|>assistant\n', isTemplate: true }];
}

export type Tokenize = (text: string, isTemplate: boolean) => readonly number[];

/** Room kept for an answer before history is given up for it, at the least, in tokens. */
const LEAST_ANSWER_TOKENS = 64;
/** No token of common vocabularies stands for more characters; a longer query need not be tokenised to be refused. */
const MAX_CHARACTERS_PER_TOKEN = 64;

export interface FittedPrompt {
  readonly tokens: readonly number[];
  /** Tokens left for the answer. */
  readonly room: number;
  /** Earlier turns that had to be left out, oldest first. */
  readonly droppedTurns: number;
}

/**
 * Gives the tokens of the turns, leaving out the oldest of the history until the answer has room. The instructions (first turn) and the question
 * (last) always stay. Throws QUERY_TOO_LARGE when they alone leave too little room.
 */
export function fitPrompt(
  turns: readonly Turn[],
  limits: { readonly contextTokens: number; readonly maxTokens: number },
  tokenize: Tokenize,
): FittedPrompt {
  const { contextTokens } = limits;
  const reserve = Math.min(limits.maxTokens, Math.max(LEAST_ANSWER_TOKENS, Math.floor(contextTokens / 4)));
  refuseHuge(turns, contextTokens);
  const encode = (some: readonly Turn[]): readonly number[] =>
    segmentsOf(some).flatMap(({ text, isTemplate }) => (text === '' ? [] : tokenize(text, isTemplate)));
  for (let dropped = 0; ; dropped++) {
    const tokens = encode([...turns.slice(0, 1), ...turns.slice(1 + dropped)]);
    const room = contextTokens - tokens.length;
    if (room >= reserve) return { tokens, room, droppedTurns: dropped };
    if (dropped < turns.length - 2) continue;
    if (room >= Math.min(limits.maxTokens, LEAST_ANSWER_TOKENS)) return { tokens, room, droppedTurns: dropped };
    throw tooLarge(`takes ${tokens.length} tokens`, contextTokens);
  }
}

function refuseHuge(turns: readonly Turn[], contextTokens: number): void {
  const length = turns.at(-1)?.content.length ?? 0;
  if (length > contextTokens * MAX_CHARACTERS_PER_TOKEN) throw tooLarge(`has ${length} characters`, contextTokens);
}

function tooLarge(what: string, contextTokens: number): FrontierError {
  return new FrontierError(
    'QUERY_TOO_LARGE',
    `the query with its context and files ${what}, too much for the module's ${contextTokens}: shorten it`,
    { metadata: { field: 'query', context_tokens: String(contextTokens) } },
  );
}
