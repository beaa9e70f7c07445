import type { AnswerPayload, ErrorPayload, ModuleMessage, TokenPayload } from '../../gen/frontier/common/v1/message.ts';
import { FinishReason, MessagePriority, MessageType } from '../../gen/frontier/common/v1/message.ts';
import type { Attachment } from '../../gen/frontier/common/v1/attachment.ts';
import { FrontierError, toFrontierError } from '../../core/errors.ts';
import type { Answer, Query, QueryAttachment } from './answerer.ts';

/** Translation between the contract's envelope and what a module knows of a query. Pure. */

/** Gives the query that an envelope carries. Throws INVALID_FIELD naming the faulty field, UNIMPLEMENTED when sealed. */
export function queryOf(message: ModuleMessage | undefined): Query {
  const payload = message?.payload;
  if (payload?.$case === 'sealed') {
    throw new FrontierError('UNIMPLEMENTED', 'this module cannot open sealed payloads; its sidecar has to');
  }
  if (payload?.$case !== 'query') {
    throw new FrontierError('INVALID_FIELD', `message.payload must be a query, it is ${payload?.$case ?? 'missing'}`, {
      metadata: { field: 'message.payload' },
    });
  }
  const { query, context, parameters, attachments, history } = payload.value;
  return {
    text: query,
    context: context ?? {},
    parameters: parameters ?? {},
    attachments: attachments.map(attachmentOf),
    history,
  };
}

function attachmentOf({ mediaType, name, source }: Attachment, index: number): QueryAttachment {
  const field = `attachments[${index}]`;
  const kind = mediaType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (kind === '')
    throw new FrontierError('INVALID_FIELD', `${field}.media_type is missing`, {
      metadata: { field: `${field}.media_type` },
    });
  if (source === undefined)
    throw new FrontierError('INVALID_FIELD', `${field} has neither data nor uri`, { metadata: { field } });
  return source.$case === 'data'
    ? { mediaType: kind, name, source: { kind: 'data', bytes: source.value } }
    : { mediaType: kind, name, source: { kind: 'uri', uri: source.value } };
}

/** What a reply's header takes from outside. */
export interface Stamp {
  readonly messageId: string;
  /** The module's id. */
  readonly source: string;
  /** In milliseconds since the epoch. */
  readonly nowMs: number;
}

export type ReplyPayload =
  | { $case: 'answer'; value: AnswerPayload }
  | { $case: 'token'; value: TokenPayload }
  | { $case: 'error'; value: ErrorPayload };

const TYPE_OF = { answer: MessageType.RESPONSE, token: MessageType.STREAM, error: MessageType.ERROR };

/** Gives the envelope of a reply to `request`, correlated with it and with its tenant and trace. */
export function replyTo(request: ModuleMessage | undefined, payload: ReplyPayload, stamp: Stamp): ModuleMessage {
  const header = request?.header;
  return {
    header: {
      messageId: stamp.messageId,
      correlationId: header?.messageId ?? '',
      source: stamp.source,
      destination: header?.source ?? '',
      type: TYPE_OF[payload.$case],
      priority: header?.priority ?? MessagePriority.NORMAL,
      createTime: new Date(stamp.nowMs),
      timeToLive: undefined,
      trace: header?.trace,
      tenant: header?.tenant ?? '',
    },
    payload,
    metadata: request?.metadata,
  };
}

/** Gives an answer as a payload; `processingMs` is the time that it took. */
export function answerPayload(answer: Answer, processingMs: number): AnswerPayload {
  return {
    content: answer.content,
    finishReason: answer.finishReason === 'stop' ? FinishReason.STOP : FinishReason.LENGTH,
    usage: answer.usage,
    ...(answer.selfAssessment === undefined ? {} : { selfAssessment: answer.selfAssessment }),
    confidence: undefined,
    processingTime: durationOf(processingMs),
    attachments: [],
  };
}

/** Gives any thrown value as an error payload. */
export function errorPayload(thrown: unknown): ErrorPayload {
  const { code, reason, message, retryAfterMs } = toFrontierError(thrown);
  return { code, reason, message, retryAfter: retryAfterMs === undefined ? undefined : durationOf(retryAfterMs) };
}

function durationOf(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}
